"""A file is redacted the same whatever its chunks, and nothing but the secrets changes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.redaction.file_redactor import HELD_CHARS, FileRedactor
from bot.redaction.redactor import Redactor

REDACTOR = Redactor(["configured-secret"])
KEY = "-----BEGIN RSA PRIVATE KEY-----\n" + "\n".join(["MIIE" + "aB3/" * 15] * 50) + "\n-----END RSA PRIVATE KEY-----\n"
PARTS = (
    "step 5 loss 0.1\n",
    "configured-secret",
    "password=hunter22\n",
    KEY,
    "\r\n",
    "größe 🚀 ",
    "\udcff\udcfe",
    "x" * 900,
)


def redacted(data: bytes, sizes: list[int], searched_chars: int) -> tuple[bytes, int]:
    cleaner, parts, position = FileRedactor(REDACTOR, searched_chars=searched_chars), list[bytes](), 0
    while position < len(data):
        size = sizes[len(parts) % len(sizes)]
        parts.append(cleaner.feed(data[position : position + size]))
        position += size
    return b"".join([*parts, cleaner.finish()]), cleaner.hidden


@settings(max_examples=60, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(PARTS), max_size=60),
    sizes=st.lists(st.integers(1, 9_000), min_size=1, max_size=5),
    searched_chars=st.integers(100, 20_000),
)
def test_chunks_change_nothing(chosen: list[str], sizes: list[int], searched_chars: int) -> None:
    text = "log\n" + "".join(chosen) + "step 6\n" * 10_000 + "".join(chosen)
    expected, hidden = REDACTOR.redact(text)
    found, counted = redacted(text.encode("utf-8", "surrogateescape"), sizes, searched_chars)
    assert (expected, hidden) == (found.decode("utf-8", "surrogateescape"), counted)


@given(data=st.binary(max_size=3_000), sizes=st.lists(st.integers(1, 700), min_size=1, max_size=3))
def test_other_bytes_pass_through(data: bytes, sizes: list[int]) -> None:
    found, hidden = redacted(data, sizes, 100)
    assert found == data or hidden


def test_memory_is_bounded() -> None:
    cleaner, returned = FileRedactor(REDACTOR, searched_chars=1_000), 0
    for _ in range(400):
        returned += len(cleaner.feed(b"x" * 10_000))
    assert 400 * 10_000 - returned < 2 * HELD_CHARS


def test_a_value_without_end_is_hidden() -> None:
    data = b"password=" + b"y" * 20_000_000 + b" end\n"
    found, _ = redacted(data, [1_000_000], 1_000_000)
    assert b"yy" not in found
    assert found.endswith(b" end\n")
