# ruff: noqa: E501 - tables
"""Rules that people write, poll by poll: when each fires and resolves, over gaps, restarts and attempts."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Alert, AlertState, Change, Severity
from bot.domain.gaps import Part
from bot.domain.jobs import JobState
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.domain.subscriptions import RuleSettings
from bot.errors import UsageError
from bot.rules.conditions.own_rules import own_rule
from bot.rules.diagnosis_config import build_scanner
from bot.rules.evaluate import evaluate_rules, resume_diagnosis, wanted_rules
from bot.rules.metrics.reports import MAX_POINTS
from bot.rules.settings import parse_settings
from tests.unit.rules.observing import REF, START, gap, job, line

Report = Callable[[int], str]
"""The line of a minute; "" for none."""


@pytest.fixture(scope="module")
def scanner() -> PageScanner:
    return build_scanner()


class Watched:
    """One job that is polled every minute; its state goes through JSON, as when each poll is another process."""

    def __init__(self, scanner: PageScanner, *rules: str) -> None:
        self.scanner, self.rules = scanner, rules
        self.settings = parse_settings(rules)
        self.alerts: Sequence[Alert] = ()
        self.log: object = None
        self.events: list[tuple[str, int, str]] = []

    def poll(self, minute: int, observation: Observation) -> None:
        diagnosis, log = resume_diagnosis(self.scanner, self.log, observation)
        wanted = wanted_rules([self.settings])
        evaluated = evaluate_rules(self.alerts, wanted, observation, diagnosis)
        self.log = json.loads(json.dumps(log))
        self.alerts = [
            replace(one.alert, memory=json.loads(msgspec.json.encode(one.alert.memory))) for one in evaluated
        ]
        for one in evaluated:
            if (
                one.transition is not None
                and one.transition.change is not Change.UPDATED
                and one.alert.rule in self.settings.own
            ):
                self.events.append((one.transition.change.value, minute, one.alert.rule))  # fmt: skip

    def run(self, minutes: range, report: Report) -> list[tuple[str, int]]:
        for minute in minutes:
            at = START + timedelta(minutes=minute)
            text = report(minute)
            lines = (line(text, second=60.0 * minute - 1),) if text else ()
            self.poll(minute, Observation(REF, at, job(), lines))
        return [(change, minute) for change, minute, _ in self.events]

    def alert(self, rule: str) -> Alert:
        return next(one for one in self.alerts if one.rule == rule)


def loss(values: Callable[[int], float]) -> Report:
    return lambda minute: f"step {minute} loss: {values(minute):.4f}"


@pytest.mark.parametrize(
    ("rule", "report", "events"),
    [
        ("loss > 5 for 10m", loss(lambda at: 6 if 30 <= at < 50 else 2), [("fired", 40), ("resolved", 64)]),
        ("loss > 5 for 10m", loss(lambda at: 6 if 30 <= at < 38 else 2), []),
        ("loss > 5 for 10m", loss(lambda at: 6 if at % 2 else 2), []),
        ("loss > 5 for 20m", loss(lambda at: 6 if at >= 30 and at != 45 else 2), [("fired", 50)]),
        ("loss > 5 for 10m", loss(lambda at: math.nan if at >= 30 else 6), [("fired", 11)]),
        ("loss > 5 for 10m", lambda at: f"step {at} loss: 6" if at % 20 == 0 else "", [("fired", 40)]),
        ("loss > 5", loss(lambda at: 6 if at == 30 else 2), [("fired", 30), ("resolved", 40)]),
        ("loss > 5", loss(lambda at: math.inf if at == 30 else 2), [("fired", 30), ("resolved", 40)]),
        ("loss > 5 for 10m", loss(lambda at: math.inf if at >= 30 else 2), [("fired", 40)]),
        ("tokens_per_second drops 7% for 15m", lambda at: f"step {at} loss 2 {12000 - 1000 * (at >= 60):,} tokens/s", [("fired", 75)]),
        ("tokens_per_second drops 7% for 15m", lambda at: f"step {at} loss 2 {12000 - 700 * (at >= 60):,} tokens/s", []),
        ("tokens_per_second drops 7% for 15m", lambda at: f"step {at} loss 2 {12000 if at % 10 else 3000} tokens/s", []),
        ("tokens_per_second drops 7% for 15m", lambda at: f"step {at} loss 2 {3000 if at < 4 else 12000} tokens/s", []),
        ("tokens_per_second drops 7% for 15m", lambda at: f"step {at} loss 2 {9000 if 40 <= at < 70 else 12000} tokens/s", [("fired", 55), ("resolved", 87)]),
        ("eval/accuracy falls", lambda at: f"eval/accuracy: {0.5 + min(at, 60) / 200 - max(0, at - 60) / 100}" if at % 10 == 0 else "", [("fired", 90)]),
        ("eval/accuracy falls", lambda at: f"eval/accuracy: {0.5 + at / 200 - 0.1 * (at == 60)}" if at % 10 == 0 else "", []),
        ("eval/loss rises over 2 reports", lambda at: f"eval/loss: {2 + abs(at - 60) / 50}" if at % 10 == 0 else "", [("fired", 90)]),
        ("gpu_mem > 60", lambda at: f"step {at} gpu_mem: {55 + 7.3 * (at >= 30):.1f}%", [("fired", 30)]),
        ("gpu_mem > 0.6", lambda at: f"step {at} gpu_mem: {55 + 7.3 * (at >= 30):.1f}%", [("fired", 30)]),
        ("accuracy > 90%", lambda at: f"step {at} accuracy: {80 + 13 * (at >= 30)}", [("fired", 30)]),
        ("accuracy > 90%", lambda at: f"step {at} accuracy: {0.8 + 0.13 * (at >= 30):.2f}", [("fired", 30)]),
        ("missing > 1", loss(lambda at: 6), []),
    ],
)  # fmt: skip
def test_when_a_rule_fires_and_resolves(
    scanner: PageScanner, rule: str, report: Report, events: list[tuple[str, int]]
) -> None:
    assert Watched(scanner, rule).run(range(1, 121), report) == events


@pytest.mark.parametrize("rule", ["loss rises", "loss rises for 30m", "loss falls 7% for 30m", "tokens_per_second drops 10% for 15m", "grad_norm rises 100% for 10m"])  # fmt: skip
def test_a_healthy_run_is_quiet(scanner: PageScanner, rule: str) -> None:
    """The loss settles and is noisy, checkpoints are slow, and the first steps compile."""
    noise = random.Random(5)

    def report(minute: int) -> str:
        speed = 500 if minute < 3 else 4000 if minute % 30 == 0 else 12000 * noise.gauss(1, 0.02)
        value = (2 + (0 if "falls" in rule else 6 / (1 + minute))) * noise.gauss(1, 0.01)
        return f"step {minute} loss: {value:.4f} grad_norm: {noise.uniform(0.5, 1.5):.3f} {speed:,.1f} tokens/s"

    assert Watched(scanner, rule).run(range(1, 301), report) == []


def test_a_new_attempt_starts_without_reports(scanner: PageScanner) -> None:
    """The level before a restart says nothing about the run after it, and an alert of the old attempt ends."""
    watched = Watched(scanner, "loss > 5 for 10m", "tokens_per_second drops 7% for 15m")

    def report(minute: int) -> str:
        step, speed = (minute, 12000) if minute < 60 else (minute - 59, 9000)
        return f"step {step} loss: {6 if 20 <= minute < 60 else 2} {speed:,} tokens/s"

    assert watched.run(range(1, 121), report) == [("fired", 30), ("resolved", 71)]


def test_a_spike_between_two_polls_is_found(scanner: PageScanner) -> None:
    watched = Watched(scanner, "grad_norm > 100")
    lines = [line(f"step {n} loss 2 grad_norm: {250 if n == 40 else 1}", second=n / 10) for n in range(1, 100)]

    watched.poll(1, Observation(REF, START + timedelta(minutes=1), job(), tuple(lines)))

    assert [("fired", 1, "grad_norm > 100")] == watched.events
    evidence = watched.alert("grad_norm > 100").evidence
    assert evidence is not None
    assert evidence.summary == "grad_norm is 250 at step 40, above 100."
    assert evidence.first_at == START + timedelta(seconds=4)
    assert dict(evidence.facts) == {"Rule": "grad_norm > 100", "Now": "250", "Limit": "100", "Since": "step 40"}
    assert evidence.chart is not None
    assert [level.value for level in evidence.chart.levels] == [100.0]


def test_evidence_stays_as_first_notified(scanner: PageScanner) -> None:
    watched = Watched(scanner, "loss > 5 for 10m as page")
    watched.run(range(1, 12), loss(lambda at: 6 + at / 100))
    first = watched.alert("loss > 5 for 10m as page")
    watched.run(range(12, 40), loss(lambda at: 6 + at / 100))
    last = watched.alert("loss > 5 for 10m as page")

    assert (AlertState.FIRING, Severity.PAGE) == (last.state, last.severity)
    assert first.evidence == last.evidence
    assert first.evidence is not None
    assert first.evidence.summary == "loss is 6.11 at step 11, above 5 for 10 min."
    assert last.evidence is not None
    assert last.evidence.chart != first.evidence.chart


def test_a_report_without_a_step_is_at_the_newest_one(scanner: PageScanner) -> None:
    """The loss of Hugging Face's trainer has no step; its bar has."""
    watched = Watched(scanner, "loss > 5", "kl > 1")
    texts = [f" 12%|█ | {step}/500 [00:10<01:00, 1.00it/s]" for step in range(1, 60)]
    texts += ["{'loss': 6.5, 'grad_norm': 0.4, 'epoch': 0.1}", "kl: 2.5"]
    lines = tuple(line(text, second=number / 2) for number, text in enumerate(texts))
    for minute, new in ((1, lines), (2, (line(" 12%|█ | 90/500 [00:10<01:00, 1.00it/s]", second=90),))):
        watched.poll(minute, Observation(REF, START + timedelta(minutes=minute), job(), new))

    found = [watched.alert(rule).evidence for rule in watched.rules]
    assert [one.summary for one in found if one] == [
        "loss is 6.5 at step 59, above 5.",
        "kl is 2.5 at step 59, above 1.",
    ]


