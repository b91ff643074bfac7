"""Diagnoses, rules and replays to render: one of each kind, and hostile ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.commands.answers import Answer
from bot.commands.handlers.rules import rules_answer
from bot.commands.subcommands.jobs import (
    DiagnosisAnswer,
)
from bot.diagnosis.findings import Diagnosis
from bot.domain.alerts import (
    Severity,
)
from bot.rules.settings import parse_settings
from tests.unit.commands.insights import DIAGNOSIS, FIRED, OOM, QUIET, REPLAY
from tests.unit.slack.factories import (
    HOSTILE,
    NOW,
)

RULES = rules_answer(parse_settings(["hang=off"]))


def huge() -> DiagnosisAnswer:
    """A diagnosis with more of everything than fits, all of it hostile."""
    one = replace(
        OOM, title=HOSTILE * 20, why=HOSTILE * 20, hint=HOSTILE * 20, ranks=("w " + HOSTILE, *range(1024)),
        excerpt=(HOSTILE * 10,) * 7, root_index=4,
    )  # fmt: skip
    severities = [Severity.PAGE] * 2 + [Severity.WARN] * 2 + [Severity.INFO] * 40
    failures = tuple(replace(one, severity=severity) for severity in severities)
    return replace(DIAGNOSIS, diagnosis=Diagnosis(failures, 10**9, DIAGNOSIS.diagnosis.progress))


EVIL_ALERT = replace(
    FIRED, title=HOSTILE * 20, evidence=replace(FIRED.evidence, summary=HOSTILE * 50), fired_at=NOW - timedelta(days=1)
)


INSIGHTS: dict[str, Answer] = {
    "diagnosis": DIAGNOSIS,
    "quiet": QUIET,
    "huge": huge(),
    "rules": RULES,
    "replay": REPLAY,
    "replay_quiet": replace(REPLAY, alerts=()),
    "replay_huge": replace(REPLAY, alerts=(EVIL_ALERT,) * 300, notes=(HOSTILE,)),
}
