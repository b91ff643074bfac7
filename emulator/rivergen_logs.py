"""A RiverGen run's log in the vendor's two forms: numbered lines for pages, and the artifact that is downloaded.

Not the routes (``rivergen.py``). The number of a line is its place in the whole log, beginning with 1; it is what
identifies a line.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from zlib import crc32

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from emulator.faults import Broken
from emulator.http_json import encode, rfc3339
from emulator.logs import Line
from emulator.quirks import RivergenQuirks
from emulator.world import RivergenRun, from_ns

LEVELS = ("debug", "info", "warning", "error")
SHORT_LEVELS = {"warning": "WARN"}

Numbered = tuple[int, Line]


def page_of(
    run: RivergenRun, level: str, now_ns: int, slice_of: tuple[int, int, bool], quirks: RivergenQuirks
) -> tuple[int, list[dict[str, object]]]:
    """Return (``total_lines``, the page's lines) for `slice_of` = (offset, limit, tail)."""
    offset, limit, tail = slice_of
    least = LEVELS.index(level)
    counted = list(numbered(run, now_ns))
    if quirks.total_after_filter:
        counted = [item for item in counted if _severity(item[1]) >= least]
    page = counted[-limit:] if tail else counted[offset : offset + limit]
    shown = [_object(number, line) for number, line in page if _severity(line) >= least]
    return len(counted), shown


def numbered(run: RivergenRun, now_ns: int) -> Iterator[Numbered]:
    """Yield (line number, line) of every line that can be seen at `now_ns`."""
    visible = run.log.visible(0, len(run.log.lines), now_ns)
    return ((number + 1, line) for number, line in visible)


def artifact(run: RivergenRun, form: str, now_ns: int) -> Iterator[bytes]:
    """Yield the whole log as ``txt`` or ``json``, a few lines at a time."""
    if form == "txt":
        return (_text(line) for _, line in numbered(run, now_ns))
    return _json_array(_object(number, line) for number, line in numbered(run, now_ns))


class Download(Response):
    """A streamed attachment: pieces of a fixed size, which end early when the quirks say so."""

    def __init__(
        self, pieces: Iterable[bytes], headers: dict[str, str], quirks: RivergenQuirks, status: int = 200
    ) -> None:
        """Stream `pieces` (of any size) under these headers."""
        super().__init__(headers=headers, status_code=status)
        del self.headers["content-length"]  # the document: streamed chunk by chunk, so the length is not known
        self._pieces = pieces
        self._hazards = quirks

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the stream; break the connection where the quirks say so."""
        quirks = self._hazards
        left = quirks.cut_download_at
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for chunk in _resized(self._pieces, quirks.chunk_bytes):
            part = chunk if left is None else chunk[:left]
            await send({"type": "http.response.body", "body": part, "more_body": True})
            if left is not None:
                left -= len(part)
                if left <= 0:
                    break
        if left is not None and left <= 0 and not quirks.cut_looks_complete:
            raise Broken
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def ranged_download(
    whole: bytes, headers: dict[str, str], quirks: RivergenQuirks, requested: Mapping[str, str]
) -> Download:
    """Answer a request for a download, or for the part of it from a byte on if its version is still the same."""
    tag = f'"{crc32(whole):08x}"'
    headers = {**headers, "etag": tag, "accept-ranges": "bytes"}
    begin = requested.get("range", "").removeprefix("bytes=").removesuffix("-")
    if not begin.isdecimal() or requested.get("if-range", tag) != tag:
        return Download([whole], headers, quirks)
    headers["content-range"] = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
    return Download([whole[int(begin) :]], headers, quirks, status=206)


def _resized(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    pending = bytearray()
    for piece in pieces:
        pending += piece
        while len(pending) >= size:
            yield bytes(pending[:size])
            del pending[:size]
    if pending:
        yield bytes(pending)


def _text(line: Line) -> bytes:
    level = line.level or "info"
    stamp = rfc3339(from_ns(line.timestamp_ns))
    return f"{stamp} [{SHORT_LEVELS.get(level, level.upper())}] {line.message}\n".encode()


def _json_array(objects: Iterator[dict[str, object]]) -> Iterator[bytes]:
    first = (encode(item) for item in islice(objects, 1))
    return chain([b"["], first, (b",\n" + encode(item) for item in objects), [b"]"])


def _object(number: int, line: Line) -> dict[str, object]:
    return {
        "line": number,
        "level": line.level or "info",
        "message": line.message,
        "timestamp": rfc3339(from_ns(line.timestamp_ns)),
    }


def _severity(line: Line) -> int:
    level = line.level or "info"
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
