"""TLS is verified, and what went wrong with a connection is said in words."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme

from bot.errors import Unavailable
from bot.providers.http.client import HttpClient, HttpLimits, Limiter

LIMITS = HttpLimits(attempts=1)


async def ask(url: str) -> str:
    client = HttpClient("cloud", url, {"Authorization": "Bearer secret"}, secrets=["secret"], limiter=Limiter(LIMITS))
    try:
        with pytest.raises(Unavailable) as caught:
            await client.get("/")
    finally:
        await client.aclose()
    return caught.value.public


async def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    received = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        said = await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert said == "The TLS certificate of cloud is not trusted, so nothing was sent there."
    assert received == b""


async def test_a_server_without_tls_is_said_as_such() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        said = await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert said.startswith("No secure connection to cloud could be made")


async def test_a_closed_port_is_said_as_such() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert await ask(f"http://127.0.0.1:{port}") == "cloud cannot be reached: no connection to its address."
