"""Commands, clicks and mentions through real Bolt and the emulated Slack, as a person sees them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.domain.alerts import DeliveryKind
from bot.errors import StoreUnavailable
from bot.slack import listeners
from bot.slack.notifier import SlackNotifier
from bot.slack.render.actions import Action
from emulator.slack import payloads
from emulator.slack.model import Message
from tests.integration.slack_harness import GRANTED, Bench, asked, parsed, socket_bench
from tests.unit.slack.factories import HOSTILE, NOW, line, notification
from tests.unit.slack.validity import view_problems

LOGS = "logs baseten:proj42/job7f3a"


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with socket_bench() as made:
        yield made


def channel(bench: Bench, name: str = "#training") -> Any:
    return bench.slack.workspace.channel(name)


async def alert_message(bench: Bench) -> Message:
    await SlackNotifier(bench.app.client).send(notification(DeliveryKind.ROOT), channel=channel(bench).id, root=None)
    message: Message = channel(bench).messages[-1]
    return message


async def test_an_answer_is_seen_by_the_asker_alone(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    (answer,) = seen.messages
    assert "U0ADA" == answer.visible_to
    assert "step 2 loss 2.4" in str(answer.blocks)
    assert [] == channel(bench).messages


async def test_the_runner_learns_who_asks_and_where(bench: Bench) -> None:
    await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    ((command, asker),) = bench.runner.asked
    assert parsed(LOGS) == command
    assert ("U0ADA", channel(bench).id, bench.slack.workspace.team_id) == (asker.user, asker.channel, asker.team)


async def test_a_command_is_acknowledged_while_its_answer_is_still_sought(bench: Bench) -> None:
    bench.runner.gate = asyncio.Event()
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS, wait_s=0.2)
    assert seen.outcome.is_acked
    assert seen.outcome.ack_s < 1
    assert [] == seen.messages
    bench.runner.gate.set()


async def test_a_slow_answer_is_announced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PATIENCE_S", 0.05)
    bench.runner.gate = asyncio.Event()
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    assert "Looking: `logs baseten:proj42/job7f3a`" in seen.text
    bench.runner.gate.set()
    await bench.slack.person_actions.until(lambda: "step 2" in str(channel(bench).ephemerals[-1].blocks))


async def test_a_wait_for_ones_turn_is_announced_too(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PATIENCE_S", 0.05)
    bench.runner.gate = asyncio.Event()
    for _ in range(16):  # all turns are taken
        await bench.slack.person_actions.slash("ben", "#training", "/train", LOGS, wait_s=0.01)
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    assert 16 == len(bench.runner.asked)
    assert "Looking:" in seen.text
    bench.runner.gate.set()


async def test_one_request_too_many_is_told_so_at_once(bench: Bench) -> None:
    crowd, gate = bench.tasks, asyncio.Event()
    while crowd.start(gate.wait):
        pass
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    assert "I am busy" in seen.text
    assert [] == bench.runner.asked
    gate.set()


async def test_a_notice_that_does_not_arrive_stops_no_command(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "PATIENCE_S", 0.3)
    bench.runner.delay_s = 0.6
    await bench.slack.person_actions.slash("ada", "#training", "/train", "watch baseten:p/j", wait_s=0.01)
    for place in bench.slack.context.interaction_tokens.response_urls.values():
        place.expires_at = 0.0
    await bench.slack.person_actions.until(lambda: len(channel(bench).messages) == 1)
    assert [] == channel(bench).ephemerals


async def test_nothing_typed_is_a_call_for_help(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train")
    assert "How to use /train" in seen.text


async def test_what_cannot_be_read_is_answered_with_the_usage(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", "logs")
    assert "/train logs REF [OPTIONS]" in str(seen.messages[0].blocks)
    assert [] == bench.runner.asked


async def test_public_shows_it_to_the_channel_at_once(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public")
    assert [False] == [message.is_ephemeral for message in seen.messages]


async def test_share_shows_it_to_the_channel(bench: Bench) -> None:
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    await bench.slack.person_actions.click("ada", seen.messages[0], Action.SHARE)
    (shared,) = channel(bench).messages
    assert "step 2 loss 2.4" in str(shared.blocks)
    assert Action.SHARE not in str(shared.blocks)


async def test_an_answer_for_the_channel_waits_when_slack_asks_to_slow_down(bench: Bench) -> None:
    bench.slack.fail("chat.postMessage", "ratelimited", status=429, retry_after_s=1)
    await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public", wait_s=5)
    await bench.slack.person_actions.until(lambda: len(channel(bench).messages) == 1)


async def test_long_logs_are_shared_with_lines_and_a_file_in_the_thread(bench: Bench) -> None:
    bench.runner.lines = tuple(line(f"step {number} " + "x" * 60, number / 60) for number in range(500))
    await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --all --public")
    (root,) = channel(bench).messages
    lines, file = await bench.slack.person_actions.until(lambda: _two(channel(bench).replies(root.ts)))
    assert "step 499" in str(lines.blocks)
    (attached,) = file.files
    assert 500 == attached.text.count("\n")
    assert "step 0 " in attached.text


async def test_without_the_files_scope_the_thread_says_that_the_file_is_missing() -> None:
    async with socket_bench([scope for scope in GRANTED if scope != "files:write"]) as bench:
        bench.runner.lines = tuple(line("x" * 90, number / 60) for number in range(500))
        await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public")
        (root,) = channel(bench).messages
        _, note = await bench.slack.person_actions.until(lambda: _two(channel(bench).replies(root.ts)))
        assert "could not be attached" in note.text


async def test_sharing_where_the_bot_is_no_member_still_works_and_says_how_to_invite_it(bench: Bench) -> None:
    await bench.slack.person_actions.slash("ada", "#random", "/train", f"{LOGS} --public")
    (shared,) = channel(bench, "#random").messages
    assert "step 2 loss 2.4" in str(shared.blocks)
    assert "/invite @trainwatch" in str(shared.blocks)


async def test_older_replaces_the_private_page(bench: Bench) -> None:
    first = (await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)).messages[0]
    bench.runner.lines = (line("an older line"),)
    seen = await bench.slack.person_actions.click("ada", first, f"{Action.SHOW}:older")
    assert [first.ts] == [message.ts for message in seen.messages]
    assert "an older line" in str(seen.messages[0].blocks)
    assert parsed(f"{LOGS} --tail 7") == bench.runner.asked[-1][0]


async def test_a_page_of_a_shared_answer_is_shown_to_the_one_who_clicks(bench: Bench) -> None:
    shared = (await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public")).messages[0]
    before = shared.blocks
    seen = await bench.slack.person_actions.click("ben", shared, f"{Action.SHOW}:older")
    assert ["U0BEN"] == [message.visible_to for message in seen.messages]
    assert before == shared.blocks


async def test_a_slow_page_of_a_shared_answer_does_not_touch_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = (await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public")).messages[0]
    monkeypatch.setattr(listeners, "PATIENCE_S", 0.05)
    bench.runner.delay_s = 0.2
    await bench.slack.person_actions.click("ben", shared, f"{Action.SHOW}:older")
    await bench.slack.person_actions.until(lambda: "step 2" in str(channel(bench).ephemerals[-1].blocks))
    assert 1 == len(shared.versions), "the message as it was posted"


@pytest.mark.parametrize("text", ["watch baseten:p/j", "unwatch baseten:p/j", "silence 1h baseten:p/j"])
async def test_what_changes_a_channels_alerts_is_told_to_the_channel(bench: Bench, text: str) -> None:
    await bench.slack.person_actions.slash("ada", "#training", "/train", text)
    assert 1 == len(channel(bench).messages)


async def test_watching_where_alerts_cannot_arrive_says_so(bench: Bench) -> None:
    await bench.slack.person_actions.slash("ada", "#random", "/train", "watch baseten:p/j")
    assert "/invite @trainwatch" in str(channel(bench, "#random").messages[0].blocks)
    headline, warning, *rules, _ = channel(bench, "#random").messages[0].blocks or []
    assert "in the thread" not in str(headline)
    assert "I am not in this channel" in str([*rules[:1], warning])
    assert "job_failed" in str(rules)


async def test_what_stands_in_the_thread_is_pointed_to(bench: Bench) -> None:
    await bench.slack.person_actions.slash("ada", "#training", "/train", "watch baseten:p/j")
    (root,) = channel(bench).messages
    assert "by <@U0ADA> · its rules are in the thread" in str(root.blocks)


async def test_who_comes_into_a_channel_says_how_it_is_used_there(bench: Bench) -> None:
    bench.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await bench.slack.person_actions.until(lambda: channel(bench, "#random").messages)
    assert hello.text.startswith("`/train watch REF` and I tell this channel when that job fails")
    assert [] == asked(bench)


async def test_who_was_waited_for_says_what_comes_now(bench: Bench) -> None:
    bench.store.watches, bench.store.waiting = True, 3
    bench.slack.person_actions.invite_bot("ada", "#random")
    (hello,) = await bench.slack.person_actions.until(lambda: channel(bench, "#random").messages)
    assert "This channel watches 1 job: `/train list`. 3 alerts waited for the invitation and come now." == hello.text


@pytest.mark.parametrize(
    ("private", "scope", "count"), [(True, "groups:read", 1), (True, "channels:read", 0), (False, "groups:read", 0)]
)
async def test_the_scope_of_the_channels_kind_is_needed_to_hear_of_an_invitation(
    private: bool,
    scope: str,
    count: int,
) -> None:
    async with socket_bench(["chat:write", scope]) as bench:
        bench.slack.workspace.add_channel("new", members=["ada"], is_private=private)
        bench.slack.person_actions.invite_bot("ada", "#new")
        with contextlib.suppress(TimeoutError):
            await bench.slack.person_actions.until(
                lambda: channel(bench, "#new").messages, timeout_s=10 if count else 0.3
            )
        assert count == len(channel(bench, "#new").messages)


async def test_other_people_come_into_a_channel_unnoticed(bench: Bench) -> None:
    event = {"type": "member_joined_channel", "user": "U0BEN", "channel": channel(bench).id, "channel_type": "C"}
    bench.slack.person_actions.event_sender.send_event(payloads.event(bench.slack.context, event))
    await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    assert [] == channel(bench).messages


async def test_logs_of_an_alert_are_private(bench: Bench) -> None:
    seen = await bench.slack.person_actions.click("ada", await alert_message(bench), f"{Action.SHOW}")
    assert ["U0ADA"] == [message.visible_to for message in seen.messages]


async def test_acknowledge_notes_who_and_when_and_says_nothing_more(bench: Bench) -> None:
    message = await alert_message(bench)
    await bench.slack.person_actions.click("ben", message, Action.ACKNOWLEDGE, wait_s=0.3)
    assert [("inc-0123456789ab", "U0BEN", NOW)] == bench.store.acknowledged
    assert [] == channel(bench).ephemerals


async def test_acknowledging_what_is_long_over_is_said(bench: Bench) -> None:
    bench.store.known.clear()
    seen = await bench.slack.person_actions.click("ben", await alert_message(bench), Action.ACKNOWLEDGE)
    assert "no longer known" in seen.text


async def test_a_silence_from_the_alert_is_told_in_its_thread(bench: Bench) -> None:
    message = await alert_message(bench)
    await bench.slack.person_actions.click("ben", message, Action.CHANGE)
    (reply,) = await bench.slack.person_actions.until(lambda: channel(bench).replies(message.ts))
    assert "until" in reply.text
    assert ["SilenceCommand"] == asked(bench)


async def test_the_menu_of_an_alert_ends_the_watching(bench: Bench) -> None:
    message = await alert_message(bench)
    await bench.slack.person_actions.select("ben", message, Action.MORE, "Stop watching here")
    await bench.slack.person_actions.until(lambda: channel(bench).replies(message.ts))
    assert ["UnwatchCommand"] == asked(bench)


async def test_a_mention_in_a_thread_is_answered_there(bench: Bench) -> None:
    root = await alert_message(bench)
    bench.slack.person_actions.say("ada", "#training", f"@trainwatch {LOGS}", thread_ts=root.ts)
    replies = await bench.slack.person_actions.until(lambda: _two(channel(bench).replies(root.ts)))
    assert "step 2 loss 2.4" in str(replies[1].blocks)


async def test_a_mention_that_cannot_be_read_is_answered_in_its_thread(bench: Bench) -> None:
    said = bench.slack.person_actions.say("ada", "#training", "@trainwatch logz")
    (reply,) = await bench.slack.person_actions.until(lambda: channel(bench).replies(said.ts))
    assert "There is no subcommand `logz`" in reply.text


async def test_home_shows_what_i_watch_how_the_bot_is_and_what_to_type(bench: Bench) -> None:
    seen = await bench.slack.person_actions.open_home("ada")
    assert seen.view is not None
    assert [] == view_problems(seen.view.source)
    for fact in ("llama-8b-sft", "2 alerts firing", "🟢 polling", "/train silence"):
        assert fact in str(seen.view.source)
    for fact in ("polls are 2m behind", "3 messages not sent yet", "baseten: 1,234 of at most 3,200 requests"):
        assert fact in str(seen.view.source)


async def test_a_bug_is_answered_with_a_number_and_logged_with_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.runner.failure = RuntimeError("xoxb-secret in an exception")
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    (record,) = [one for one in caplog.records if one.message == "command failed"]
    assert str(record.__dict__["error_id"]) in seen.text
    assert "secret" not in seen.text


async def test_a_known_problem_is_told_in_its_own_words(bench: Bench) -> None:
    bench.runner.failure = StoreUnavailable("The database is busy; try again.")
    seen = await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    assert "The database is busy; try again." in seen.text


async def test_hostile_lines_are_answered_privately_and_in_public(bench: Bench) -> None:
    bench.runner.lines = tuple(line(HOSTILE * 20, number) for number in range(40))
    await bench.slack.person_actions.slash("ada", "#training", "/train", LOGS)
    await bench.slack.person_actions.slash("ada", "#training", "/train", f"{LOGS} --public")
    await bench.slack.person_actions.until(lambda: _two(channel(bench).replies(channel(bench).messages[0].ts)))


def _two(messages: list[Message]) -> list[Message] | None:
    return messages if len(messages) >= 2 else None
