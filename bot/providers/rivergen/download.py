"""Pass the log artifact of a run through unchanged. Only a broken connection makes this module add anything.

The documented endpoint is `/training-metrics/logs/download`. A connection that breaks is resumed: by a range where the
server offers one, else by downloading again and skipping what was received, if it is the same. Where that fails as
well, the rest is written from the pages of the log, with a note. A log whose pages hold another number of lines
than the file is a note too: the file stays as it was served.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from bot.domain.wording import plural
from bot.errors import BadRequest, JobNotFound, ProviderError, Unavailable
from bot.providers.base import Download
from bot.providers.http.client import HttpStream
from bot.providers.http.ranges import continues_at, range_headers
from bot.providers.rivergen.artifact_records import Cutter, JsonCutter, TextCutter
from bot.providers.rivergen.filenames import filename_of
from bot.providers.rivergen.log_reader import LARGEST_PAGE
from bot.providers.rivergen.references import NAME
from bot.providers.rivergen.wire import LogChunk

FetchChunk = Callable[[int, int], Awaitable[LogChunk]]
"""(offset, limit) → page of the log. A negative offset requests the last lines."""
OpenStream = Callable[[Mapping[str, str]], AbstractAsyncContextManager[HttpStream]]
"""Headers → a request for the artifact with these headers added."""
_CONTENT_TYPES = {"txt": "text/plain", "json": "application/json"}
_WRITTEN_FROM_PAGES = "RiverGen has no log file of this run yet. The file was written from the pages of its log."
_MOST_RESUMES = 50
_LAST_LINES = 100
"""Lines at the log's end that show whether the log numbers records or lines of the file."""


async def open_download(
    run_id: str,
    form: str,
    open_stream: OpenStream,
    fetch: FetchChunk,
    *,
    running: Callable[[], Awaitable[bool]],
) -> Download:
    """Open the artifact; for a running run that has none yet, write it from the pages of the log.

    `form` is `txt` or `json`. `running` is called only when there is no artifact, or when the counts differ. The file
    is named for the run when the header has no name.
    """
    cutter: Cutter = TextCutter() if form == "txt" else JsonCutter()
    filename = f"training-log-{run_id}.{form}"
    artifact = _Artifact(cutter, open_stream, fetch, running, filename, _CONTENT_TYPES[form])
    chunks = artifact.chunks()
    try:
        await anext(chunks)  # Sends the request, to raise errors here and to know the file name.
    except (JobNotFound, BadRequest):
        if not await running():
            raise
        artifact.notes.append(
            "RiverGen has no log file of this run yet. The file was written from the pages of its log."
        )
        chunks = artifact.pages(0)
    return Download(artifact.filename, artifact.content_type, chunks, artifact.notes)


