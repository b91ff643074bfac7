"""Cursors hold a provider's own state."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from bot.domain.logs import LogCursor
from bot.errors import CursorLost
from bot.providers.paging.cursors import pack_cursor, unpack_cursor


class _State(msgspec.Struct):
    position: int
    overlap: timedelta


def test_a_cursor_returns_the_state_it_was_packed_from() -> None:
    state = _State(3, timedelta(seconds=4))
    assert state == unpack_cursor(pack_cursor(state), _State)


@pytest.mark.parametrize("content", [b"", b"\x93", msgspec.msgpack.encode({"position": "x"})])
def test_a_cursor_of_another_kind_is_refused(content: bytes) -> None:
    with pytest.raises(CursorLost):
        unpack_cursor(LogCursor(content), _State)