def test_what_cannot_be_read_neither_fires_nor_resolves(scanner: PageScanner) -> None:
    watched = Watched(scanner, "loss > 5 for 10m")
    watched.run(range(1, 20), loss(lambda at: 6))
    for minute in range(20, 60):
        watched.poll(minute, Observation(REF, START + timedelta(minutes=minute), job(), gaps=(gap(Part.LOGS),)))
    watched.run(range(60, 62), lambda at: "")

    assert AlertState.FIRING is watched.alert("loss > 5 for 10m").state
    ended = Observation(REF, START + timedelta(minutes=70), job(JobState.SUCCEEDED, "DONE"))
    watched.poll(70, ended)
    assert [("fired", 11), ("resolved", 70)] == [(change, minute) for change, minute, _ in watched.events]


def test_metrics_of_the_platform_have_the_same_grammar(scanner: PageScanner) -> None:
    watched = Watched(scanner, "gpu_utilization < 30% for 20m")
    (own,) = [one for one in wanted_rules([watched.settings]).values() if one.initial_alert.rule in watched.rules]
    assert own.metrics_window == timedelta(minutes=50)

    def series(minute: int, gpu: int) -> MetricSeries:
        points = (MetricPoint(0.1 if gpu == 3 and at >= 30 else 0.9, START + timedelta(minutes=at))
                  for at in range(max(1, minute - 5), minute + 1))  # fmt: skip
        return MetricSeries(GPU_UTILIZATION, tuple(points), gpu=gpu)

    for minute in range(1, 61):
        at = START + timedelta(minutes=minute)
        watched.poll(minute, Observation(REF, at, job(), series=tuple(series(minute, gpu) for gpu in range(8))))

    assert [("fired", 50, "gpu_utilization < 30% for 20m")] == watched.events
    evidence = watched.alert("gpu_utilization < 30% for 20m").evidence
    assert evidence is not None
    assert evidence.summary == "gpu_utilization is 10 %, below 30 % for 20 min."


