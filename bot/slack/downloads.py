"""Download a file that a person shared in Slack, streamed to disk.

The bot's token goes to Slack's own hosts only. Without the scope `files:read`, Slack answers with its sign-in page and
HTTP 200 (observed: vercel/eve#1531, slackapi/bolt-js#2585; read 2026-11-29), which is an error here. Source:
https://docs.slack.dev/reference/objects/file-object#authentication (documented, read 2026-11-29).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BufferedReader, FileIO
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.wording import size_text
from bot.errors import BotError, BudgetExhausted
from bot.network import proxy_for
from bot.providers.budget import check_budget
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.shared_messages import SharedFile, read_file

MAX_DOWNLOAD = 100_000_000
"""Bytes of a file, as it was uploaded."""
_SLACK_DOMAINS = ("slack.com", "slack-gov.com")
_REDIRECTS = 3
_CHUNK = 1 << 16
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=20, sock_read=60)
_NO_SCOPE = (
    "trainwatch may not read files here: the app lacks the scope `files:read`. Whoever runs trainwatch can paste "
    "manifest.yml again and reinstall the app. Until then, paste the log as text."
)


class FileNotReadable(BotError):
    """A shared file cannot be downloaded; `public` says why."""


@asynccontextmanager
async def downloaded(
    file: SharedFile, client: AsyncWebClient, *, max_size: int = MAX_DOWNLOAD
) -> AsyncIterator[tuple[BufferedReader, str | None]]:
    """The content of a file, at its start, and a note if the end is missing; deleted after the block.

    Raises:
        FileNotReadable: it is not in Slack, not text, too large, or Slack does not give it out.
    """
    if file.url is None and not file.is_gone:
        file = await _described(file, client)
    _check(file, max_size)
    with tempfile.TemporaryFile(buffering=0) as raw:
        note = await _download(file, client, raw, max_size)
        await asyncio.to_thread(raw.seek, 0)
        yield BufferedReader(raw), note


async def _described(file: SharedFile, client: AsyncWebClient) -> SharedFile:
    """The file with what `files.info` says: messages of Slack Connect leave that out."""
    try:
        response = await client.files_info(file=file.id)
    except UNREACHABLE as error:
        problem = delivery_error(error)
        public = _NO_SCOPE if problem.reason == "missing_scope" else f"{file.name} cannot be read. {problem.public}"
        raise FileNotReadable(public) from error
    described = response.get("file")
    return read_file(described) if isinstance(described, dict) else file


def _check(file: SharedFile, max_size: int) -> None:
    if file.is_gone:
        raise FileNotReadable(f"{file.name} was deleted, or is too old for this workspace's plan.")
    if file.is_external:
        raise FileNotReadable(
            f"{file.name} is only a link to another service. Upload the file itself, or paste its text."
        )
    if not file.is_text:
        raise FileNotReadable(f"{file.name} is not text ({file.kind}). Upload the log, or paste its text.")
    if file.size is not None and file.size > max_size:
        raise FileNotReadable(_too_large(file.name, file.size, max_size))
    if file.url is None:
        raise FileNotReadable(_NO_SCOPE)


def _too_large(name: str, size: int, max_size: int) -> str:
    return (
        f"{name} has {size_text(size)}; trainwatch reads files of up to {size_text(max_size)}. Compress it (.gz or "
        f".zst), upload its end, or run `trainwatch scan {name}` where it is."
    )


async def _download(file: SharedFile, client: AsyncWebClient, into: FileIO, max_size: int) -> str | None:
    """Write the file to disk; return a note if the connection broke before its end."""
    size = 0
    try:
        async for chunk in _chunks(file, client):
            size += len(chunk)
            if size > max_size:
                raise FileNotReadable(_too_large(file.name, max(size, file.size or 0), max_size))
            into.write(chunk)
            check_budget()
    except BudgetExhausted as problem:
        return f"{problem.public} Only the first {size_text(size)} of {file.name} were downloaded."
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        if not size:
            raise FileNotReadable(f"{file.name} cannot be downloaded. {delivery_error(error).public}") from error
        return f"The download of {file.name} broke off after {size_text(size)}. The report covers that part."
    return None


async def _chunks(file: SharedFile, client: AsyncWebClient) -> AsyncIterator[bytes]:
    """The content as Slack serves it. Redirects are followed only to Slack, which alone may see the token."""
    url, headers = file.url or "", {"Authorization": f"Bearer {client.token}"}
    async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False) as session:
        for _ in range(1 + _REDIRECTS):
            if not is_slack_url(url, client.base_url):
                raise FileNotReadable(f"{file.name} is not kept by Slack. Upload the file itself, or paste its text.")
            async with session.get(
                url, headers=headers, allow_redirects=False, proxy=proxy_for(url), ssl=client.ssl or True
            ) as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, response.headers.get("Location", ""))
                    continue
                if response.status != 200:
                    raise FileNotReadable(f"{file.name} cannot be downloaded: Slack answered HTTP {response.status}.")
                if response.content_type == "text/html" and file.kind != "text/html":
                    raise FileNotReadable(_NO_SCOPE)
                async for chunk in response.content.iter_chunked(_CHUNK):
                    yield chunk
                return
    raise FileNotReadable(_NO_SCOPE)  # Slack redirects to its sign-in page


def is_slack_url(url: str, api_url: str) -> bool:
    """Whether a URL is of Slack, or of the host that stands in for it (`SLACK_API_URL`)."""
    try:
        found, api = urlsplit(url), urlsplit(api_url)
        host = (found.hostname or "").lower()
        if found.netloc.lower() == api.netloc.lower():
            return found.scheme == api.scheme
    except ValueError:
        return False
    return found.scheme == "https" and any(host == one or host.endswith(f".{one}") for one in _SLACK_DOMAINS)
