"""A server on the loopback that answers with bytes given beforehand, right or wrong, and notes what reached it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Act = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Then:
    """Bytes, and what becomes of the connection after them."""

    data: bytes = b""
    reset: bool = False

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        """Send and hang up."""
        writer.write(self.data)
        await writer.drain()
        if self.reset:
            writer.transport.abort()
        writer.close()


@dataclass(frozen=True, slots=True)
class Silence:
    """Bytes, and then nothing for as long as the client can stand it."""

    data: bytes = b""

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        """Send and wait for the client to hang up."""
        writer.write(self.data)
        await writer.drain()


@dataclass(slots=True)
class RawServer:
    """Gives its answers one by one, the last for ever; bytes keep the connection."""

    answers: list[bytes | Act]
    heads: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    url: str = ""

    @property
    def targets(self) -> list[str]:
        """What stood in the request lines."""
        return [head.split(b" ")[1].decode("ascii") for head in self.heads]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        self.open += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                self.heads.append(head)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if isinstance(answer, bytes):
                    writer.write(answer)
                    await writer.drain()
                else:
                    await answer(writer)
        self.open -= 1
        writer.close()


@contextlib.asynccontextmanager
async def raw_server(*answers: bytes | Act) -> AsyncIterator[RawServer]:
    """Listen on a free port."""
    raw = RawServer(list(answers))
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield raw
    finally:
        server.close()
        await eventually(lambda: raw.open == 0)


async def eventually(condition: Callable[[], bool], within_s: float = 2.0) -> None:
    """Wait for it."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for knows no event
            await asyncio.sleep(0.005)


def ok(body: bytes = b"{}", headers: Mapping[str, str] | None = None, status: str = "200 OK") -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
