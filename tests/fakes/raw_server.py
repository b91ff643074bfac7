"""A loopback server that sends prepared bytes, valid or broken, and records the requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tests.support.waiting import eventually

Reaction = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SendAndClose:
    """Send bytes, then close or reset the connection."""

    data: bytes = b""
    reset: bool = False

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self.data)
        await writer.drain()
        if self.reset:
            writer.transport.abort()
        writer.close()


@dataclass(frozen=True, slots=True)
class SendAndHang:
    """Send bytes, then keep the connection open and send nothing more."""

    data: bytes = b""

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self.data)
        await writer.drain()


@dataclass(slots=True)
class RawServer:
    """Sends its responses one by one and repeats the last. After plain bytes the connection stays open."""

    responses: list[bytes | Reaction]
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    url: str = ""

    @property
    def targets(self) -> list[str]:
        """The targets of the request lines."""
        return [head.split(b" ")[1].decode("ascii") for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        self.open += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.heads.append(head)
                response = self.responses.pop(0) if len(self.responses) > 1 else self.responses[0]
                if isinstance(response, bytes):
                    writer.write(response)
                    await writer.drain()
                else:
                    await response(writer)
        self.open -= 1
        writer.close()


@contextlib.asynccontextmanager
async def raw_server(*responses: bytes | Reaction) -> AsyncIterator[RawServer]:
    """Listen on a free port."""
    raw = RawServer(list(responses))
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield raw
    finally:
        server.close()
        await eventually(lambda: raw.open == 0)


def ok(body: bytes = b"{}", headers: Mapping[str, str] | None = None, status: str = "200 OK") -> bytes:
    """Return the bytes of a complete response."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
