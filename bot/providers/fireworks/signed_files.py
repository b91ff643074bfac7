"""Fetch parts of files by signed URL, without the API key.

A signed URL is a secret: whoever has it can read the file. It is neither logged nor shown, and no other header or
parameter is sent with it. It expires; object stores answer 400, 401 or 403 then.
"""

from __future__ import annotations

import copy
import re
from urllib.parse import urlsplit

from bot.errors import ProtocolError, Unavailable
from bot.providers.base import Priority
from bot.providers.fireworks.file_reader import FilePart, FileRange
from bot.providers.fireworks.references import NAME
from bot.providers.http.client import HttpClient, HttpResponse, HttpStream, Limiter, LimiterPool
from bot.providers.http.rate_limits import HttpLimits

_ACCEPTED = (400, 401, 403, 404, 416)
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")
_WHOLE_FILE_FACTOR = 8
"""Where a store ignores ranges, this many times the bytes are read at once, as each request begins at the start."""


class AddressExpired(Exception):
    """The store refuses the signed URL. A new one may help."""


class FileMissing(Exception):
    """The store has no such file. It may not be written yet."""


class SignedFiles:
    """Fetches parts of files. It keeps one client for each store."""

    def __init__(self, limits: HttpLimits, limiters: LimiterPool, *, allows_http: bool) -> None:
        """Prepare; `allows_http` is whether addresses without TLS are followed, which only tests need."""
        self._limits, self._limiters, self._allows_http = limits, limiters, allows_http
        self._clients: dict[str, HttpClient] = {}
        self._priority = Priority.INTERACTIVE

    def with_priority(self, priority: Priority) -> SignedFiles:
        """Return a view with another priority; both share their clients."""
        view = copy.copy(self)
        view._priority = priority
        return view

    async def fetch(self, url: str, part: FileRange) -> FilePart:
        """Return a part of a file.

        Raises:
            AddressExpired: the URL is not valid any more.
            FileMissing: there is no such file.
            ProviderError: the store failed.
        """
        client, target = self._client_for(url)
        last = part.offset + part.length - 1
        headers = {"Range": f"bytes={part.offset}-{last}", "Accept": "*/*", "Accept-Encoding": "identity"}
        async with client.stream("GET", target, headers=headers, accept=_ACCEPTED) as answer:
            return await _read(answer, part)

    async def aclose(self) -> None:
        """Close connections."""
        for client in self._clients.values():
            await client.aclose()

    def _client_for(self, url: str) -> tuple[HttpClient, str]:
        """Return the client for the URL's host, and the rest of the URL."""
        try:
            address = urlsplit(url)
            is_web = bool(address.hostname) and address.username is None and address.port != 0
        except ValueError:
            is_web = False
        if not is_web or not (address.scheme == "https" or (address.scheme == "http" and self._allows_http)):
            raise ProtocolError("fireworks sent the address of a log that is not a valid HTTPS URL.", provider=NAME)
        origin = f"{address.scheme}://{address.netloc}"
        if origin not in self._clients:
            limiter: Limiter = self._limiters.limiter_for(origin, {}, self._limits)
            self._clients[origin] = HttpClient(NAME, origin, {}, secrets=[], limiter=limiter, explain=_explain)
        target = address.path + (f"?{address.query}" if address.query else "")
        return self._clients[origin].with_priority(self._priority), target


async def _read(answer: HttpStream, part: FileRange) -> FilePart:
    if answer.status == 404:
        raise FileMissing
    if answer.status in (400, 401, 403):
        raise AddressExpired
    found = _CONTENT_RANGE.fullmatch(answer.headers.get("content-range", "").strip())
    if answer.status == 416:
        return FilePart(b"", int(found[3]) if found else 0)
    if answer.status == 200 and answer.headers.get("content-type", "").startswith("text/html"):
        raise ProtocolError("fireworks' file storage sent a web page instead of a log.", provider=NAME)
    if answer.status != 206:
        return await _read_whole(answer, part)
    if found is None or int(found[1] or 0) != part.offset:
        raise ProtocolError("fireworks' file storage sent another part of the log than requested.", provider=NAME)
    data = await _collect(answer, part.length)
    if len(data) != min(int(found[2]) + 1 - part.offset, part.length):
        raise ProtocolError("fireworks' file storage sent a truncated part of the log.", provider=NAME)
    return FilePart(data, int(found[3]))


async def _read_whole(answer: HttpStream, part: FileRange) -> FilePart:
    """Read a store that ignores ranges: pass over what comes before the part, and stop after it."""
    position, data, wanted = 0, bytearray(), part.length * _WHOLE_FILE_FACTOR
    async for chunk in answer.chunks:
        data += chunk[max(0, part.offset - position) :]
        position += len(chunk)
        if len(data) > wanted:
            return FilePart(bytes(data[:wanted]), max(position, _length(answer)))
    if position < _length(answer):
        raise Unavailable("fireworks' file storage closed the connection early.", provider=NAME)
    return FilePart(bytes(data), position)


async def _collect(answer: HttpStream, most: int) -> bytes:
    data = bytearray()
    async for chunk in answer.chunks:
        data += chunk
        if len(data) > most:
            break
    return bytes(data[:most])


def _length(answer: HttpStream) -> int:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isdecimal() else 0


def _explain(response: HttpResponse) -> str | None:
    return "cannot read the log file from its storage" if response.status < 500 else None
