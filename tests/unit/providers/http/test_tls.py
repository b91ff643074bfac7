"""TLS certificates are verified, and connection errors are explained."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import sys
from pathlib import Path

import pytest
import trustme

from bot.errors import Unavailable
from bot.providers.http.client import HttpClient, HttpLimits, Limiter

LIMITS = HttpLimits(attempts=1)
ROOT = Path(__file__).parents[4]


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

    assert text == "The TLS certificate of cloud is not trusted. To trust a company's CA, set SSL_CERT_FILE."
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


LAZY = """
import asyncio, ssl, sys
import httpx
from bot.providers.http.transport import AiohttpTransport, aiohttp

contexts = (aiohttp.connector._SSL_CONTEXT_VERIFIED, aiohttp.connector._SSL_CONTEXT_UNVERIFIED)
assert [context.cert_store_stats()["x509"] for context in contexts] == [0, 0]
assert ssl.SSLContext.load_default_certs.__name__ == "load_default_certs"
assert "set_default_verify_paths" not in vars(ssl.SSLContext)

async def main():
    transport = AiohttpTransport(1)
    timeout = {"timeout": {"connect": 20, "read": 20}}
    for _ in range(2):
        response = await transport.handle_async_request(httpx.Request("GET", sys.argv[1], extensions=timeout))
        print(response.status_code)
    await transport.aclose()
    assert contexts[0].cert_store_stats()["x509"] >= 1

asyncio.run(main())
"""


async def test_certificates_are_read_before_the_first_connection_not_at_import(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        command = [sys.executable, "-c", LAZY, f"https://127.0.0.1:{port}/"]
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=-1, stderr=-1)
        out, errors = await process.communicate()
    assert (out, errors) == (b"200\n200\n", b"")
