"""How many messages are looked for in a minute."""

from __future__ import annotations

import asyncio

from bot.slack.look_up_limits import LookUpLimits
from tests.support.virtual_time import in_virtual_time

HISTORY, REPLIES = "conversations.history", "conversations.replies"


def call(limits: LookUpLimits, method: str = HISTORY, times: int = 1) -> None:
    for _ in range(times):
        limits.record(method)


@in_virtual_time
async def test_a_minute_has_a_limited_number_of_calls() -> None:
    limits = LookUpLimits(per_minute=3)
    call(limits, times=2)
    await asyncio.sleep(20)
    call(limits)

    assert round(limits.wait_s(HISTORY)) == 40
    await asyncio.sleep(40.1)
    assert limits.wait_s(HISTORY) == 0


@in_virtual_time
async def test_methods_have_separate_limits() -> None:
    limits = LookUpLimits(per_minute=1)
    call(limits)
    assert limits.wait_s(HISTORY) > 0
    assert limits.wait_s(REPLIES) == 0


@in_virtual_time
async def test_verifications_leave_calls_to_messages_that_wait() -> None:
    limits = LookUpLimits(per_minute=4)
    call(limits, times=2)
    assert (limits.wait_s(HISTORY), limits.wait_s(HISTORY, spare=0.5) > 0) == (0, True)


@in_virtual_time
async def test_the_limit_of_a_distributed_app_is_learned_from_its_first_refusal() -> None:
    limits = LookUpLimits(per_minute=45)
    call(limits, times=2)
    limits.refuse(HISTORY, 60)

    assert limits.per_minute(HISTORY) == 1
    assert limits.per_minute(REPLIES) == 45
    assert round(limits.wait_s(HISTORY)) == 60
    await asyncio.sleep(60.1)
    call(limits)
    assert round(limits.wait_s(HISTORY)) == 60


@in_virtual_time
async def test_the_full_number_is_tried_again_after_ten_minutes() -> None:
    limits = LookUpLimits(per_minute=45)
    call(limits, times=2)
    limits.refuse(HISTORY, 60)
    await asyncio.sleep(601)
    assert limits.per_minute(HISTORY) == 45
