"""Pack a provider's reading position into a `LogCursor`, and unpack it again. Pure."""

from typing import TypeVar

import msgspec

from bot.domain.logs import LogCursor
from bot.errors import CursorLost

_State = TypeVar("_State", bound=msgspec.Struct)


def pack_cursor(state: msgspec.Struct) -> LogCursor:
    """Return a cursor that holds a provider's own state."""
    return LogCursor(msgspec.msgpack.encode(state))


def unpack_cursor(cursor: LogCursor, kind: type[_State]) -> _State:
    """Return the state that `pack_cursor` packed.

    Raises:
        CursorLost: the cursor is from another provider, or from an incompatible version of this one.
    """
    try:
        return msgspec.msgpack.decode(cursor.state, type=kind)
    except msgspec.DecodeError as error:
        raise CursorLost from error
