"""What follows `notify`, as Slack sends it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.commands.parsing.parser import has_local_time, parse
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.notify import (
    EscalationChange,
    MentionChange,
    NotifyCommand,
    NotifyMeCommand,
    OwnerChange,
    QuietChange,
    ReminderChange,
    WebhookChange,
)
from bot.domain.alerts import Severity
from bot.domain.notify import EscalationStep, MentionTarget, NotifySettings, OwnerContact, QuietHours
from bot.errors import UsageError

LATE = EscalationStep(timedelta(hours=1), MentionTarget("C0WARROOM"))
ONCALL, ADA = MentionTarget("S0ONCALL", "oncall"), MentionTarget("U0ADA", "ada")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", None),
        ("page <!subteam^S0ONCALL|@oncall>", MentionChange(Severity.PAGE, (ONCALL,))),
        ("page <!subteam^S0ONCALL|@oncall> <@U0ADA|ada>", MentionChange(Severity.PAGE, (ONCALL, ADA))),
        ("Warn <@U0ADA>", MentionChange(Severity.WARN, (MentionTarget("U0ADA"),))),
        ("info U0ADA S0ONCALL", MentionChange(Severity.INFO, (MentionTarget("U0ADA"), MentionTarget("S0ONCALL")))),
        ("page <!here>", MentionChange(Severity.PAGE, (MentionTarget("here"),))),
        ("page @channel", MentionChange(Severity.PAGE, (MentionTarget("channel"),))),
        ("page off", MentionChange(Severity.PAGE, ())),
        ("reminders off", ReminderChange(enabled=False)),
        ("reminders on", ReminderChange(enabled=True)),
        ("reminders 45m", ReminderChange(enabled=True, first=timedelta(minutes=45))),
        ("quiet 22:00-07:00", QuietChange(QuietHours(1320, 420, "Asia/Tokyo"))),
        ("quiet 22\N{EN DASH}7 Europe/Berlin", QuietChange(QuietHours(1320, 420, "Europe/Berlin"))),
        ("quiet 22:00-24:00 UTC", QuietChange(QuietHours(1320, 0, "UTC"))),
        ("quiet 22:00-07:00 UTC --except-pages", QuietChange(QuietHours(1320, 420), holds_for_pages=False)),
        ("quiet off", QuietChange(None)),
        ("owner dm", OwnerChange(OwnerContact.DM)),
        ("webhook ops warn", WebhookChange("ops", Severity.WARN)),
        ("webhook OPS Off", WebhookChange("ops", None)),
        ("webhook ops default", WebhookChange("ops", None, is_default=True)),
        (
            "escalate page 15m <!subteam^S0ONCALL|@oncall> 30m <@U0ADA|ada> 1h <#C0WARROOM|war-room>",
            EscalationChange(
                Severity.PAGE,
                (
                    EscalationStep(timedelta(minutes=15), ONCALL),
                    EscalationStep(timedelta(minutes=30), ADA),
                    EscalationStep(timedelta(hours=1), MentionTarget("C0WARROOM", "war-room")),
                ),
            ),
        ),
        ("escalate warn 1h C0WARROOM", EscalationChange(Severity.WARN, (LATE,))),
        ("escalate page off", EscalationChange(Severity.PAGE, ())),
    ],
)
def test_settings_of_the_channel_are_read(typed: str, expected: object) -> None:
    context = InputContext(zone=ZoneInfo("Asia/Tokyo"))

    assert parse(f"notify {typed}", context) == NotifyCommand(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "contact"),
    [("dm", OwnerContact.DM), ("off", OwnerContact.OFF), ("default", None), ("Mention", OwnerContact.MENTION)],
)
def test_a_person_chooses_for_the_own_jobs(typed: str, contact: OwnerContact | None) -> None:
    assert parse(f"notify me {typed}") == NotifyMeCommand(contact)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("page", "Name 1 to 10 people or groups, or `off`"),
        ("page @oncall", "`@oncall` arrived as plain text."),
        ("page ada", "`ada` is neither a person nor a group."),
        ("page <!everyone>", "is neither a person nor a group."),
        ("reminders 10s", "The first reminder waits 5m to 1d."),
        ("reminders", "Use `notify reminders on`, `off`"),
        ("quiet 22:00", "Use `notify quiet 22:00-07:00 Europe/Berlin`"),
        ("quiet 25:00-07:00", "Invalid time `25:00`."),
        ("quiet 22:00-07:00 Berlin", "Unknown time zone `Berlin`."),
        ("quiet 07:00-7", "must begin and end at different times"),
        ("owner pager", "Use `notify owner mention|dm|off`."),
        ("webhook ops", "Use `notify webhook NAME page|warn|info|off|default`"),
        ("webhook ops loud", "Use `notify webhook NAME"),
        ("me", "Use `notify me mention|dm|off|default`."),
        ("escalate", "Use `notify escalate page 15m @oncall"),
        ("escalate page", "A chain has 1 to 5 steps."),
        ("escalate page 15m", "A chain has 1 to 5 steps."),
        ("escalate page 15m ada", "`ada` is neither a person nor a group."),
        ("escalate page 15m #ops", "`#ops` arrived as plain text."),
        ("escalate page 1m U0ADA", "5m to 7d since the alert fired."),
        ("escalate page 15m U0ADA 15m U0BEN", "Each step waits longer than the one before"),
        ("escalate page 15m U0ADA 8d U0BEN", "5m to 7d since the alert fired."),
        ("page <@U0ADA> --except-pages", "`--except-pages` belongs to `notify quiet`."),
        ("frobnicate", "Unknown setting `frobnicate`. Use page, warn,"),
    ],
)
def test_problems_name_the_rule(typed: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(f"notify {typed}")

    assert problem in caught.value.public


def test_a_change_keeps_the_other_settings() -> None:
    settings = NotifySettings(quiet=QuietHours(1320, 420), owner=OwnerContact.DM)
    for change in (MentionChange(Severity.PAGE, (ONCALL,)), ReminderChange(enabled=True, first=timedelta(hours=1))):
        settings = change.apply(settings)

    assert settings == NotifySettings(
        mentions={Severity.PAGE: (ONCALL,)},
        first_reminder=timedelta(hours=1),
        quiet=QuietHours(1320, 420),
        owner=OwnerContact.DM,
    )
    assert MentionChange(Severity.PAGE, ()).apply(settings).mentions == {}


def test_quiet_hours_need_the_time_zone_of_the_person() -> None:
    assert has_local_time("notify quiet 22:00-07:00")
    assert not has_local_time("notify page <@U0ADA>")


def test_the_default_of_a_webhook_removes_the_choice() -> None:
    chosen = WebhookChange("ops", None).apply(NotifySettings(webhooks={"other": Severity.PAGE}))
    assert {"other": Severity.PAGE, "ops": None} == chosen.webhooks
    assert {"other": Severity.PAGE} == WebhookChange("ops", None, is_default=True).apply(chosen).webhooks
