"""Domain values to JSON text and back, typed by the dataclasses themselves. What is kept where: `bot.store.schema`.

Text from outside is kept whatever it holds: what JSON or PostgreSQL cannot hold becomes U+FFFD.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

Value = TypeVar("Value")


def encode(value: object) -> str:
    """JSON text of a value built of dataclasses, enums, datetimes, tuples, mappings and scalars."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair, somewhere in foreign text
        return msgspec.json.encode(_clean(msgspec.to_builtins(value))).decode()


def decode(text: str, kind: type[Value]) -> Value:
    """The value that `encode` was given.

    Raises:
        msgspec.ValidationError: written by a version of trainwatch that knew other fields or words.
    """
    return msgspec.json.decode(text, type=kind)


def clean_text(text: str) -> str:
    """Text that any database takes: no half surrogate pairs, and no NUL, which PostgreSQL refuses."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _clean(value: object) -> object:
    match value:
        case str():
            return clean_text(value)
        case dict():
            return {_clean(key): _clean(one) for key, one in value.items()}
        case list() | tuple():
            return [_clean(one) for one in value]
        case _:
            return value
