"""Stream the log artifact of a run; if it ends early, complete it from the pages of the log.

A stream from object storage may end early without an error. Only the number of lines and the last line reveal it. The
documented endpoint is `/training-metrics/logs/download`.
"""

import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import PurePosixPath

from bot.errors import BadRequest, JobNotFound, ProviderError, Unavailable
from bot.providers.base import Download
from bot.providers.http.client import HttpStream
from bot.providers.rivergen.artifact_records import Cutter, JsonCutter, TextCutter
from bot.providers.rivergen.log_reader import LARGEST_PAGE
from bot.providers.rivergen.references import NAME
from bot.providers.rivergen.wire import LogChunk, LogRecord

FetchChunk = Callable[[int, int], Awaitable[LogChunk]]
"""(offset, limit) → page of the log. A negative offset requests the last lines."""
LONGEST_NAME_BYTES = 180
_LONGEST_SUFFIX = 11
_CONTENT_TYPES = {"txt": "text/plain", "json": "application/json"}


async def open_download(
    run_id: str,
    form: str,
    stream: AbstractAsyncContextManager[HttpStream],
    fetch: FetchChunk,
    *,
    running: Callable[[], Awaitable[bool]],
) -> Download:
    """Open the artifact; for a running run that has none yet, write it from the pages of the log.

    `form` is `txt` or `json`. `stream` is the request for the artifact, not yet sent. `running` is called only when
    there is no artifact. The file is named for the run when the header has no name.
    """
    cutter: Cutter = TextCutter() if form == "txt" else JsonCutter()
    artifact = _Artifact(cutter, fetch, f"training-log-{run_id}.{form}", _CONTENT_TYPES[form])
    chunks = artifact.chunks(stream)
    try:
        await anext(chunks)  # Sends the request, to raise errors here and to know the file name.
    except (JobNotFound, BadRequest):
        if not await running():
            raise
        chunks = artifact.rest(0)
    return Download(artifact.filename, artifact.content_type, chunks)


@dataclass(slots=True)
class _Artifact:
    cutter: Cutter
    fetch: FetchChunk
    filename: str
    content_type: str
    broken: ProviderError | None = None

    async def chunks(self, stream: AbstractAsyncContextManager[HttpStream]) -> AsyncIterator[bytes]:
        """Yield an empty chunk once the response has begun, then the artifact."""
        async with stream as answer:
            self.filename = filename_of(answer.headers.get("content-disposition", ""), self.filename)
            self.content_type = answer.headers.get("content-type", "").partition(";")[0].strip() or self.content_type
            yield b""
            try:
                async for chunk in answer.chunks:
                    if records := self.cutter.feed(chunk):
                        yield records
            except Unavailable as error:
                self.broken = error
        async for chunk in self._ending():
            yield chunk

    async def rest(self, offset: int) -> AsyncIterator[bytes]:
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

    async def _ending(self) -> AsyncIterator[bytes]:
        """Yield what was held back if the artifact is complete, else what is missing."""
        total, last = await self._log_end()
        reached = self.cutter.reaches(total or 0)
        is_empty = total == 0 and not self.cutter.held.strip()
        complete = reached and self.cutter.ends_with(last) and (total or is_empty or self.broken is None)
        can_complete = total is not None and self.cutter.count <= total and (total or is_empty)
        if not complete and self.cutter.whole and can_complete:
            async for chunk in self.rest(self.cutter.count):
                yield chunk
            return
        if not complete and not (reached and self.broken is None):
            text = f"The download from RiverGen ended early and cannot be completed: the log has {total or 0} lines."
            raise Unavailable(f"{text} Read it without --download.", provider=NAME) from self.broken
        if self.cutter.held:
            yield self.cutter.held

    async def _log_end(self) -> tuple[int | None, LogRecord | None]:
        """Return the number of lines and the last one; (None, None) if the log cannot be read by page."""
        try:
            page = await self.fetch(-1, 1)
        except ProviderError:
            if self.broken is not None:
                raise self.broken from None
            return None, None
        if self.cutter.first_multiline is not None:
            lines = (await self.fetch(self.cutter.first_multiline, 1)).lines
            self.cutter.by_records = not lines or "\n" in (lines[0].message or "")
        return page.total_lines or 0, page.lines[-1] if page.lines else None


def filename_of(disposition: str, fallback: str) -> str:
    """Return the file name in a Content-Disposition header (RFC 6266), made safe; `fallback` when it has none."""
    return safe_filename(_raw_filename(disposition)) or safe_filename(fallback) or "training-log"


def safe_filename(name: str) -> str:
    """Return `name` without directories and without control and reserved characters; "" when nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = unicodedata.normalize("NFC", "".join(filter(str.isprintable, last)))
    # Hidden files and command-line options are avoided, and so are quotes and dots at the ends.
    bare = printable.lstrip('.~- ":').rstrip('. ":;')
    from pathvalidate import sanitize_filename  # noqa: PLC0415 - only downloads need it
    from pathvalidate.handler import ReservedNameHandler  # noqa: PLC0415

    return sanitize_filename(
        _shorten(bare),
        replacement_text="_",
        reserved_name_handler=ReservedNameHandler.add_leading_underscore,
        additional_reserved_names=["CONIN$", "CONOUT$"],
    )


def _raw_filename(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition.encode("utf-8", "ignore").decode()
    params = message.get_params([], header="Content-Disposition")
    names = [value for key, value in params if key.lower() == "filename"]
    # `filename*` (RFC 8187) wins over `filename`; the parser puts it last.
    return collapse_rfc2231_value(names[-1]) if names else ""


def _shorten(name: str) -> str:
    suffix = suffix if len(suffix := PurePosixPath(name).suffix) <= _LONGEST_SUFFIX else ""
    room = LONGEST_NAME_BYTES - len(suffix.encode())
    return name.removesuffix(suffix).encode()[:room].decode("utf-8", "ignore") + suffix
