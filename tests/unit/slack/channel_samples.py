"""Answers to render about what a channel watches and silences: one of each kind, and hostile ones."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.answers import Answer
from bot.commands.subcommands.rules import RulesAnswer, RuleShown
from bot.commands.subcommands.subscriptions import (
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.alerts import Severity
from bot.domain.job_matching import Matcher
from bot.domain.jobs import JobRef
from bot.domain.subscriptions import Silence, Subscription, Watched
from tests.unit.slack.factories import HOSTILE, NOW, REF, at, job

SUBSCRIPTION = Subscription(3, "C0RUNS", REF, "U0ANNA", at(-60))
EXPECTED = "You'll hear about failures and idle GPUs."
RULE_ROWS = (
    RuleShown("job_failed", "The platform reports that the job failed.", Severity.PAGE, True, ()),
    RuleShown("log_errors", "New log lines at level ERROR or worse.", Severity.WARN, False, ()),
    RuleShown(
        "low_gpu_utilization",
        "A GPU stays below a threshold.",
        Severity.WARN,
        True,
        (("threshold", "20%", "Fires below this"), ("for", "15m", "How long utilization must be low")),
    ),
)
HOSTILE_RULE = RuleShown(HOSTILE, HOSTILE * 9, Severity.INFO, True, ((HOSTILE, HOSTILE, HOSTILE),) * 9)
SILENCE = Silence(7, "C0RUNS", (Matcher("job", str(REF)),), "U0ANNA", NOW, at(120), "restarting nodes")

CHANNEL_ANSWERS: dict[str, Answer] = {
    "watch": WatchAnswer(SUBSCRIPTION, job(), True, EXPECTED),
    "watch_changed": WatchAnswer(SUBSCRIPTION, job(), False, EXPECTED),
    "watch_unchanged": WatchAnswer(SUBSCRIPTION, job(), False, EXPECTED, has_changed=False),
    "unwatch": UnwatchAnswer((REF,), "U0ANNA", "unwatch undo 7"),
    "unwatch_all": UnwatchAnswer((REF, JobRef("x", "y")), "U0ANNA", "unwatch undo 7"),
    "restored": RestoreAnswer((REF,), "U0ANNA"),
    "restored_all": RestoreAnswer((REF, JobRef("x", "y")), "U0ANNA"),
    "unwatch_none": UnwatchAnswer(()),
    "list": ListAnswer((Watched(SUBSCRIPTION, job(), at(-1), 2), Watched(SUBSCRIPTION, None, None)), (SILENCE,), NOW),
    "list_empty": ListAnswer((), (), NOW),
    "silence": SilenceAnswer(SILENCE),
    "silence_ended": SilenceAnswer(SILENCE, ended=True, by="U0BEN"),
    "question": ConfirmAnswer(
        "Silence all alerts in this channel (4 jobs) for 2 h?", "Silence all", "silence 2h --yes"
    ),
    "channel_rules": RulesAnswer(RULE_ROWS, REF),
}

HOSTILE_SUBSCRIPTION = replace(SUBSCRIPTION, created_by=HOSTILE, job=JobRef("x", HOSTILE))
HOSTILE_SILENCE = replace(SILENCE, matchers=(Matcher("rule", HOSTILE),) * 9, reason=HOSTILE * 9, created_by=HOSTILE)
