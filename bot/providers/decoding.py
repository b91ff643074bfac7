"""Decode a platform's JSON into structs: strictly at first, then tolerantly. Pure; each `wire` module has its structs.

Strict decoding is fast and nearly always succeeds. But a training run may print anything, and one odd line must not
cost the page. So broken UTF-8, lone surrogates, raw control characters and NaN are decoded again, more slowly, and a
message that is not text becomes its JSON (`with_texts`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

import msgspec

from bot.domain.durations import datetime_from_ns, parse_rfc3339_ns, parse_timestamp_ns, scale_to_ns
from bot.errors import ProtocolError

_Decoded = TypeVar("_Decoded")
_Default = TypeVar("_Default")
_Value = TypeVar("_Value")


def decode_body(
    kind: type[_Decoded], body: bytes, provider: str, repair: Callable[[object], object] = lambda value: value
) -> _Decoded:
    """Decode a body; bytes that are not characters become U+FFFD. `repair` gets what strict decoding refused.

    Raises:
        ProtocolError: the body is not of this kind, even after repair.
    """
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found: object = json.loads(body.decode("utf-8", "replace"), strict=False)
        return msgspec.convert(repair(_without_surrogates(found)), type=kind, strict=False)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        found_instead = "an HTML page" if body.lstrip().startswith(b"<") else str(error)
        text = f"{provider} sent a response that does not match its documentation ({found_instead})."
        raise ProtocolError(text, provider=provider) from error


def with_texts(value: object, *names: str) -> object:
    """Return the value with every field of these names converted to text."""
    match value:
        case list():
            return [with_texts(one, *names) for one in value]
        case dict():
            return {key: _text(one) if key in names else with_texts(one, *names) for key, one in value.items()}
        case _:
            return value


def by_word(words: Mapping[_Value, str]) -> dict[str, _Value]:
    """Return the value of each word, from the words of each value, separated by spaces."""
    return {word: value for value, several in words.items() for word in several.split()}


def read_timestamp(stamp: object) -> int | None:
    """Return a timestamp in nanoseconds from a number or text in any unit; None if it cannot be read."""
    match stamp:
        case bool():
            return None
        case int() | float():
            return scale_to_ns(stamp)
        case str():
            return parse_timestamp_ns(stamp)
        case {"seconds": int() | str() as seconds, **rest}:
            nanos = rest.get("nanos", rest.get("nanoseconds", 0))
            whole = scale_to_ns(int(seconds)) if str(seconds).isdecimal() else None
            return whole + nanos if whole is not None and isinstance(nanos, int) else whole
        case _:
            return None


def fill_timestamps(found: Sequence[int | None], default: _Default) -> list[int | _Default]:
    """Replace each missing timestamp by the one before it.

    At the beginning it is replaced by the first known one, or by `default` if there is none.
    """
    current: int | _Default = next((stamp_ns for stamp_ns in found if stamp_ns is not None), default)
    filled = []
    for stamp_ns in found:
        current = current if stamp_ns is None else stamp_ns
        filled.append(current)
    return filled


def parse_time(text: str | None) -> datetime | None:
    """Parse an RFC 3339 time; None for other text and for implausible years."""
    stamp_ns = parse_rfc3339_ns(text or "")
    return None if stamp_ns is None else datetime_from_ns(stamp_ns)


def details_of(*facts: tuple[str, str | int | None]) -> tuple[tuple[str, str], ...]:
    """Return `Job.details` from the facts that have a value."""
    return tuple((label, str(value)) for label, value in facts if value not in (None, ""))


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return _replace_surrogates(value)
        case list():
            return [_without_surrogates(one) for one in value]
        case dict():
            return {_replace_surrogates(key): _without_surrogates(one) for key, one in value.items()}
        case _:
            return value


def _replace_surrogates(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
