"""`rules test` observes the past as the watcher would have, and reports the alerts that would have fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.handlers import rules
from bot.commands.handlers.job_history import job_at
from bot.commands.parsing.formatting import format_command
from bot.commands.parsing.parser import parse
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.rules import ReplayAnswer, ReplayCommand, RulesAnswer, RulesCommand
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Resolution
from bot.domain.durations import ns_from_datetime
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobState
from bot.domain.logs import Level, LogLine
from bot.domain.metrics import GPU_UTILIZATION, MetricPoint, MetricQuery, MetricSeries
from bot.errors import Unavailable, UsageError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import DiagnosisConfig, build_scanner
from bot.rules.settings import AS_SHIPPED, parse_settings
from tests.fakes.provider import NOW, REF, FakeProvider, registry_of

MINUTE = timedelta(minutes=1)
BORN = NOW - timedelta(hours=4)
RUNNING = Job(REF, JobState.RUNNING, "RUNNING", name="run 1", created_at=BORN, started_at=BORN)
ENDED = Job(
    REF, JobState.FAILED, "FAILED", created_at=BORN, started_at=BORN + MINUTE, ended_at=NOW - 60 * MINUTE, error="boom"
)


@pytest.fixture(scope="module")
def scanner() -> PageScanner:
    return build_scanner()


def line(minute: float, text: str, level: Level | None = None) -> LogLine:
    """A line from this many minutes ago."""
    return LogLine(ns_from_datetime(NOW - minute * MINUTE), text, rank=3, level=level)


class Measured(FakeProvider):
    """Returns only the samples of the query's window."""

    async def query_metrics(self, query: MetricQuery) -> Sequence[MetricSeries]:
        assert query.start is not None
        assert query.end is not None
        series = await super().query_metrics(query)
        return [
            replace(
                one, points=tuple(point for point in one.points if point.at and query.start <= point.at <= query.end)
            )
            for one in series
        ]


def utilization(idle_from: datetime, idle_until: datetime) -> MetricSeries:
    times = [BORN + number * timedelta(seconds=30) for number in range(480)]
    return MetricSeries(
        GPU_UTILIZATION, tuple(MetricPoint(0.0 if idle_from <= at < idle_until else 0.9, at) for at in times), gpu=0
    )


def provider_of(*lines: LogLine, job: Job = RUNNING, series: Sequence[MetricSeries] | None = None) -> Measured:
    return Measured(list(lines), page_lines=50, jobs={REF.id: job}, series=series)


async def ask(provider: FakeProvider, scanner: PageScanner, text: str = "", *, own: str = "") -> Answer:
    defaults = parse_settings([own]) if own else AS_SHIPPED
    diagnosis_config = DiagnosisConfig(scanner, defaults)
    command = parse(f"rules test mem:run/1 {text}")
    assert isinstance(command, ReplayCommand)
    runner = CommandRunner(registry_of(provider), lambda: NOW, Redactor(["hunter2"]), lambda: diagnosis_config)
    return await runner.run(command)


async def replayed(provider: FakeProvider, scanner: PageScanner, text: str = "", *, own: str = "") -> ReplayAnswer:
    answer = await ask(provider, scanner, text, own=own)
    assert isinstance(answer, ReplayAnswer), answer
    return answer


async def test_past_error_fires_then_and_resolves_when_it_is_quiet(scanner: PageScanner) -> None:
    answer = await replayed(provider_of(line(120, "ERROR: the mailer is closed"), line(100, "fine")), scanner)
    (alert,) = answer.alerts
    assert ("log_errors", "the mailer is closed") == (alert.rule, alert.evidence.summary)
    assert timedelta(0) <= alert.fired_at - (NOW - 120 * MINUTE) <= answer.step
    assert alert.resolved_at is not None
    assert timedelta(minutes=14) < alert.resolved_at - alert.fired_at < timedelta(minutes=17)
    assert Resolution.CLEARED is alert.resolution
    assert "log_errors" not in answer.quiet
    assert {"failure", "hang", "job_failed"} <= set(answer.quiet)


