"""Convert domain values to JSON text and back, typed by their dataclasses.

Foreign text may hold anything: characters that JSON or PostgreSQL cannot store become U+FFFD.
"""

from typing import TypeVar

import msgspec

Value = TypeVar("Value")


def to_json(value: object) -> str:
    """Encode a value built of dataclasses, enums, datetimes, tuples, mappings and scalars."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a surrogate pair in foreign text
        return msgspec.json.encode(_clean(msgspec.to_builtins(value))).decode()


def from_json(text: str, kind: type[Value]) -> Value:
    """Decode what `to_json` returned, in this version or an earlier one.

    Raises:
        msgspec.MsgspecError: the text was written by a version with other fields or values.
    """
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        return msgspec.convert(_with_excerpt_lines(msgspec.json.decode(text)), kind)


def clean_text(text: str) -> str:
    """Replace what databases refuse: half surrogate pairs, and NUL in PostgreSQL."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _with_excerpt_lines(value: object) -> object:
    """Upgrade evidence of older versions, whose lines are arrays: [nanoseconds or 0, message, source, level, id]."""
    match value:
        case {"evidence": {"lines": [*lines], **evidence}, **rest}:
            read = [_excerpt_line(*line) if isinstance(line, list) else line for line in lines]
            return {**rest, "evidence": {**evidence, "lines": read}}
        case dict():
            return {key: _with_excerpt_lines(one) for key, one in value.items()}
        case list():
            return [_with_excerpt_lines(one) for one in value]
        case _:
            return value


def _excerpt_line(timestamp_ns: int, message: str, source: str | None, level: int | None, _: object) -> object:
    rank = source.removeprefix("rank ") if source else ""
    is_rank = source == f"rank {rank}" and rank.isdecimal()
    return {
        "message": message,
        "timestamp_ns": timestamp_ns or None,
        "rank": int(rank) if is_rank else None,
        "replica": None if is_rank else source,
        "level": level,
    }


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
