"""Socket Mode on the wire: hello, envelopes, repeats, several connections, disconnects."""

import asyncio
import json
from contextlib import AsyncExitStack
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from websockets.asyncio.client import ClientConnection, connect

from emulator.slack.app import APP_TOKEN, Slack
from tests.support.waiting import LONGEST_S


async def open_socket(slack: Slack, stack: AsyncExitStack) -> tuple[ClientConnection, Any]:
    """A connection and the first message on it."""
    answer = await AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=APP_TOKEN)
    socket = await stack.enter_async_context(connect(answer["url"]))
    return socket, json.loads(await socket.recv())


async def test_a_connection_is_greeted_with_the_number_of_connections(slack: Slack) -> None:
    async with AsyncExitStack() as stack:
        _, first = await open_socket(slack, stack)
        _, second = await open_socket(slack, stack)

    assert (first["type"], first["num_connections"], second["num_connections"]) == ("hello", 1, 2)
    assert first["connection_info"] == {"app_id": "A0TRAIN"}


async def test_an_event_not_acknowledged_comes_again_with_its_envelope_and_event_id(slack: Slack) -> None:
    slack.sockets.ack_within_s = 0.05
    slack.person_actions.event_sender.retry_delays_s = (0.01, 0.01, 0.01)
    async with AsyncExitStack() as stack:
        socket, _ = await open_socket(slack, stack)
        slack.person_actions.say("ada", "#training", "@trainwatch hello")
        first = json.loads(await socket.recv())
        slack.sockets.ack_within_s = LONGEST_S
        second = json.loads(await socket.recv())
        await socket.send(json.dumps({"envelope_id": second["envelope_id"]}))
        await asyncio.gather(*slack.person_actions.event_sender.tasks)

    assert first["envelope_id"] == second["envelope_id"]
    assert first["payload"]["event_id"] == second["payload"]["event_id"]
    assert [(one["retry_attempt"], one["retry_reason"]) for one in (first, second)] == [(0, ""), (1, "timeout")]
    assert list(slack.sockets.acks) == [{"envelope_id": first["envelope_id"]}]


async def test_an_event_is_given_up_after_three_repeats(slack: Slack) -> None:
    slack.person_actions.event_sender.retry_delays_s = (0, 0, 0)
    slack.person_actions.say("ada", "#training", "@trainwatch hello")
    await asyncio.gather(*slack.person_actions.event_sender.tasks)

    assert slack.person_actions.event_sender.tasks == set()


async def test_each_envelope_goes_to_one_of_the_connections(slack: Slack) -> None:
    async with AsyncExitStack() as stack:
        sockets = [(await open_socket(slack, stack))[0] for _ in range(3)]

        async def serve(socket: ClientConnection) -> None:
            async for text in socket:
                await socket.send(
                    json.dumps({"envelope_id": json.loads(text)["envelope_id"], "payload": {"text": "x"}})
                )

        tasks = [asyncio.create_task(serve(socket)) for socket in sockets]
        seen = [await slack.person_actions.slash("ada", "#training", "/train") for _ in range(4)]
        for task in tasks:
            task.cancel()

    assert [one.text for one in seen] == ["x"] * 4
    assert len(slack.sockets.acks) == 4


async def test_the_eleventh_connection_is_one_too_many(slack: Slack) -> None:
    async with AsyncExitStack() as stack:
        greetings = [(await open_socket(slack, stack))[1] for _ in range(11)]

    assert [one["type"] for one in greetings] == ["hello"] * 10 + ["disconnect"]
    assert greetings[10]["reason"] == "too_many_websockets"


async def test_a_socket_address_works_once(slack: Slack) -> None:
    answer = await AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=APP_TOKEN)
    async with connect(answer["url"]), connect(answer["url"]) as again:
        await again.wait_closed()

    assert again.close_code == 4001


async def test_a_warning_leaves_the_connection_open(slack: Slack) -> None:
    async with AsyncExitStack() as stack:
        socket, _ = await open_socket(slack, stack)
        await slack.sockets.disconnect("warning")
        warning = json.loads(await socket.recv())

        assert (warning["type"], warning["reason"]) == ("disconnect", "warning")
        assert len(slack.sockets.connections) == 1
