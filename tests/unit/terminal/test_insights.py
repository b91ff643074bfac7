"""Diagnoses, rules and replays in a terminal: text and JSON."""

from __future__ import annotations

import json

from bot.commands.handlers.rules import rules_answer
from bot.domain.durations import ns_from_datetime
from bot.domain.logs import LogLine
from bot.rules.settings import parse_settings
from tests.fakes.provider import NOW, FakeProvider
from tests.unit.commands.insights import DIAGNOSIS, QUIET, REPLAY
from tests.unit.terminal.samples import text
from tests.unit.terminal.shell import Shell

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB."


def test_diagnosis_shows_the_job_state() -> None:
    shown = text(DIAGNOSIS)
    assert shown.startswith("run <!channel>: failed (FAILED), ended just now after 3 h\n\n1 problem found")
    assert "▶ r3 torch.OutOfMemoryError" in shown
    assert "Log from 2026-03-13 09:00:00 to 2026-03-13 12:00:00 UTC." in shown
    assert "2 secrets hidden" in shown
    assert "\x1b" not in shown
    assert "from its start" in text(QUIET)


def test_rules_are_listed_with_their_parameters() -> None:
    shown = text(rules_answer(parse_settings(["hang=off"])), width=160)
    assert "hang (page, off): " in shown
    assert "    low_gpu_utilization.threshold=20% Fires below this" in shown


def test_replay_lists_alerts_that_would_have_fired() -> None:
    shown = text(REPLAY, 160)
    assert "run <!channel>: With the default settings: 2 alerts would have fired from 2026-03-12 12:00 to" in shown
    assert "03-13 11:55:00 PAGE GPU out of memory (failure)\n    torch.OutOfMemoryError" in shown
    assert "    cleared at 03-13 11:59:00, after 4 min, 2 updates" in shown
    assert "Would not have fired: hang, loss" in shown


async def test_commands_print_text() -> None:
    provider = FakeProvider([LogLine(ns_from_datetime(NOW) - 10**12, OOM)])
    shell = Shell(provider)
    assert 0 == await shell.type("diagnose", "mem:run/1")
    assert "PAGE  GPU out of memory" in shell.out
    assert 0 == await shell.type("rules", "test", "mem:run/1", "--since", "2h", "log_errors=off")
    assert "PAGE GPU out of memory (failure)" in shell.out
    assert 0 == await shell.type("rules")
    assert "gpu_straggler (warn)" in shell.out


async def test_commands_print_json() -> None:
    provider = FakeProvider([LogLine(ns_from_datetime(NOW) - 10**12, OOM)])
    documents = []
    for argv in (("diagnose", "mem:run/1"), ("rules", "test", "mem:run/1"), ("rules",)):
        shell = Shell(provider)
        assert 0 == await shell.type(*argv, "--json")
        documents.append(json.loads(shell.out))
    diagnosis, replay, rules = documents
    assert ("mem:run/1", "gpu_memory") == (diagnosis["job"]["ref"], diagnosis["incidents"][0]["category"])
    assert ["failure"] == [alert["rule"] for alert in replay["alerts"]]
    assert {"name": "threshold", "value": "20%", "help": "Fires below this"} in [
        one for rule in rules["rules"] for one in rule["parameters"]
    ]
