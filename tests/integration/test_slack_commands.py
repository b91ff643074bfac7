"""Slash commands through real Bolt, as a person sees the answers in the emulated Slack."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.slack.render.blocks import Action
from bot.store.store import Store
from emulator.slack.app import BOT_TOKEN
from tests.integration.polling import DATABASE
from tests.integration.slack_harness import (
    SECRET,
    SlackHarness,
    at_least,
    running,
    slack_with_scopes,
    step_lines,
)
from tests.support.scopes import GRANTED
from tests.support.waiting import eventually
from tests.unit.slack.factories import HOSTILE, REF, line
from tests.unit.slack.validity import own_problems

LOGS = f"logs {REF}"


async def test_an_answer_is_visible_to_the_asker_only(harness: SlackHarness) -> None:
    seen = await harness.command(LOGS)
    (answer,) = seen.messages
    assert "U0ADA" == answer.visible_to
    assert "step 1 loss 2.5" in str(answer.blocks)
    assert [] == harness.channel().messages


async def test_a_command_acts_for_the_asker_in_the_channel(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}")
    await harness.slack.person_actions.until(lambda: harness.channel().messages)
    (listed,) = await harness.store.subscriptions.list(harness.channel().id)
    made = listed.subscription
    assert (REF, "U0ADA", harness.slack.workspace.team_id) == (made.job, made.created_by, made.team)


async def test_a_command_is_acknowledged_before_its_answer_is_ready(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    seen = await harness.command(LOGS, wait_s=0.2)
    assert seen.outcome.is_acked
    assert [] == seen.messages
    harness.provider.gate.set()


async def test_people_who_read_whole_logs_do_not_delay_other_commands(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    for _ in range(20):
        await harness.command(f"{LOGS} --all", wait_s=0.05)
    seen = await harness.command("list")
    assert "This channel does not watch any job" in str(seen.messages[-1].blocks)
    harness.provider.gate.set()


async def test_a_note_is_shown_while_an_answer_is_slow(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.05)) as harness:
        harness.provider.gate = asyncio.Event()
        seen = await harness.command(LOGS)
        assert "Working on it…" in seen.text


async def test_a_note_is_shown_while_a_whole_log_is_read(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.05)) as harness:
        harness.provider.gate = asyncio.Event()
        seen = await harness.command(f"{LOGS} --all")
        assert "Reading the whole log into a file…" in seen.text
        harness.provider.gate.set()
        await harness.slack.person_actions.until(lambda: "step 1" in str(harness.channel().ephemerals[-1].blocks))


async def test_a_note_is_shown_while_a_command_waits_for_its_turn(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.05)) as harness:
        harness.provider.gate = asyncio.Event()
        for number in range(16):  # the limit on concurrent commands; equal ones would share a request
            await harness.command(f"{LOGS} --limit {10 + number}", user="ben", wait_s=0.01)
        await eventually(lambda: len(harness.provider.queries) == 16)
        seen = await harness.command(LOGS)
        assert 16 == len(harness.provider.queries)
        assert "Working on" in seen.text
        harness.provider.gate.set()


async def test_a_request_over_the_limit_is_refused_at_once(harness: SlackHarness) -> None:
    gate = asyncio.Event()
    while harness.listeners.tasks.start(gate.wait()):
        pass
    seen = await harness.command(LOGS)
    assert "Too many requests right now." in seen.text
    assert [] == harness.provider.queries
    gate.set()


async def test_a_note_that_cannot_be_delivered_does_not_stop_the_command(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(SlackHarness(store, patience_s=0.05)) as harness:
        harness.slack.context.interaction_tokens.response_url_life_s = -1.0
        harness.provider.gate = asyncio.Event()
        await harness.command(f"watch {REF}", wait_s=0.01)
        await eventually(lambda: "note about a command not shown" in caplog.messages)
        harness.provider.gate.set()
        await harness.slack.person_actions.until(lambda: 1 == len(harness.channel().messages))
        assert [] == harness.channel().ephemerals


async def test_an_invalid_command_is_answered_with_its_usage(harness: SlackHarness) -> None:
    seen = await harness.command("metrics")
    assert "/train metrics REF [OPTIONS]" in str(seen.messages[0].blocks)
    assert [] == harness.provider.queries


async def test_public_posts_the_answer_to_the_channel(harness: SlackHarness) -> None:
    seen = await harness.command(f"{LOGS} --public")
    assert [False] == [message.is_ephemeral for message in seen.messages]


async def test_a_public_answer_waits_out_a_rate_limit(harness: SlackHarness) -> None:
    harness.slack.fail("chat.postMessage", "ratelimited", status=429, retry_after_s=1)
    await harness.command(f"{LOGS} --public")
    (answer,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert "step 1 loss 2.5" in str(answer.blocks)


async def test_long_logs_are_shared_with_lines_and_a_file_in_the_thread(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(500, "step {} " + "x" * 60)
    await harness.command(f"{LOGS} --all --public")
    (root,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    lines, file = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
    assert "step 499" in str(lines.blocks)
    (attached,) = file.files
    assert 500 == attached.text.count("\n")
    assert "step 0 " in attached.text


@pytest.mark.parametrize("options", ["--all", "--limit 100000"])
async def test_more_lines_than_an_answer_holds_are_all_in_the_file(harness: SlackHarness, options: str) -> None:
    harness.provider.lines = step_lines(5_927)
    await harness.command(f"{LOGS} {options} --public")
    (root,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    lines, file = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
    assert "5,927 lines" in str(root.blocks)
    assert re.search(r"Showing \d+ of 5,927 lines; the file has all", str(lines.blocks))
    (attached,) = file.files
    assert [f"step {number} loss 2.5" for number in range(5_927)] == [
        row.partition(" rank 3 ")[2] for row in attached.text.splitlines()
    ]


async def test_file_of_a_private_answer_is_a_direct_message(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(5_927, "{} {SECRET}".replace("{SECRET}", SECRET))
    seen = await harness.command(f"{LOGS} --all")
    assert re.search(r"showing \d+ of 5,927 lines", str(seen.messages[-1].blocks))
    assert "All 5,927 lines: in the file in your direct messages" in str(seen.messages[-1].blocks)
    assert [] == harness.channel().messages
    note, file = harness.slack.workspace.direct_channel("U0ADA").messages
    assert "5,927 lines" in note.text
    assert file.files[0].text.count("\n") == 5_927
    assert SECRET not in file.files[0].text


async def test_private_answer_that_shows_all_lines_has_no_file(harness: SlackHarness) -> None:
    await harness.command(f"{LOGS} --all")
    assert [] == harness.slack.workspace.direct_channel("U0ADA").messages


async def test_private_answer_states_why_its_file_is_missing(store: Store) -> None:
    slack = slack_with_scopes(scope for scope in GRANTED if scope != "files:write")
    async with running(SlackHarness(store, slack)) as harness:
        harness.provider.lines = step_lines(500, "{} " + "x" * 90)
        seen = await harness.command(f"{LOGS} --all")
        assert "could not be sent to you: The app lacks the scope files:write" in str(seen.messages[-1].blocks)
        assert "499 x" in str(seen.messages[-1].blocks)


async def test_refused_file_is_explained_and_the_lines_stay(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(500, "{} " + "x" * 90)
    harness.slack.fail("files.getUploadURLExternal", "file_upload_size_restricted")
    await harness.command(f"{LOGS} --all --public")
    (root,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    lines, note = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
    assert "499 x" in str(lines.blocks)
    assert "The file is larger than the workspace allows" in note.text


async def test_without_the_files_scope_the_thread_notes_the_missing_file(store: Store) -> None:
    slack = slack_with_scopes(scope for scope in GRANTED if scope != "files:write")
    async with running(SlackHarness(store, slack)) as harness:
        harness.provider.lines = step_lines(500, "{} " + "x" * 90)
        await harness.command(f"{LOGS} --all --public")
        (root,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
        _, note = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
        assert "could not be attached" in note.text


async def test_sharing_where_the_bot_is_not_a_member_works_and_explains_how_to_invite_it(
    harness: SlackHarness,
) -> None:
    await harness.command(f"{LOGS} --public", channel="#random")
    (shared,) = await harness.slack.person_actions.until(lambda: harness.channel("#random").messages)
    assert "step 1 loss 2.5" in str(shared.blocks)
    assert "/invite @trainwatch" in str(shared.blocks)


@pytest.mark.parametrize("command", [f"watch {REF}", f"unwatch {REF}", f"silence 1h {REF}"])
async def test_a_change_of_the_channels_alerts_is_posted_to_the_channel(harness: SlackHarness, command: str) -> None:
    if command.startswith("unwatch"):
        await harness.command(f"watch {REF}")
    before = len(harness.channel().messages)
    await harness.command(command)
    posted = await harness.slack.person_actions.until(lambda: harness.channel().messages[before:])
    assert [False] == [message.is_ephemeral for message in posted]


async def test_watching_where_alerts_cannot_arrive_explains_how_to_invite_the_bot(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF}", channel="#random")
    (message,) = await harness.slack.person_actions.until(lambda: harness.channel("#random").messages)
    assert ["section", "context", "actions", "section"] == [block["type"] for block in message.blocks or []]
    assert "trainwatch is not in this channel" in str((message.blocks or [])[-1])


async def test_the_rules_of_a_watch_are_private(harness: SlackHarness) -> None:
    await harness.command(f"watch {REF} hang=off")
    seen = await harness.command(f"rules {REF}")
    assert [("U0ADA", True)] == [(one.visible_to, "hang (off)" in str(one.blocks)) for one in seen.messages]


async def test_a_bug_is_answered_with_a_reference_that_is_in_the_log(
    harness: SlackHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.provider.log_errors = iter([RuntimeError(f"{BOT_TOKEN} in an exception")])
    seen = await harness.command(LOGS)
    (record,) = [one for one in caplog.records if one.message == "command failed"]
    assert f"Something went wrong on our side (error {vars(record)['error_id']})." in seen.text
    assert BOT_TOKEN not in seen.text


async def test_an_unavailable_database_is_reported(harness: SlackHarness, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("ALTER TABLE subscriptions RENAME TO gone")
    seen = await harness.command("list")
    assert "`trainwatch check`" in seen.text


async def test_hostile_lines_are_answered_privately_and_publicly(harness: SlackHarness) -> None:
    harness.provider.lines = [line(f"{HOSTILE * 20} {SECRET}", -number) for number in range(1, 41)]
    private = (await harness.command(LOGS)).messages[0]
    await harness.command(f"{LOGS} --public")
    (root,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    replies = await harness.slack.person_actions.until(lambda: at_least(2, harness.channel().replies(root.ts)))
    for message in (private, root, *replies):
        assert [] == list(own_problems(message.blocks or []))
        assert SECRET not in str(message.blocks)
    assert Action.SHARE in str(private.blocks)
