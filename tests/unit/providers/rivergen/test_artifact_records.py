"""A download that is cut anywhere is completed or reported."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.errors import JobNotFound, ProviderError, Unavailable
from bot.providers.base import Download
from bot.providers.http.client import HttpStream
from bot.providers.rivergen.artifact_records import JsonCutter, TextCutter
from bot.providers.rivergen.download import FetchChunk, OpenStream, open_download
from bot.providers.rivergen.wire import LogChunk, LogRecord

MESSAGES = (
    "starting",
    'Traceback (most recent call last):\n  File "train.py", line 3\nValueError: no',
    "größe 日本語 🚀",
    'quotes " and \\ backslash \\" and {[}] braces',
    "",
    "2026-03-13T10:00:00Z resembles a timestamp only inside the line",
    "last",
)


def wire_lines(messages: list[str]) -> list[LogRecord]:
    return [
        LogRecord(number, "info", message, f"2026-03-13T10:00:{number % 60:02d}.123Z")
        for number, message in enumerate(messages, start=1)
    ]


def artifact(lines: list[LogRecord], form: str) -> bytes:
    if form == "json":
        return b"[" + b",\n".join(map(msgspec.json.encode, lines)) + b"]"
    return b"".join(f"{line.timestamp} [INFO] {line.message}\n".encode() for line in lines)


def streamed(body: bytes, size: int, *, breaks: bool = False, name: str = "") -> OpenStream:
    """The artifact as it is served each time it is requested."""

    @asynccontextmanager
    async def response() -> AsyncIterator[HttpStream]:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), size):
                yield body[start : start + size]
            if breaks:
                raise Unavailable("The connection to rivergen failed.")

        headers = {"content-disposition": f'attachment; filename="{name}"'} if name else {}
        yield HttpStream(200, headers, chunks())

    def open_stream(_headers: Mapping[str, str]) -> AbstractAsyncContextManager[HttpStream]:
        return response()

    return open_stream


async def not_running() -> bool:
    return False


def fetch_of(lines: list[LogRecord]) -> FetchChunk:
    async def fetch(offset: int, limit: int) -> LogChunk:
        first = max(0, len(lines) - limit) if offset < 0 else offset
        return LogChunk(len(lines), lines[first : first + limit])

    return fetch


async def collected(download: Download) -> bytes:
    return b"".join([chunk async for chunk in download.chunks])


def downloaded(lines: list[LogRecord], form: str, body: bytes, size: int, *, breaks: bool = False) -> bytes:
    async def run() -> bytes:
        stream = streamed(body, size, breaks=breaks)
        return await collected(await open_download("run-1", form, stream, fetch_of(lines), running=not_running))

    return asyncio.run(run())


@settings(max_examples=400, deadline=None)
@given(
    messages=st.lists(st.sampled_from(MESSAGES), min_size=1, max_size=12),
    form=st.sampled_from(["txt", "json"]),
    size=st.integers(1, 40),
    cut=st.integers(0, 600),
)
@example(messages=[""], form="txt", size=1, cut=31)  # before the space that ends an empty line
def test_a_stream_broken_at_any_byte_is_completed(messages: list[str], form: str, size: int, cut: int) -> None:
    lines = wire_lines(messages)
    whole = artifact(lines, form)
    found = downloaded(lines, form, whole[:cut], size, breaks=True)
    assert whole.removesuffix(b"\n") == found.removesuffix(b"\n"), "only the file's last line feed may be missing"


@settings(max_examples=200, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=300), st.sampled_from([artifact(wire_lines(list(MESSAGES)), "txt")])),
    lines=st.integers(0, 9),
    form=st.sampled_from(["txt", "json"]),
    size=st.integers(1, 40),
)
def test_a_stream_that_ends_without_a_failure_passes_through_unchanged(
    body: bytes, lines: int, form: str, size: int
) -> None:
    """Whatever the pages of the log hold."""
    assert body == downloaded(wire_lines(["other"] * lines), form, body, size)


@pytest.mark.parametrize(("form", "whole"), [("txt", b""), ("json", b"[]")])
def test_an_empty_log_is_completed_wherever_it_is_broken(form: str, whole: bytes) -> None:
    for cut in range(len(whole) + 1):
        assert whole == downloaded([], form, whole[:cut], 1, breaks=True)


def test_the_numbering_of_the_log_is_detected_when_a_message_has_several_lines() -> None:
    """It is not documented whether numbered lines are records or lines of the file."""
    text = artifact(wire_lines(list(MESSAGES)), "txt")
    physical = [
        LogRecord(
            number,
            "info",
            line[line.find("] ") + 2 if "[INFO] " in line else 0 :],
            line[:24] if line.startswith("2026") else "",
        )
        for number, line in enumerate(text.decode().split("\n")[:-1], 1)
    ]
    for cut in range(150, len(text), 17):
        assert text == downloaded(physical, "txt", text[:cut], 10, breaks=True), cut


def test_a_download_that_cannot_be_completed_raises_unavailable() -> None:
    """A record of more than 8 MiB was returned in parts, so it is not known where it ended."""
    lines = wire_lines(["x" * 9_000_000, "second", "third"])
    with pytest.raises(Unavailable, match="the pages of the log do not continue the file"):
        downloaded(lines, "txt", artifact(lines, "txt")[:8_500_000], 65_536, breaks=True)


@pytest.mark.parametrize("form", ["txt", "json"])
def test_a_record_larger_than_the_limit_passes_through(form: str) -> None:
    lines = wire_lines(["x" * 9_000_000, "second", "third"])
    assert artifact(lines, form) == downloaded(lines, form, artifact(lines, form), 1_000_000)


def test_the_failure_is_raised_when_the_log_cannot_be_paged_either() -> None:
    async def fetch(_offset: int, _limit: int) -> LogChunk:
        raise Unavailable("down")

    async def run() -> None:
        stream = streamed(b"2026-03-13T10:00:00Z [INFO] a\n", 10, breaks=True)
        await collected(await open_download("run-1", "txt", stream, fetch, running=not_running))

    with pytest.raises(Unavailable, match="connection to rivergen failed"):
        asyncio.run(run())


@asynccontextmanager
async def refused(_headers: Mapping[str, str]) -> AsyncIterator[HttpStream]:
    raise JobNotFound("no artifact yet")
    yield  # never reached; makes this a generator


@pytest.mark.parametrize("form", ["txt", "json"])
def test_the_artifact_of_a_running_run_is_written_from_its_pages(form: str) -> None:
    lines = wire_lines(list(MESSAGES))

    async def running() -> bool:
        return True

    async def run() -> bytes:
        return await collected(await open_download("run-1", form, refused, fetch_of(lines), running=running))

    assert artifact(lines, form) == asyncio.run(run())


def test_a_run_that_has_ended_without_an_artifact_raises_at_once() -> None:
    with pytest.raises(ProviderError, match="no artifact yet"):
        asyncio.run(open_download("run-1", "txt", refused, fetch_of([]), running=not_running))


@pytest.mark.parametrize("form", ["txt", "json"])
def test_memory_does_not_grow_with_the_log(form: str) -> None:
    cutter = TextCutter() if form == "txt" else JsonCutter()
    block = artifact(wire_lines(["x" * 200] * 300), "txt" if form == "txt" else "json")
    block = block if form == "txt" else block[1:-1] + b","
    cutter.feed(b"" if form == "txt" else b"[")
    returned = sum(len(cutter.feed(block)) for _ in range(200))
    assert len(cutter.held) < 400
    assert returned > 190 * len(block)


def test_the_file_name_is_from_the_header_or_the_run() -> None:
    async def name_of(header: str) -> str:
        stream = streamed(b"", 1, name=header)
        download = await open_download("run-9", "txt", stream, fetch_of([]), running=not_running)
        await collected(download)
        return download.filename

    assert "training-log.txt" == asyncio.run(name_of("../../etc/training-log.txt"))
    assert "training-log-run-9.txt" == asyncio.run(name_of(""))
