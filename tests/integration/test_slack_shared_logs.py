"""Logs that people paste, upload or point to, through real Bolt: diagnosed in the thread."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sys
from collections.abc import Callable

import pytest

from bot.domain.access import ANY, AccessPolicy, AccessRole
from bot.domain.audit import AuditKind
from bot.slack.log_sharing import SharedLogLimits
from bot.slack.payloads import DIAGNOSE_SHORTCUT
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack import payloads
from emulator.slack.model import Message
from tests.integration.slack_harness import SECRET, SlackHarness, at_least, running, slack_with_scopes
from tests.support.scopes import GRANTED
from tests.support.waiting import eventually
from tests.unit.slack.validity import own_problems

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

STEPS = "".join(f"2026-03-13 10:00:{second:02d} INFO step {second} loss 2.{second}\n" for second in range(40))
OOM = f"""\
{STEPS}2026-03-13 10:01:00 ERROR [rank3]: training failed, key={SECRET} <!channel>
[rank3]: Traceback (most recent call last):
[rank3]:   File "/app/train.py", line 412, in step
[rank3]:     loss.backward()
[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.
"""


async def replies(harness: SlackHarness, root: Message, count: int = 1) -> list[Message]:
    channel = harness.slack.workspace.channels[root.channel]
    return await harness.slack.person_actions.until(lambda: at_least(count, channel.replies(root.ts)))


def direct(harness: SlackHarness, user: str = "U0ADA") -> str:
    return harness.slack.workspace.direct_channel(user).id


def is_diagnosed(answer: Message) -> bool:
    text = str(answer.blocks)
    assert [] == list(own_problems(answer.blocks or []))
    return "ran out of memory" in text.lower() or "out of memory" in text.lower()


async def test_the_shortcut_diagnoses_a_message_in_its_thread(harness: SlackHarness) -> None:
    posted = harness.slack.person_actions.say("ben", "#training", f"any idea?\n```{OOM}```")
    await harness.slack.person_actions.shortcut("ada", DIAGNOSE_SHORTCUT, posted)
    (answer,) = await replies(harness, posted)
    assert is_diagnosed(answer)
    text = str(answer.blocks)
    assert "Rank 3" in text
    assert "*Try:*" in text
    assert "torch.OutOfMemoryError" in text
    assert SECRET not in text
    assert "<!channel>" not in text
    assert "any idea" not in text
    (entry,) = (await harness.store.audit.page(AuditQuery())).entries
    assert (AuditKind.SHORTCUT, "U0ADA", "diagnose this log") == (entry.kind, entry.user, entry.text)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("train.log", bytes),
        ("train.txt", bytes),
        ("train.log.gz", gzip.compress),
        ("train.log.zst", zstd.compress),
        ("train.log.xz", lzma.compress),
        ("train.log.bz2", bz2.compress),
    ],
)
async def test_an_uploaded_file_is_diagnosed(harness: SlackHarness, name: str, pack: Callable[[bytes], bytes]) -> None:
    files = {name: pack(OOM.encode())}
    posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch what is this?", files=files)
    (answer,) = await replies(harness, posted)
    assert is_diagnosed(answer)
    assert name in str(answer.blocks)


async def test_the_files_of_one_run_are_diagnosed_together(harness: SlackHarness) -> None:
    files = {"rank_0.log": STEPS.encode(), "rank_7.log": OOM.replace("[rank3]: ", "").encode()}
    posted = harness.slack.person_actions.say("ada", direct(harness), "", files=files)
    (answer,) = await replies(harness, posted)
    assert is_diagnosed(answer)
    assert "rank_7.log" in str(answer.blocks)
    assert "Rank 7" in str(answer.blocks)


async def test_a_log_in_several_direct_messages_is_one_log(store: Store) -> None:
    async with running(SlackHarness(store, shared_logs=SharedLogLimits(quiet_s=0.3))) as harness:
        half = OOM.index("[rank3]: Traceback")
        first = harness.slack.person_actions.say("ada", direct(harness), OOM[:half])
        harness.slack.person_actions.say("ada", direct(harness), OOM[half:])
        (answer,) = await replies(harness, first)
        assert is_diagnosed(answer)
        assert "45 lines read" in str(answer.blocks)


async def test_a_damaged_file_is_read_as_far_as_it_goes(harness: SlackHarness) -> None:
    packed = gzip.compress(OOM.encode() * 50)
    files = {"train.log.gz": packed[: len(packed) - 40]}
    posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch", files=files)
    (answer,) = await replies(harness, posted)
    assert is_diagnosed(answer)
    assert "truncated or damaged" in str(answer.blocks)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("core.bin", bytes(range(256)) * 50, "core.bin is a binary file, not a text log."),
        ("big.log", b"x" * 30_000, "big.log has 30 kB; trainwatch reads files of up to 20 kB."),
        ("shot.png", b"\x89PNG", "shot.png is not text (image/png)."),
        ("empty.log", b"", "The log is empty."),
    ],
)
async def test_what_cannot_be_read_is_refused_clearly(store: Store, name: str, content: bytes, expected: str) -> None:
    async with running(SlackHarness(store, shared_logs=SharedLogLimits(max_download=20_000))) as harness:
        posted = harness.slack.person_actions.say("ben", "#training", "", files={name: content})
        seen = await harness.slack.person_actions.shortcut("ada", DIAGNOSE_SHORTCUT, posted)
        shown = seen.messages or await replies(harness, posted)
        assert expected in str(shown[-1].blocks)


async def test_a_file_that_cannot_be_read_is_noted_beside_those_that_can(harness: SlackHarness) -> None:
    files = {"train.log": OOM.encode(), "core": bytes(range(256)) * 50}
    posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch", files=files)
    (answer,) = await replies(harness, posted)
    assert is_diagnosed(answer)
    assert "Skipped: core is a binary file" in str(answer.blocks)


async def test_without_the_scope_the_answer_says_what_is_missing(store: Store) -> None:
    scopes = [scope for scope in GRANTED if scope != "files:read"]
    async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
        posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch", files={"a.log": OOM.encode()})
        (answer,) = await replies(harness, posted)
        assert "lacks the scope `files:read`" in str(answer.blocks)


async def test_a_file_of_another_organization_is_looked_up(store: Store) -> None:
    harness = SlackHarness(store, access=AccessPolicy(shared_channels=frozenset({ANY})))
    async with running(harness):
        harness.channel().is_ext_shared = True
        posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch", files={"a.log": OOM.encode()})
        (answer,) = await replies(harness, posted)
        assert is_diagnosed(answer)


async def test_where_the_bot_is_not_a_member_only_the_person_sees_the_answer(harness: SlackHarness) -> None:
    posted = harness.slack.person_actions.say("ben", "#random", OOM)
    seen = await harness.slack.person_actions.shortcut("ada", DIAGNOSE_SHORTCUT, posted)
    (answer,) = seen.messages
    assert is_diagnosed(answer)
    assert "U0ADA" == answer.visible_to
    assert "trainwatch is not in this conversation" in str(answer.blocks)


async def test_who_may_not_read_is_refused(store: Store) -> None:
    async with running(SlackHarness(store, access=AccessPolicy(default=AccessRole.NONE))) as harness:
        posted = harness.slack.person_actions.say("ben", "#training", OOM)
        seen = await harness.slack.person_actions.shortcut("ada", DIAGNOSE_SHORTCUT, posted)
        assert "needs the role `read`" in str(seen.messages[-1].blocks)
        assert [] == harness.channel().replies(posted.ts)


async def test_a_direct_message_is_a_command_or_a_question(harness: SlackHarness) -> None:
    channel = harness.slack.workspace.channels[direct(harness)]
    harness.slack.person_actions.say("ada", channel.id, "jobs please")
    answered = await harness.slack.person_actions.until(lambda: at_least(2, channel.messages))
    assert "baseten" in str(answered[-1].blocks)


async def test_the_bots_own_direct_messages_get_no_answer(harness: SlackHarness) -> None:
    channel = harness.slack.workspace.channels[direct(harness)]
    await harness.app.client.chat_postMessage(channel="U0ADA", text=OOM)
    own = {"type": "message", "channel_type": "im", "channel": channel.id, "user": "U0TRAIN", "bot_id": "B0TRAIN"}
    event = payloads.event(harness.slack.context, {**own, "text": OOM, "ts": channel.messages[-1].ts})
    harness.slack.person_actions.event_sender.send_event(event)
    harness.slack.person_actions.say("ada", channel.id, "help")
    answered = await harness.slack.person_actions.until(lambda: at_least(3, channel.messages))
    assert 3 == len(answered)


async def test_the_shortcut_reads_a_log_in_several_messages(harness: SlackHarness) -> None:
    half = OOM.index("[rank3]: Traceback")
    harness.slack.person_actions.say("chen", "#training", "unrelated")
    first = harness.slack.person_actions.say("ben", "#training", OOM[:half])
    harness.slack.person_actions.say("ben", "#training", OOM[half:])
    harness.slack.person_actions.say("chen", "#training", "oh no")
    await harness.slack.person_actions.shortcut("ada", DIAGNOSE_SHORTCUT, first)
    (answer,) = await replies(harness, first)
    assert is_diagnosed(answer)
    assert "45 lines read" in str(answer.blocks)


async def test_a_question_in_the_thread_of_a_log_is_about_it(harness: SlackHarness) -> None:
    posted = harness.slack.person_actions.say("ben", "#training", "help", files={"train.log": OOM.encode()})
    harness.slack.person_actions.say("ada", "#training", "@trainwatch whats wrong here", thread_ts=posted.ts)
    (_, answer) = await replies(harness, posted, 2)
    assert is_diagnosed(answer)


async def test_without_history_the_question_is_answered_as_any_other(store: Store) -> None:
    scopes = [scope for scope in GRANTED if not scope.endswith(":history")]
    async with running(SlackHarness(store, slack_with_scopes(scopes))) as harness:
        posted = harness.slack.person_actions.say("ben", "#training", OOM)
        harness.slack.person_actions.say("ada", "#training", "@trainwatch whats wrong here", thread_ts=posted.ts)
        (_, answer) = await replies(harness, posted, 2)
        assert "Which job?" in str(answer.blocks)


async def test_a_long_file_shows_its_progress_in_the_thread(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.01, progress_s=0.01)) as harness:
        files = {"train.log": (STEPS * 2_000 + OOM).encode()}
        posted = harness.slack.person_actions.say("ada", "#training", "@trainwatch", files=files)
        (answer,) = await harness.slack.person_actions.until(
            lambda: [one for one in harness.channel().replies(posted.ts) if is_diagnosed(one)]
        )
        assert "80,045 lines read" in str(answer.blocks)
        await eventually(lambda: harness.channel().deleted)
        (progress,) = harness.channel().deleted
        assert "so far." in progress.text
        assert "train.log" in str(progress.blocks)