async def test_failure_fires_for_the_log_and_for_the_state(scanner: PageScanner) -> None:
    oom = line(61, "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB.")
    answer = await replayed(provider_of(line(90, "step 1 loss 2"), oom, job=ENDED), scanner)
    fired = {alert.rule: alert for alert in answer.alerts}
    assert {"failure", "job_failed"} == set(fired)
    assert "GPU out of memory" == fired["failure"].title
    assert timedelta(0) <= fired["job_failed"].fired_at - (NOW - 60 * MINUTE) <= answer.step
    assert NOW - 60 * MINUTE + rules.AFTER_END == answer.end
    assert fired["failure"].resolved_at is None


async def test_past_idle_gpus_are_found_with_other_settings(scanner: PageScanner) -> None:
    series = [utilization(NOW - 120 * MINUTE, NOW - 110 * MINUTE)]
    usual = await replayed(provider_of(series=series), scanner)
    strict = await replayed(provider_of(series=series), scanner, "low_gpu_utilization.for=5m")
    assert () == usual.alerts
    (alert,) = strict.alerts
    assert "low_gpu_utilization" == alert.rule
    assert timedelta(minutes=4) < alert.fired_at - (NOW - 120 * MINUTE) < timedelta(minutes=8)
    assert alert.resolved_at is not None


async def test_samples_that_cannot_be_true_are_a_gap_once(scanner: PageScanner) -> None:
    idle = utilization(NOW - 120 * MINUTE, NOW - 90 * MINUTE)
    spikes = [
        point._replace(value=2.0**32 - 1) if index % 10 == 0 else point for index, point in enumerate(idle.points)
    ]
    answer = await replayed(provider_of(series=[replace(idle, points=tuple(spikes))]), scanner)
    assert ["low_gpu_utilization"] == [alert.rule for alert in answer.alerts]
    (gap,) = answer.gaps
    assert GapReason.INVALID_SAMPLES is gap.reason
    assert "cannot be true, such as 4,294,967,295" in gap.public


async def test_metrics_are_requested_in_parts_and_each_sample_used_once(scanner: PageScanner) -> None:
    provider = provider_of(series=[utilization(NOW, NOW)])
    await replayed(provider, scanner)
    windows = [(query.start, query.end) for query in provider.metric_queries]
    assert 2 <= len(windows) <= 6
    assert all(end == start for (_, end), (start, _) in pairwise(windows))
    assert NOW == windows[-1][1]


async def test_settings_of_the_installation_apply_and_can_be_overridden(scanner: PageScanner) -> None:
    provider = provider_of(line(120, "ERROR: the mailer is closed"))
    assert () == (await replayed(provider, scanner, own="log_errors=off")).alerts
    assert 1 == len((await replayed(provider, scanner, "log_errors=on", own="log_errors=off")).alerts)


async def test_alert_below_the_severity_is_left_out(scanner: PageScanner) -> None:
    answer = await replayed(provider_of(line(120, "ERROR: the mailer is closed")), scanner, "severity=page")
    assert () == answer.alerts
    assert "log_errors" in answer.quiet


async def test_past_pause_of_the_log_is_a_past_hang(scanner: PageScanner) -> None:
    before = [line(200 - number / 6, f"step {number} loss 2.5") for number in range(300)]
    after = [line(90 - number / 6, f"step {number + 300} loss 2.5") for number in range(500)]
    answer = await replayed(provider_of(*before, *after), scanner, "failure=off")
    (alert,) = [one for one in answer.alerts if one.rule == "hang"]
    assert timedelta(minutes=5) <= alert.fired_at - (NOW - 150 * MINUTE) < timedelta(minutes=12)
    assert alert.resolved_at is not None


async def test_long_window_is_polled_less_often_with_a_note(scanner: PageScanner) -> None:
    old = Job(REF, JobState.RUNNING, "RUNNING", created_at=NOW - timedelta(days=30))
    answer = await replayed(provider_of(job=old), scanner, "--since 7d")
    assert timedelta(days=7) / rules.MAX_POLLS <= answer.step < timedelta(minutes=8)
    assert any("less often" in note for note in answer.notes)


