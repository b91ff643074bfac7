"""A platform's JSON to our structs, strict first and then with patience. Pure; what the structs are is in each `wire`.

Strict decoding is fast and nearly always enough. A training run may print anything though, and one odd line must not
cost the page: broken UTF-8, lone surrogates, raw control characters and NaN are read once more, slower, and a message
that is not text (`with_texts`) is taken for its JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

from bot.errors import ProtocolError

_Decoded = TypeVar("_Decoded")


def decode(
    decoder: msgspec.json.Decoder[_Decoded],
    body: bytes,
    provider: str,
    mend: Callable[[object], object] = lambda value: value,
) -> _Decoded:
    """The body as the decoder's type; what cannot be a character is U+FFFD. `mend` sees what strictness refused.

    Raises:
        ProtocolError: the body is not of that type, even so.
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found: object = json.loads(body.decode("utf-8", "replace"), strict=False)
        return msgspec.convert(mend(_without_surrogates(found)), type=decoder.type, strict=False)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        found_instead = "an HTML page" if body.lstrip().startswith(b"<") else str(error)
        text = f"{provider} answered in a form its document does not describe ({found_instead})."
        raise ProtocolError(text, provider=provider) from error


def with_texts(value: object, *names: str) -> object:
    """The value with every field of these names as text."""
    match value:
        case list():
            return [with_texts(one, *names) for one in value]
        case dict():
            return {key: _text(one) if key in names else with_texts(one, *names) for key, one in value.items()}
        case _:
            return value


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _without_surrogates(value: object) -> object:
    match value:
        case str():
            return _mended(value)
        case list():
            return [_without_surrogates(one) for one in value]
        case dict():
            return {_mended(key): _without_surrogates(one) for key, one in value.items()}
        case _:
            return value


def _mended(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
