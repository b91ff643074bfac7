"""Answers to render about what a channel watches and silences: one of each kind, and hostile ones."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.answers import Answer
from bot.commands.subcommands.patterns import PatternCost, WatchPatternAnswer
from bot.commands.subcommands.rules import RulesAnswer, RuleShown
from bot.commands.subcommands.subscriptions import (
    ConfirmAnswer,
    ListAnswer,
    RestoreAnswer,
    SilenceAnswer,
    UnwatchAnswer,
    WatchAnswer,
)
from bot.domain.alerts import DeliveryKind, Notification, NotifyReason, Severity
from bot.domain.job_matching import KnownJob, Matcher, parse_matchers
from bot.domain.jobs import JobRef
from bot.domain.listings import JoinedJobs, OverLimit, about_platform
from bot.domain.subscriptions import PatternSubscription, Silence, Subscription, Watched
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

PATTERN = PatternSubscription(
    4,
    "C0RUNS",
    parse_matchers(["baseten:lq4j9zm/*", "owner=ada@acme.example"], ["name~*-test"]),
    "U0ANNA",
    NOW,
    watched=12,
)

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
    "watch_pattern": WatchPatternAnswer(PATTERN, True, PatternCost(8, (96, 144), 3200), EXPECTED, matching=12),
    "watch_pattern_changed": WatchPatternAnswer(
        replace(PATTERN, watched=0, announce=False, skipped=12),
        False,
        PatternCost(8, (0, 0)),
        EXPECTED,
        ("baseten-model does not report who started a job, so `owner=` matches nothing there.",),
    ),
    "unwatch_pattern": UnwatchAnswer((REF, JobRef("x", "y")), "U0ANNA", "watch x:* --yes", pattern=PATTERN.text),
    "unwatch_matching": UnwatchAnswer(
        (REF,), "U0ANNA", "unwatch undo 7", pattern=PATTERN.text, notes=("New jobs join.",)
    ),
    "list_patterns": ListAnswer(
        (Watched(SUBSCRIPTION, job(), at(-1)),), (), NOW, (PATTERN, replace(PATTERN, skipped=12)), {"x": "HTTP 503."}
    ),
    "pattern_rules": RulesAnswer(RULE_ROWS, pattern=PATTERN.text),
}

HOSTILE_SUBSCRIPTION = replace(SUBSCRIPTION, created_by=HOSTILE, job=JobRef("x", HOSTILE))
HOSTILE_SILENCE = replace(SILENCE, matchers=(Matcher("rule", HOSTILE),) * 9, reason=HOSTILE * 9, created_by=HOSTILE)


def _joined(*jobs: KnownJob, count: int | None = None, over: tuple[OverLimit, ...] = ()) -> Notification:
    joined = JoinedJobs((PATTERN.text,) if jobs else (), len(jobs) if count is None else count, jobs, over)
    return Notification(DeliveryKind.NOTE, NotifyReason.NOTE, about_platform("baseten"), joined=joined)


_NEW = KnownJob(JobRef("baseten", "p/new"), "llama-70b", url="https://app.baseten.co/p/new")
_OVER = OverLimit("owner=ben", 500, 12)
JOINS = {
    "joined_one": _joined(_NEW),
    "joined_many": _joined(_NEW, KnownJob(JobRef("baseten", "p/other")), count=500, over=(_OVER,)),
    "over_limit": _joined(over=(_OVER,)),
    "listing_failed": Notification(
        DeliveryKind.NOTE, NotifyReason.NOTE, about_platform("baseten"), text="The jobs of baseten could not be listed."
    ),
}
"""Notes about new jobs that match a pattern."""
