"""State that rules keep between polls, as the database holds it: earlier versions' too."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.alerts import Clear, Finding, Memory, Verdict
from bot.domain.gaps import Part
from bot.domain.metrics import EPHEMERAL_STORAGE_UTILIZATION, GPU_UTILIZATION, MetricPoint, MetricSeries
from bot.domain.observations import Observation
from bot.rules.catalog import RULES, rule_named
from bot.rules.evaluate import evaluate_rules, wanted_rules
from bot.rules.settings import parse_settings
from tests.unit.rules.observing import MINUTE, REF, START, context, gap, job, line

HOUR = 60
STORED: dict[str, Memory] = json.loads(Path(__file__).with_name("stored_state.json").read_text(encoding="utf-8"))
"""What trainwatch stored, before its state was typed, for rules whose alert fires at 11:00."""

SERIES = (
    MetricSeries(GPU_UTILIZATION, (MetricPoint(0.05, START + HOUR * MINUTE),), gpu=0),
    *(MetricSeries(GPU_UTILIZATION, (MetricPoint(0.9, START + HOUR * MINUTE),), gpu=gpu) for gpu in (1, 2, 3)),
    MetricSeries(EPHEMERAL_STORAGE_UTILIZATION, (MetricPoint(0.87, START + HOUR * MINUTE),)),
)


def evaluate(rule: str, memory: Memory, observation: Observation) -> tuple[Verdict, Memory]:
    found = rule_named(rule)
    assert found is not None
    return found.condition(context(rule, observation, memory=memory))


def observation(**changes: object) -> Observation:
    fields: dict[str, object] = {"job": job(), "lines": (line("ERROR: disk 8"),), "series": SERIES} | changes
    return Observation(REF, START + HOUR * MINUTE, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", ["low_gpu_utilization", "gpu_straggler", "storage_pressure", "log_errors"])
def test_an_alert_of_an_earlier_version_goes_on_firing_without_a_notification(rule: str) -> None:
    verdict, _ = evaluate(rule, STORED[rule], observation())

    assert isinstance(verdict, Finding)
    assert not verdict.notify


def test_evidence_continues_from_stored_state() -> None:
    errors, _ = evaluate("log_errors", STORED["log_errors"], observation())
    outage, _ = evaluate("no_data", STORED["no_data"], observation(job=None, gaps=(gap(Part.STATUS),)))

    assert isinstance(errors, Finding)
    assert errors.evidence.count == 8
    assert isinstance(outage, Finding)
    assert outage.evidence.first_at == START


@pytest.mark.parametrize("rule", list(STORED))
@pytest.mark.parametrize("memory", [{"first_at": 3}, {"rows": 1, "odd": [], "gpus": "x", "prints": 0, "since": {}}])
def test_state_that_cannot_be_read_is_reset_without_an_alert(rule: str, memory: Memory) -> None:
    quiet = observation(lines=(), series=())
    verdict, _ = evaluate(rule, memory, quiet)

    assert not isinstance(verdict, Finding)


def test_state_survives_json_and_unchanged_state_is_not_written_again() -> None:
    wanted = wanted_rules([parse_settings([])])
    first = evaluate_rules((), wanted, observation(), None)
    stored = {one.alert.rule: json.dumps(one.alert.memory) for one in first}
    again = observation(lines=())
    loaded = [one.alert for one in first]
    second = evaluate_rules(loaded, wanted, again, None)

    assert set(stored) == {rule.name for rule in RULES}
    assert [one.alert.rule for one in second if one.changed] == []


def test_empty_state_takes_no_room() -> None:
    _, memory = evaluate("low_gpu_utilization", STORED["low_gpu_utilization"], observation(job=None))
    verdict, cleared = evaluate("no_data", STORED["no_data"], Observation(REF, START + timedelta(hours=1), job()))

    assert memory == STORED["low_gpu_utilization"]
    assert isinstance(verdict, Clear)
    assert cleared == {}
