"""TLS certificates are verified, and connection errors are explained."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme

from bot.errors import Unavailable
from bot.providers.http.client import HttpClient, HttpLimits, Limiter

LIMITS = HttpLimits(attempts=1)


async def error_text(url: str) -> str:
    client = HttpClient("cloud", url, {"Authorization": "Bearer secret"}, secrets=["secret"], limiter=Limiter(LIMITS))
    try:
        with pytest.raises(Unavailable) as caught:
            await client.get("/")
    finally:
        await client.aclose()
    return caught.value.public


async def test_nothing_is_sent_to_a_server_with_an_untrusted_certificate() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    received = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    async with server:
        text = await error_text(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert text == "The TLS certificate of cloud is not trusted. Nothing was sent."
    assert received == b""


async def test_a_server_without_tls_is_named_as_the_cause() -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        text = await error_text(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")

    assert text == "The TLS handshake with cloud failed. Nothing was sent."


async def test_a_closed_port_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    assert await error_text(f"http://127.0.0.1:{port}") == "cloud cannot be reached: the connection failed."
