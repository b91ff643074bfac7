"""Every command and click is recorded, shown by `/train audit` and `trainwatch audit`, and never with a secret."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from bot.commands.parsing.parser import parse
from bot.commands.subcommands.audit import AuditCommand
from bot.domain.audit import AuditResult
from bot.slack.render.blocks import Action
from bot.slack.render.message import Message
from bot.store.audit import AuditQuery
from bot.terminal.audit import audit_text
from bot.terminal.render.screen import Screen
from tests.integration.polling import DATABASE
from tests.integration.slack_harness import SECRET, SlackHarness
from tests.support.waiting import eventually
from tests.unit.slack.factories import REF
from tests.unit.slack.validity import problems


async def recorded(harness: SlackHarness) -> list[tuple[str, str]]:
    """(text, result) of each record, oldest first."""
    await eventually(lambda: not len(harness.listeners.tasks))
    entries = (await harness.store.audit.page(AuditQuery())).entries
    return [(one.text, one.result.value) for one in reversed(entries)]


async def test_commands_and_their_results_are_recorded(harness: SlackHarness) -> None:
    for text in (f"status {REF}", "logz", "status baseten:unknown/job", "", f"silence 1h {REF} --reason {SECRET}"):
        await harness.command(text)
    hidden = (await recorded(harness))[-1][0]
    assert [
        (f"status {REF}", "done"),
        ("logz", "invalid"),
        ("status baseten:unknown/job", "failed"),
        ("", "done"),
        (hidden, "done"),
    ] == await recorded(harness)
    assert SECRET not in hidden


async def test_clicks_are_recorded_with_what_the_button_stands_for(harness: SlackHarness) -> None:
    seen = await harness.command("silence 2h")
    await harness.slack.person_actions.click("ben", seen.messages[0], Action.REPLACE)
    assert ("silence 2h --yes", "done") == (await recorded(harness))[-1]
    (click, _) = (await harness.store.audit.page(AuditQuery())).entries
    assert ("click", "U0BEN") == (click.kind, click.user)


async def test_a_crash_is_recorded_as_failed(harness: SlackHarness) -> None:
    harness.provider.status_error = RuntimeError("boom")
    await harness.command(f"status {REF}")
    assert [(f"status {REF}", "failed")] == await recorded(harness)


async def test_the_channel_reads_its_own_records_page_by_page(harness: SlackHarness) -> None:
    for number in range(5):
        await harness.command(f"help n{number}", user="ben" if number % 2 else "ada")
    await harness.command("help elsewhere", channel="#alerts")
    seen = await harness.command("audit --limit 3 --since 1d")
    (page,) = seen.messages
    assert "6 audit records of this channel, showing 3 of 6." == page.text
    assert "elsewhere" not in str(page.blocks)
    older = await harness.slack.person_actions.click("ada", page, Action.SHOW)
    assert "n2" in str(older.messages[-1].blocks)
    assert "n4" not in str(older.messages[-1].blocks)
    of_ben = await harness.command("audit --user <@U0BEN|ben>")
    assert "2 audit records of this channel." == of_ben.text


async def test_a_shell_reads_the_records_of_all_channels(harness: SlackHarness, tmp_path: Path) -> None:
    await harness.command("help here")
    await harness.command("help \x1b[31mthere", channel="#alerts", user="ben")
    await recorded(harness)
    url = f"sqlite:///{tmp_path / DATABASE}"
    table = await audit_text(AuditCommand(), url, Screen(None, colour=False))
    assert ["help here" in table, "there" in table, "\x1b" in table] == [True, True, False]
    document = json.loads(await audit_text(AuditCommand(user="U0BEN", json=True), url, Screen(None, colour=False)))
    assert (1, "U0BEN") == (document["total"], document["entries"][0]["user"])
    narrow = await audit_text(AuditCommand(limit=1), url, Screen(60, colour=False))
    assert "Showing 1 of 2 audit records. Older ones: --before 2" in narrow


async def test_a_silence_of_more_than_30_days_needs_a_confirmation(harness: SlackHarness) -> None:
    seen = await harness.command(f'silence 31d {REF} --rule hang --reason "new cluster"')
    assert "for 31 d?" in seen.text
    channel = harness.channel().id
    assert () == await harness.store.silences.active(channel, harness.clock())
    await harness.slack.person_actions.click("ada", seen.messages[0], Action.REPLACE)
    (silence,) = await harness.store.silences.active(channel, harness.clock())
    assert ("new cluster", timedelta(days=31)) == (silence.reason, silence.ends_at - silence.created_at)
    assert [("job", str(REF)), ("rule", "hang")] == [(one.label, one.value) for one in silence.matchers]


async def test_a_silence_of_30_days_or_a_confirmed_one_needs_none(harness: SlackHarness) -> None:
    await harness.command(f"silence 30d {REF}")
    await harness.command(f"silence 60d {REF} --yes")
    assert 2 == len(await harness.store.silences.active(harness.channel().id, harness.clock()))


async def test_a_public_page_notifies_nobody(harness: SlackHarness) -> None:
    await harness.command("help", user="ben")
    sent = harness.slack.person_actions.say("ada", "#training", "@trainwatch audit")
    (page,) = await harness.slack.person_actions.until(lambda: harness.channel().replies(sent.ts))
    assert ["U0BEN" in str(page.blocks), "<@" in str(page.blocks)] == [True, False]


async def test_records_are_valid_messages_with_hostile_text(harness: SlackHarness) -> None:
    for text in ("help <!channel>", "help `*_~|", "x" * 3000):
        await harness.command(text)
    seen = await harness.command("audit")
    assert [] == problems(Message("text", tuple(seen.messages[0].blocks or [])))
    assert "<!channel>" not in str(seen.messages[0].blocks)
    assert AuditResult.INVALID.value in str(seen.messages[0].blocks)


def test_the_button_for_older_records_keeps_the_filters() -> None:
    command = parse("audit --user U0ADA --job baseten:a --since 2026-03-13T10:00:00Z --before 7 -n 5")
    assert isinstance(command, AuditCommand)
    assert ("U0ADA", "baseten:a", 7, 5) == (command.user, command.job, command.before, command.limit)
