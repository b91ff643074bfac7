"""Signed HTTP delivery into a real Bolt app, and Slack's retries."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest_asyncio
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.slack.app import BOT_TOKEN, SIGNING_SECRET, Slack, create_slack, served
from emulator.slack.model import Json

Start = Callable[[Starlette], Slack]


@pytest_asyncio.fixture
async def start() -> AsyncIterator[Start]:
    clients: list[httpx.AsyncClient] = []

    def start(app: Starlette) -> Slack:
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app)))
        return create_slack(request_url="http://bot/slack/events", http_client=clients[0])

    yield start
    await clients[0].aclose()


def answering(endpoint: Callable[[Request], object]) -> Starlette:
    return Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])


async def test_bolt_accepts_the_signature_and_answers(start: Start) -> None:
    holder: list[AsyncSlackRequestHandler] = []

    async def events(request: Request) -> Response:
        return await holder[0].handle(request)

    slack = start(answering(events))
    async with served(slack):
        client = AsyncWebClient(BOT_TOKEN, base_url=slack.api_url)
        bolt = AsyncApp(client=client, signing_secret=SIGNING_SECRET)
        holder.append(AsyncSlackRequestHandler(bolt))

        @bolt.command("/train")
        async def train(ack: AsyncAck, command: Json, respond: AsyncRespond) -> None:
            await ack()
            await respond(f"got {command['text']}")

        assert (await slack.person_actions.slash("ada", "#training", "/train", "x & y=é")).text == "got x &amp; y=é"


async def test_bolt_refuses_another_secret(start: Start) -> None:
    holder: list[AsyncSlackRequestHandler] = []

    async def events(request: Request) -> Response:
        return await holder[0].handle(request)

    slack = start(answering(events))
    async with served(slack):
        client = AsyncWebClient(BOT_TOKEN, base_url=slack.api_url)
        holder.append(AsyncSlackRequestHandler(AsyncApp(client=client, signing_secret="another")))
        seen = await slack.person_actions.slash("ada", "#training", "/train", wait_s=0)

    assert seen.text == "/train failed with the error “dispatch_failed”"


async def test_an_event_is_tried_four_times_with_retry_headers(start: Start) -> None:
    tries: list[tuple[str | None, str | None]] = []

    async def events(request: Request) -> Response:
        headers = request.headers
        tries.append((headers.get("x-slack-retry-num"), headers.get("x-slack-retry-reason")))
        return Response(status_code=500)

    slack = start(answering(events))
    slack.person_actions.event_sender.retry_delays_s = (0, 0, 0)
    slack.person_actions.say("ada", "#training", "@trainwatch hello")
    await asyncio.gather(*slack.person_actions.event_sender.tasks)

    assert tries == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_an_app_can_ask_for_no_retries(start: Start) -> None:
    tries: list[str] = []

    async def events(request: Request) -> Response:
        tries.append(request.headers.get("x-slack-retry-num", ""))
        return Response(status_code=500, headers={"x-slack-no-retry": "1"})

    slack = start(answering(events))
    slack.person_actions.say("ada", "#training", "@trainwatch hello")
    await asyncio.gather(*slack.person_actions.event_sender.tasks)

    assert tries == [""]
