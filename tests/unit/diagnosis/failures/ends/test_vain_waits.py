"""The wait for a peer with which a log ends."""

import pytest

from bot.diagnosis.failures.ends.last_words import read_rows
from bot.diagnosis.failures.ends.vain_waits import find_vain_wait


def find(text: str) -> int | None:
    return find_vain_wait(read_rows(text.encode().split(b"\n"), 1))


@pytest.mark.parametrize(
    "text",
    [
        "still no answer from 10.1.0.2:7777 after 600 s, trying again",
        "TCP client failed to connect to host 10.0.0.7:29400 - retrying: no answer after 120000ms",
        "could not reach etcd-0:2379 for 5 min, retrying\nException raised from throwTimeoutError",
    ],
)
def test_long_wait_is_found(text: str) -> None:
    assert find(text) == 0


@pytest.mark.parametrize(
    "text",
    [
        "could not reach 10.0.0.4:8786 after 2 s, trying again",
        "could not reach 10.0.0.4:8786 for 90 s, trying again\njoined the group",
        "ready\nstill waiting for peers of 10.0.0.4:8786 after 600 s",
        "still waiting for new requests from clients of 10.0.0.4:80 after 600 s",
        "still waiting for 10.0.0.4:80",
    ],
)
def test_short_answered_and_idle_waits_are_not(text: str) -> None:
    assert find(text) is None
