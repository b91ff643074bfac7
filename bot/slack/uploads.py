"""Upload a file to a conversation in Slack's three steps, streaming its content.

The SDK's `files_upload_v2` takes the same steps, but holds the whole content in memory. Source:
https://docs.slack.dev/messaging/working-with-files (documented, read 2026-11-20).
"""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import DeliveryError
from bot.network import proxy_for
from bot.slack.failures import UNREACHABLE, delivery_error
from bot.slack.render.logs import Snippet
from bot.slack.render.text import cut

_SNIPPET_BYTES = 1_000_000
"""Slack shows text of up to a megabyte inline, as a snippet; a larger upload is a plain file."""
MAX_ALT_TEXT = 1000
"""Of an uploaded picture (documented: https://docs.slack.dev/reference/methods/files.getUploadURLExternal)."""
MISSING_SCOPE = "missing_scope"
_TIMEOUT = aiohttp.ClientTimeout(total=600, sock_connect=20, sock_read=120)


async def upload(client: AsyncWebClient, snippet: Snippet, channel: str, thread_ts: str | None = None) -> None:
    """Upload a file and share it in a conversation, or in one of its threads.

    Raises:
        DeliveryError: Slack did not accept the file.
    """
    try:
        kind = "text" if snippet.size <= _SNIPPET_BYTES else None
        place = await client.files_getUploadURLExternal(
            filename=snippet.filename, length=snippet.size, snippet_type=kind
        )
        await _send(client, str(place["upload_url"]), snippet)
        await client.files_completeUploadExternal(
            files=[{"id": str(place["file_id"]), "title": snippet.title}], channel_id=channel, thread_ts=thread_ts
        )
    except UNREACHABLE as error:
        problem = delivery_error(error)
        if problem.reason == MISSING_SCOPE:
            text = "The app lacks the scope files:write. Install it again from manifest.yml."
            raise DeliveryError(text, reason=problem.reason, permanent=True) from error
        raise problem from error


async def upload_picture(client: AsyncWebClient, snippet: Snippet, alt_text: str) -> str:
    """Upload a picture without sharing it, and return its file id, for an image block.

    Raises:
        DeliveryError: Slack did not accept the file. Nobody sees a file that is not shared, so it may be repeated.
    """
    try:
        place = await client.files_getUploadURLExternal(
            filename=snippet.filename, length=snippet.size, alt_txt=cut(alt_text, MAX_ALT_TEXT)
        )
        await _send(client, str(place["upload_url"]), snippet)
        await client.files_completeUploadExternal(files=[{"id": str(place["file_id"]), "title": snippet.title}])
    except UNREACHABLE as error:
        problem = delivery_error(error)
        raise DeliveryError(
            problem.public,
            reason=problem.reason,
            permanent=problem.permanent or problem.reason == MISSING_SCOPE,
            retry_after=problem.retry_after,
            unreachable=problem.unreachable,
            waits_for=problem.waits_for,
        ) from error
    return str(place["file_id"])


async def _send(client: AsyncWebClient, url: str, snippet: Snippet) -> None:
    headers = {"Content-Length": str(snippet.size), "Content-Type": "application/octet-stream"}
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT) as session,
        session.post(
            url, data=_content(snippet), headers=headers, proxy=proxy_for(url), ssl=client.ssl or True
        ) as response,
    ):
        if response.status != 200:
            text = f"Slack refused the upload (HTTP {response.status})."
            raise DeliveryError(text, reason=f"http_{response.status}", permanent=True)


async def _content(snippet: Snippet) -> AsyncIterator[bytes]:
    """The parts of the file, read outside the event loop."""
    parts = snippet.parts()
    while (part := await asyncio.to_thread(next, parts, None)) is not None:
        yield part