async def test_secrets_are_redacted(scanner: PageScanner) -> None:
    answer = await replayed(provider_of(line(120, "ERROR: hunter2")), scanner)
    assert "hunter2" not in repr(answer)


async def test_long_log_is_read_up_to_the_limit(scanner: PageScanner) -> None:
    provider = provider_of(*(line(200 - number / 10, f"step {number}") for number in range(1000)))
    command = parse("rules test mem:run/1")
    assert isinstance(command, ReplayCommand)
    tested = rules.ReplaySettings(DiagnosisConfig(scanner))
    answer = await rules.replay(provider, REF, command, tested, Redactor(), NOW, max_lines=100)
    assert answer.end < NOW - 150 * MINUTE
    assert any("narrow the window" in note for note in answer.notes)


async def test_replay_ends_where_the_platform_fails(scanner: PageScanner) -> None:
    provider = provider_of(*(line(200 - number / 10, f"step {number}") for number in range(1000)))
    provider.log_errors = iter([None, Unavailable("mem is down.")])
    answer = await replayed(provider, scanner)
    assert ["mem is down."] == [gap.public for gap in answer.gaps]
    assert answer.end < NOW - 150 * MINUTE


async def test_unreachable_lines_fire_log_gap(scanner: PageScanner) -> None:
    provider = provider_of(line(120, "step 1"))
    provider.gaps = (Gap(Part.LOGS, GapReason.UNREACHABLE_LINES, "too many in one millisecond"),)
    answer = await replayed(provider, scanner)
    assert ["log_gap"] == [one.rule for one in answer.alerts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("--start 2026-03-01 --end 2026-03-02", "was not running in that time range"),
        ("log_erors=off", "did you mean `log_errors`?"),
        ("--since 3h --start 2026-03-13", "not both"),
    ],
)
async def test_invalid_replay_is_explained(text: str, expected: str, scanner: PageScanner) -> None:
    try:
        answer = await ask(provider_of(), scanner, text)
    except UsageError as problem:
        answer = ErrorAnswer(problem.public)
    assert isinstance(answer, ErrorAnswer)
    assert expected in answer.public


async def test_pinned_command_replays_the_same_window(scanner: PageScanner) -> None:
    answer = await replayed(provider_of(), scanner, "--since 2h log_errors=off")
    again = parse(format_command(answer.pinned))
    assert isinstance(again, ReplayCommand)
    assert (ns_from_datetime(answer.start), ns_from_datetime(NOW)) == (again.window.start_ns, again.window.end_ns)
    assert ("log_errors=off",) == again.settings


def test_job_is_pending_before_its_start_and_running_until_its_end() -> None:
    moments = (BORN, BORN + MINUTE, NOW - 61 * MINUTE, NOW - 60 * MINUTE)
    assert [JobState.STARTING, JobState.RUNNING, JobState.RUNNING, JobState.FAILED] == [
        job_at(ENDED, at).state for at in moments
    ]
    assert job_at(ENDED, BORN + MINUTE).error is None


async def test_rules_are_listed_with_their_settings() -> None:
    diagnosis_config = DiagnosisConfig(
        build_scanner(), parse_settings(["hang=off", "low_gpu_utilization.threshold=40%"])
    )
    runner = CommandRunner(registry_of(FakeProvider()), lambda: NOW, Redactor(), lambda: diagnosis_config)
    answer = await runner.run(RulesCommand())
    assert isinstance(answer, RulesAnswer)
    rules = {rule.name: rule for rule in answer.rules}
    assert (False, True) == (rules["hang"].is_on, rules["failure"].is_on)
    assert ("threshold", "40%", "Fires below this") == rules["low_gpu_utilization"].parameters[0]
    assert ("ignore", "none") in [(name, value) for name, value, _ in rules["log_errors"].parameters]


def test_list_and_test_of_rules_are_distinguished() -> None:
    assert RulesCommand(public=True) == parse("rules --public")
    for text in ("rules tset mem:1", "rules --since 3h", "rules test"):
        with pytest.raises(UsageError):
            parse(text)
