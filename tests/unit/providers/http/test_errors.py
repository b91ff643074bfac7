"""What an answer says beside its body's own format: how long to wait, and what went wrong. Who asks: `test_http.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.providers.http.errors import message_of, retry_after_of

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
def test_retry_after_is_read_as_seconds_or_as_a_date(text: str, expected: timedelta | None) -> None:
    assert expected == retry_after_of({"retry-after": text}, NOW)


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
def test_an_error_body_of_any_shape_gives_its_message(body: bytes, expected: str) -> None:
    assert expected == message_of(body)