@dataclass(slots=True)
class _Artifact:
    cutter: Cutter
    open_stream: OpenStream
    fetch: FetchChunk
    running: Callable[[], Awaitable[bool]]
    filename: str
    content_type: str
    notes: list[str] = field(default_factory=list)
    headers: Mapping[str, str] = field(default_factory=dict)
    broken: ProviderError | None = None
    received: int = 0
    """Bytes of the artifact that have arrived, whole records or not."""
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    """Of these bytes."""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield an empty chunk once the response has begun, then the artifact."""
        async with self.open_stream({}) as answer:
            self.headers = answer.headers
            self.filename = filename_of(answer.headers.get("content-disposition", ""), self.filename)
            self.content_type = answer.headers.get("content-type", "").partition(";")[0].strip() or self.content_type
            yield b""
            async for records in self._receive(answer.chunks):
                yield records
        broke_at = self.received
        for _ in range(_MOST_RESUMES):
            if self.broken is None:
                break
            received = self.received
            async for records in self._resume():
                yield records
            if self.received == received:
                break
        async for chunk in self._complete() if self.broken is not None else self._end(broke_at):
            yield chunk

    async def pages(self, offset: int) -> AsyncIterator[bytes]:
        """Yield the lines from an offset on, as the artifact writes them."""
        while True:
            page = await self.fetch(offset, LARGEST_PAGE)
            lines = page.lines or []
            if lines:
                yield b"".join(map(self.cutter.render, lines))
            offset += len(lines)
            if not lines or (page.total_lines is not None and offset >= page.total_lines):
                break
        if closing := self.cutter.closing():
            yield closing

    async def _receive(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield whole records; note where the connection breaks."""
        try:
            async for chunk in chunks:
                self.received += len(chunk)
                self.digest.update(chunk)
                if records := self.cutter.feed(chunk):
                    yield records
            self.broken = None
        except Unavailable as error:
            self.broken = error

    async def _resume(self) -> AsyncIterator[bytes]:
        """Request the artifact again, from where the connection broke; nothing is received if it has changed."""
        try:
            async with self.open_stream(range_headers(self.headers, self.received)) as answer:
                chunks = answer.chunks
                if answer.status == 206:
                    if not continues_at(answer.headers, self.received):
                        return
                else:
                    first = await self._skip(chunks)
                    if first is None:
                        return
                    async for records in self._receive(_one(first)):
                        yield records
                async for records in self._receive(chunks):
                    yield records
        except ProviderError as error:
            self.broken = error

    async def _skip(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        """Read past what was received before; return the bytes after it, or None if the file is another one."""
        left, digest = self.received, hashlib.sha256()
        while left:
            chunk = await anext(chunks, None)
            if chunk is None:
                return None
            digest.update(chunk[:left])
            if len(chunk) >= left:
                return chunk[left:] if digest.digest() == self.digest.digest() else None
            left -= len(chunk)
        return b""

    async def _end(self, broke_at: int) -> AsyncIterator[bytes]:
        """Yield what was held back of a whole artifact, and compare it with the log."""
        if self.cutter.held:
            yield self.cutter.held
        if broke_at != self.received:
            self.notes.append(f"The connection to RiverGen broke after {broke_at:,} bytes and was resumed.")
        await self._compare()

    async def _compare(self) -> None:
        """Note that the platform counts another number of lines than the file holds."""
        records, lines = self.cutter.counts()
        if records is None and lines is None:
            return
        try:
            page = await self.fetch(-1, _LAST_LINES)
        except ProviderError:
            self.notes.append("RiverGen's count of lines could not be read, so the file was not compared with it.")
            return
        total, has_records = page.total_lines, any("\n" in (line.message or "") for line in page.lines or ())
        held = records if records is not None and (has_records or total != lines) else lines
        if total is None or held is None or total == held:
            return
        text = f"The platform counts {plural(total, 'line')}, the file holds {held:,}."
        if total > held and await self._is_running():
            text += " The run is still writing."
        self.notes.append(text)

    async def _is_running(self) -> bool:
        try:
            return await self.running()
        except ProviderError:
            return False

    async def _complete(self) -> AsyncIterator[bytes]:
        """Yield the missing lines of an artifact that cannot be resumed.

        Raises:
            Unavailable: the pages do not continue the file exactly.
        """
        assert self.broken is not None
        cutter = self.cutter
        if cutter.is_closed:
            self.notes.append(_completed(self.received, 0))
            return
        count, page = await self._find_end()
        lines, added = page.lines or [], 0
        if len(lines) == 1 and cutter.holds(lines[0]) and page.total_lines in (None, count + 1):
            yield cutter.held
            lines = []
        elif not (cutter.continues(lines[0]) if lines else not cutter.held.strip()):
            raise self._cannot_complete()
        while lines:
            yield b"".join(map(cutter.render, lines))
            added += len(lines)
            if page.total_lines is not None and count + added >= page.total_lines:
                break
            page = await self.fetch(count + added, LARGEST_PAGE)
            lines = page.lines or []
        if closing := cutter.closing():
            yield closing
        self.notes.append(_completed(self.received, added))

    async def _find_end(self) -> tuple[int, LogChunk]:
        """Return how many lines of the log the file has, and the page after them; the last one must be the file's."""
        cutter, last = self.cutter, None
        try:
            if cutter.first_multiline is not None:
                lines = (await self.fetch(cutter.first_multiline, 1)).lines
                cutter.by_records = not lines or "\n" in (lines[0].message or "")
            count = cutter.count
            if count:
                last = (await self.fetch(count - 1, 1)).lines
            page = await self.fetch(count, LARGEST_PAGE)
        except ProviderError:
            assert self.broken is not None
            raise self.broken from None
        if not cutter.whole or (count and not (last and cutter.ends_with(last[0]))):
            raise self._cannot_complete()
        return count, page

    def _cannot_complete(self) -> Unavailable:
        text = f"The connection to RiverGen broke after {self.received:,} bytes, and the pages of the log do not"
        return Unavailable(f"{text} continue the file. Try again, or read it without --download.", provider=NAME)


def _completed(broke_at: int, added: int) -> str:
    text = f"The connection to RiverGen broke after {broke_at:,} bytes"
    if not added:
        return f"{text}, after the last line of the log."
    verb = "was" if added == 1 else "were"
    return f"{text}. The last {plural(added, 'line')} {verb} written from the pages of the log."


async def _one(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk
