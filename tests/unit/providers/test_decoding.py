"""One odd line does not cost the page, whichever platform sent it."""

from __future__ import annotations

import pytest

from bot.providers.baseten.wire import parse_logs
from bot.providers.fireworks.wire import parse_entries
from bot.providers.rivergen.wire import numbered_lines, parse_chunk

ODD = {
    "lone surrogate": (rb"bad \ud83d end", "bad \ufffd end"),
    "broken UTF-8": (b"bad \xff end", "bad \ufffd end"),
    "raw control character": (b"bad \x01 end", "bad \x01 end"),
    "raw newline": (b"bad \n end", "bad \n end"),
}


def messages(system: str, message: bytes) -> list[str]:
    """Parse a page of two lines, the first one odd."""
    stamp = b"2026-03-01T10:00:00Z"
    match system:
        case "baseten":
            line = b'{"timestamp":"1772359200000000000","message":%b}'
            return [one.message for one in parse_logs(b'{"logs":[%b,%b]}' % (line % message, line % b'"next"'), system)]
        case "fireworks":
            line = b'{"logTime":"' + stamp + b'","rank":1,"message":%b}'
            page, _ = parse_entries(b'{"entries":[%b,%b]}' % (line % message, line % b'"next"'), 0)
            return [one.message for one in page]
        case _:
            line = b'{"timestamp":"' + stamp + b'","message":%b}'
            chunk = parse_chunk(b'{"total_lines":2,"lines":[%b,%b]}' % (line % message, line % b'"next"'))
            return [one.line.message for one in numbered_lines(chunk, 0)]


@pytest.mark.parametrize("system", ["baseten", "fireworks", "rivergen"])
@pytest.mark.parametrize("odd", ODD)
def test_one_odd_character_does_not_cost_the_page(system: str, odd: str) -> None:
    sent, read = ODD[odd]
    assert [read, "next"] == messages(system, b'"%b"' % sent)


@pytest.mark.parametrize("system", ["baseten", "fireworks", "rivergen"])
@pytest.mark.parametrize(("sent", "read"), [(b'{"loss": 0.5}', '{"loss": 0.5}'), (b"3", "3"), (b"null", "")])
def test_a_message_that_is_not_text_is_kept_as_its_json(system: str, sent: bytes, read: str) -> None:
    assert [read, "next"] == messages(system, sent)