def test_state_is_bounded(scanner: PageScanner) -> None:
    watched = Watched(scanner, "loss rises over 50 reports", "loss > 5 for 1h")

    def observations() -> Iterator[tuple[int, Observation]]:
        for minute in range(1, 60):
            lines = (line(f"step {60 * minute + n} loss 2.{n}", second=60 * minute + n) for n in range(60))
            yield minute, Observation(REF, START + timedelta(minutes=minute + 1), job(), tuple(lines))

    for minute, observation in observations():
        watched.poll(minute, observation)

    for rule in watched.rules:
        memory = watched.alert(rule).memory
        assert len(memory["points"]) <= MAX_POINTS  # type: ignore[arg-type]
        assert len(json.dumps(memory)) < 40 * MAX_POINTS


@pytest.mark.parametrize(
    ("typed", "problem"),
    [("gpu_utilization < 30", "Use a percentage, such as `gpu_utilization < 30%`"),
     ("gpu_memory > 70", "such as `gpu_memory > 70GiB`")],
)  # fmt: skip
def test_thresholds_that_no_sample_can_have_are_refused(typed: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings([typed])
    assert problem in caught.value.public


def test_without_such_rules_no_line_is_read() -> None:
    assert all(not one.log_key for one in wanted_rules([RuleSettings()]).values())
    assert own_rule("job_failed") is None
