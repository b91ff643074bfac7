"""Files that people share, as an app gets them."""

import asyncio

import httpx
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import BOT_TOKEN, SCOPES, Slack, create_slack, served
from emulator.slack.model import Json

LOG = b"step 1 loss 2.5\n"


async def download(url: str, token: str = BOT_TOKEN) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers={"Authorization": f"Bearer {token}"})


async def test_a_file_is_described_and_downloaded_with_the_scope(slack: Slack, client: AsyncWebClient) -> None:
    shared = slack.person_actions.say("ada", "#training", "look", files={"a b.log": LOG})
    described = (await client.files_info(file=shared.files[0].id))["file"]

    assert ("a b.log", len(LOG), "text/plain", "U0ADA") == tuple(
        described[name] for name in ("name", "size", "mimetype", "user")
    )
    assert (await download(described["url_private_download"])).content == LOG
    assert (await client.api_call("files.info", params={"file": shared.files[0].id}))["ok"]


async def test_without_the_scope_a_download_is_a_sign_in_page() -> None:
    slack = create_slack(scopes=SCOPES - {"files:read"})
    async with served(slack):
        shared = slack.person_actions.say("ada", "#training", "look", files={"a.log": LOG})
        answer = await download(shared.files[0].url)

    assert (200, "text/html") == (answer.status_code, answer.headers["content-type"].partition(";")[0])
    assert "Sign in" in answer.text


async def test_events_have_the_files_of_a_message(slack: Slack, connected: AsyncApp) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("message")
    async def direct(event: Json) -> None:
        events.put_nowait(event)

    @connected.event("app_mention")
    async def mentioned(event: Json) -> None:
        events.put_nowait(event)

    files = {"a.log": LOG, "b.log.gz": b"\x1f\x8b"}
    slack.person_actions.say("ada", "#training", "@trainwatch look", files=files)
    mention = await events.get()
    slack.person_actions.say("ada", slack.workspace.direct_channel("U0ADA").id, "", files=files)
    message = await events.get()

    assert [file["mimetype"] for file in mention["files"]] == ["text/plain", "application/gzip"]
    assert ("file_share", ["a.log", "b.log.gz"]) == (message["subtype"], [file["name"] for file in message["files"]])


async def test_files_of_shared_channels_have_to_be_looked_up(slack: Slack, connected: AsyncApp) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("app_mention")
    async def mentioned(event: Json) -> None:
        events.put_nowait(event)

    slack.workspace.channel("#training").is_ext_shared = True
    slack.person_actions.say("ada", "#training", "@trainwatch look", files={"a.log": LOG})
    (file,) = (await events.get())["files"]

    assert "check_file_info" == file["file_access"]
    assert "url_private" not in file


async def uploaded(client: AsyncWebClient, name: str, alt_text: str = "a chart") -> str:
    """Upload a file that is not shared, and return its id."""
    place = await client.files_getUploadURLExternal(filename=name, length=3, alt_txt=alt_text)
    async with httpx.AsyncClient() as http:
        await http.post(str(place["upload_url"]), content=b"png")
    await client.files_completeUploadExternal(files=[{"id": str(place["file_id"])}])
    return str(place["file_id"])


def image(file_id: str) -> list[Json]:
    return [{"type": "image", "slack_file": {"id": file_id}, "alt_text": "a chart"}]


async def test_a_block_shows_an_upload_once_it_is_processed(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.file_processing_s = 3600
    early = await uploaded(client, "chart.png")
    slack.workspace.file_processing_s = 0
    ready, text = await uploaded(client, "chart.png"), await uploaded(client, "a.txt")
    for refused in (early, text, "F0MISSING1"):
        with pytest.raises(SlackApiError, match="invalid slack file"):
            await client.chat_postMessage(channel="#training", text="a chart", blocks=image(refused))

    await client.chat_postMessage(channel=slack.workspace.channel("#training").id, text="x", blocks=image(ready))

    assert "a chart" == slack.workspace.files[ready].alt_text


async def test_the_alt_text_of_an_upload_has_a_limit(client: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError, match="alt_txt_too_large"):
        await client.files_getUploadURLExternal(filename="chart.png", length=3, alt_txt="x" * 1001)
