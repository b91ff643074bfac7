"""Which new incidents share one message."""

from __future__ import annotations

import pytest

from bot.domain.grouping import Grouping
from bot.domain.storms import ChannelQueue, Joined, NewIncident, join_digests

GROUPING = Grouping(storm_size=3)
PLATFORM = "platform:baseten"


def new(*ids: str, group: str = "") -> tuple[NewIncident, ...]:
    return tuple(NewIncident(one, group) for one in ids)


CASES = {
    "few": (ChannelQueue(new("a", "b", "c")), []),
    "a storm": (ChannelQueue(new("a", "b", "c", "d")), [Joined("", ("a", "b", "c", "d"), None)]),
    "after others were sent": (ChannelQueue(new("d"), sent=3), [Joined("", ("d",), None)]),
    "while others wait": (
        ChannelQueue(new("d"), waiting=new("b", "c"), sent=1),
        [Joined("", ("b", "c", "d"), None)],
    ),
    "an open digest takes every alert": (ChannelQueue(new("z"), digests={"": "dig-1"}), [Joined("", ("z",), "dig-1")]),
    "one job of a platform": (ChannelQueue(new("a", group=PLATFORM)), []),
    "two jobs of a platform": (
        ChannelQueue(new("a", "b", group=PLATFORM)),
        [Joined(PLATFORM, ("a", "b"), None)],
    ),
    "a second job of a platform": (
        ChannelQueue(new("b", group=PLATFORM), grouped={PLATFORM: ["a"]}),
        [Joined(PLATFORM, ("a", "b"), None)],
    ),
    "a second job while the first waits": (
        ChannelQueue(new("b", group=PLATFORM), waiting=new("a", group=PLATFORM), grouped={PLATFORM: ["a"]}),
        [Joined(PLATFORM, ("a", "b"), None)],
    ),
    "another job of an open group": (
        ChannelQueue(new("c", group=PLATFORM), digests={PLATFORM: "dig-1"}),
        [Joined(PLATFORM, ("c",), "dig-1")],
    ),
    "groups do not count as a storm": (
        ChannelQueue((*new("a", "b", "c", group=PLATFORM), *new("d", "e", "f"))),
        [Joined(PLATFORM, ("a", "b", "c"), None)],
    ),
    "a group and a storm": (
        ChannelQueue((*new("a", "b", group=PLATFORM), *new("c", "d", "e", "f"))),
        [Joined(PLATFORM, ("a", "b"), None), Joined("", ("c", "d", "e", "f"), None)],
    ),
    "single members of groups join a storm": (
        ChannelQueue((*new("a", group="node:1"), *new("b", "c", "d"))),
        [Joined("", ("b", "c", "d", "a"), None)],
    ),
    "what happened during a downtime is always one message": (
        ChannelQueue(new("a", group="downtime:1")),
        [Joined("downtime:1", ("a",), None)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_incidents_join_digests(case: str) -> None:
    queue, expected = CASES[case]
    assert join_digests(queue, GROUPING) == expected
