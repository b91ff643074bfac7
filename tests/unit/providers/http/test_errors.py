"""`Retry-After` values and the messages of error bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.providers.http.errors import extract_message, parse_retry_after

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", timedelta(seconds=3)),
        ("1.5", timedelta(seconds=1.5)),
        ("-3", timedelta(0)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), timedelta(0)),
        ("soon", None),
        ("nan", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, expected: timedelta | None) -> None:
    assert parse_retry_after({"retry-after": text}, NOW) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code": "X", "message": "no"}', "no"),
        (b'{"error": {"code": "X", "message": "no"}}', "no"),
        (b'{"detail": "no"}', "no"),
        (b'{"error": "no"}', "no"),
        (b"plain no", "plain no"),
        (b"<html>no</html>", ""),
        (b"[1, 2]", ""),
        (b"", ""),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_the_message_is_found_in_every_usual_shape(body: bytes, expected: str) -> None:
    assert extract_message(body) == expected
