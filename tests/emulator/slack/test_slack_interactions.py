"""A person and a real Bolt app, through Socket Mode: commands, buttons, modals, Home, events."""

import asyncio

import pytest
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond, AsyncSay
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack.app import Slack
from emulator.slack.model import Json
from tests.support.waiting import LONGEST_S

BUTTON: list[Json] = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "share", "text": {"type": "plain_text", "text": "Share"}, "value": "7"}
        ],
    }
]


def modal(*blocks: Json, title: str = "Watch") -> Json:
    return {
        "type": "modal",
        "callback_id": "watch",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Go"},
        "blocks": list(blocks),
    }


def text_input(block_id: str, action_id: str) -> Json:
    element = {"type": "plain_text_input", "action_id": action_id}
    return {
        "type": "input",
        "block_id": block_id,
        "label": {"type": "plain_text", "text": "Job"},
        "element": element,
    }


async def test_a_slash_command_is_answered_privately_through_the_response_url(
    slack: Slack, connected: AsyncApp
) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, command: Json, respond: AsyncRespond) -> None:
        await ack()
        await respond(f"logs of {command['text']} for {command['user_name']}")

    seen = await slack.person_actions.slash("ada", "#training", "/train", "baseten:abc")

    assert seen.outcome.is_acked
    assert seen.text == "logs of baseten:abc for ada"
    assert seen.messages[0].visible_to == "U0ADA"
    assert slack.workspace.channel("#training").messages == []


async def test_an_acknowledgement_may_carry_the_answer(slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck) -> None:
        await ack(text="Here you are", response_type="in_channel")

    seen = await slack.person_actions.slash("ada", "#random", "/train")

    assert [message.text for message in slack.workspace.channel("#random").messages] == ["Here you are"]
    assert seen.text == "Here you are"


async def test_a_command_nobody_acknowledges_times_out_for_the_person(slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck) -> None:
        await asyncio.sleep(0)

    slack.sockets.ack_within_s = 0.2
    seen = await slack.person_actions.slash("ada", "#training", "/train", wait_s=0)

    assert not seen.outcome.is_acked
    assert seen.text == "/train failed with the error “operation_timeout”"


async def test_without_a_connection_a_command_cannot_be_dispatched(slack: Slack) -> None:
    seen = await slack.person_actions.slash("ada", "#training", "/train", wait_s=0)

    assert seen.text == "/train failed with the error “dispatch_failed”"


async def test_a_button_on_an_ephemeral_can_share_and_take_it_away(slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(text="answer", blocks=BUTTON)

    @connected.action("share")
    async def share(ack: AsyncAck, body: Json, respond: AsyncRespond, say: AsyncSay) -> None:
        await ack()
        assert body["container"]["is_ephemeral"] is True
        assert "message" not in body
        await say(f"shared {body['actions'][0]['value']}")
        await respond(delete_original=True)

    answer = (await slack.person_actions.slash("ada", "#training", "/train")).messages[0]
    await slack.person_actions.click("ada", answer, "share")
    channel = slack.workspace.channel("#training")
    await slack.person_actions.until(lambda: not channel.ephemerals)

    assert [message.text for message in channel.messages] == ["shared 7"]
    assert channel.deleted == [answer]


async def test_replace_original_edits_in_place_and_keeps_the_old_version(slack: Slack, connected: AsyncApp) -> None:
    @connected.action("share")
    async def older(ack: AsyncAck, respond: AsyncRespond) -> None:
        await ack()
        await respond(text="page 2", replace_original=True)

    post = await connected.client.chat_postMessage(channel="#training", text="page 1", blocks=BUTTON)
    message = slack.workspace.channel("#training").find(post["ts"])
    assert message is not None
    await slack.person_actions.click("ada", message, "share")

    assert [version.text for version in message.versions] == ["page 1", "page 2"]
    assert message.blocks is None


async def test_a_modal_is_opened_filled_refused_and_submitted(slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck, body: Json, client: AsyncWebClient) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=modal(text_input("job", "ref")))

    submitted: list[str] = []

    @connected.view("watch")
    async def watch(ack: AsyncAck, view: Json) -> None:
        value = view["state"]["values"]["job"]["ref"]["value"]
        if ":" not in value:
            await ack(response_action="errors", errors={"job": "A job is provider:id"})
            return
        submitted.append(value)
        await ack()

    view = (await slack.person_actions.slash("ada", "#training", "/train", "watch")).view
    assert view is not None
    await slack.person_actions.submit_view("ada", {"ref": "abc"}, wait_s=0)
    assert view.errors == {"job": "A job is provider:id"}
    await slack.person_actions.submit_view("ada", {"ref": "baseten:abc"}, wait_s=0)

    assert submitted == ["baseten:abc"]
    assert slack.workspace.modal("ada") is None


async def test_an_empty_required_input_is_refused_before_the_app_gets_it(slack: Slack, connected: AsyncApp) -> None:
    slack.workspace.show_modal(slack.workspace.new_view("U0ADA", modal(text_input("job", "ref"))))

    seen = await slack.person_actions.submit_view("ada", wait_s=0)

    assert seen.view is not None
    assert seen.view.errors == {"job": "Please complete this required field."}
    assert not seen.outcome.is_acked


async def test_a_select_inside_a_message_sends_the_chosen_option(slack: Slack, connected: AsyncApp) -> None:
    options = [{"text": {"type": "plain_text", "text": name}, "value": name[0]} for name in ("1 hour", "2 hours")]
    blocks = [{"type": "actions", "elements": [{"type": "static_select", "action_id": "for", "options": options}]}]
    chosen: list[str] = []

    @connected.action("for")
    async def silence(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
        await ack()
        chosen.append(body["actions"][0]["selected_option"]["value"])
        await respond("silenced")

    post = await connected.client.chat_postMessage(channel="#training", text="Silence?", blocks=blocks)
    message = slack.workspace.channel("#training").find(post["ts"])
    assert message is not None
    seen = await slack.person_actions.select("ben", message, "for", "2 hours")

    assert chosen == ["2"]
    assert seen.text == "silenced"


async def test_an_external_select_asks_the_app_for_options(slack: Slack, connected: AsyncApp) -> None:
    @connected.options("job")
    async def jobs(ack: AsyncAck, body: Json) -> None:
        found = [{"text": {"type": "plain_text", "text": body["value"] + "-1"}, "value": "1"}]
        label = {"type": "plain_text", "text": "Running"}
        await (
            ack(option_groups=[{"label": label, "options": found}]) if body["value"] == "group" else ack(options=found)
        )

    blocks = [{"type": "actions", "elements": [{"type": "external_select", "action_id": "job"}]}]
    post = await connected.client.chat_postMessage(channel="#training", text="Job?", blocks=blocks)
    message = slack.workspace.channel("#training").find(post["ts"])
    assert message is not None

    assert [option["text"]["text"] for option in await slack.person_actions.suggest("ada", message, "job", "run")] == [
        "run-1"
    ]
    (group,) = await slack.person_actions.suggest_groups("ada", message, "job", "group")
    assert "Running" == group["label"]["text"]
    with pytest.raises(ValueError, match="must be less than 76"):
        await slack.person_actions.suggest("ada", message, "job", "x" * 80)


async def test_opening_home_lets_the_app_publish_it(slack: Slack, connected: AsyncApp) -> None:
    @connected.event("app_home_opened")
    async def home(event: Json, client: AsyncWebClient) -> None:
        blocks = [{"type": "header", "text": {"type": "plain_text", "text": "Your jobs"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    seen = await slack.person_actions.open_home("chen")

    assert seen.view is slack.workspace.home("chen")
    assert seen.view is not None
    assert seen.view.source["blocks"][0]["text"]["text"] == "Your jobs"


async def test_a_mention_in_a_thread_reaches_the_app_with_its_thread(slack: Slack, connected: AsyncApp) -> None:
    @connected.event("app_mention")
    async def mentioned(event: Json, say: AsyncSay) -> None:
        await say("here", thread_ts=event["thread_ts"])

    root = slack.person_actions.say("ada", "#training", "loss is odd")
    slack.person_actions.say("ben", "#training", "@trainwatch look", thread_ts=root.ts)
    channel = slack.workspace.channel("#training")
    await slack.person_actions.until(lambda: len(channel.replies(root.ts)) == 2)

    assert [message.text for message in channel.replies(root.ts)] == ["<@U0TRAIN> look", "here"]
    assert [message.text for message in channel.messages] == ["loss is odd"]


async def test_after_a_refresh_the_client_reconnects_and_still_serves(slack: Slack, connected: AsyncApp) -> None:
    @connected.command("/train")
    async def train(ack: AsyncAck) -> None:
        await ack("still here")

    first = slack.sockets.connections[0]
    await slack.sockets.disconnect("refresh_requested", close=False)
    await slack.sockets.wait_for_connections(0)  # the client closes the old one first
    await slack.sockets.wait_for_connections(1)

    assert slack.sockets.connections != [first]
    assert (await slack.person_actions.slash("ada", "#training", "/train")).text == "still here"


async def test_a_submitted_modal_may_be_updated_pushed_upon_and_cleared(slack: Slack, connected: AsyncApp) -> None:
    answers: list[Json] = [
        {"response_action": "update", "view": modal(title="Second")},
        {"response_action": "push", "view": modal(title="Third")},
        {"response_action": "clear"},
    ]

    @connected.view("watch")
    async def watch(ack: AsyncAck) -> None:
        await ack(**answers.pop(0))

    slack.workspace.show_modal(slack.workspace.new_view("U0ADA", modal()))
    titles = []
    for _ in range(3):
        await slack.person_actions.submit_view("ada", wait_s=0)
        titles.append([view.title for view in slack.workspace.modals["U0ADA"]])

    assert titles == [["Second"], ["Second", "Third"], []]


async def test_closing_a_modal_notifies_only_an_app_that_asked(slack: Slack, connected: AsyncApp) -> None:
    closed: list[str] = []

    @connected.view_closed("watch")
    async def watch(ack: AsyncAck, view: Json) -> None:
        await ack()
        closed.append(view["title"]["text"])

    for view in (modal(title="Quiet"), {**modal(title="Loud"), "notify_on_close": True}):
        slack.workspace.show_modal(slack.workspace.new_view("U0ADA", view))
        await slack.person_actions.close_view("ada")

    assert closed == ["Loud"]


async def test_a_message_shortcut_brings_the_message_and_an_invitation_makes_a_member(
    slack: Slack, connected: AsyncApp
) -> None:
    @connected.message_shortcut("explain")
    async def explain(ack: AsyncAck, body: Json, respond: AsyncRespond) -> None:
        await ack()
        await respond(f"about: {body['message']['text']}")

    slack.person_actions.invite_bot("ada", "#random")
    message = slack.person_actions.say("ada", "#random", "NCCL timeout")
    seen = await slack.person_actions.shortcut("ada", "explain", message)

    assert seen.text == "about: NCCL timeout"
    assert "U0TRAIN" in slack.workspace.channel("#random").members


async def test_an_app_is_notified_when_a_person_leaves_its_channel(slack: Slack, connected: AsyncApp) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("member_left_channel")
    async def left(event: Json) -> None:
        await events.put(event)

    slack.person_actions.leave("ada", "#alerts")
    slack.person_actions.leave("ben", "#training")
    event = await asyncio.wait_for(events.get(), LONGEST_S)
    assert (slack.workspace.channel("#training").id, "U0BEN") == (event["channel"], event["user"])


@pytest.mark.parametrize("private", [False, True])
async def test_an_app_is_notified_of_its_own_invitation_by_the_scope_of_the_channels_kind(
    slack: Slack, connected: AsyncApp, *, private: bool
) -> None:
    events: asyncio.Queue[Json] = asyncio.Queue()

    @connected.event("member_joined_channel")
    async def joined(event: Json) -> None:
        await events.put(event)

    slack.workspace.add_channel("new", members=["ada", "ben"], is_private=private)
    for scope, inviter in (("channels:read", "ada"), ("groups:read", "ben")):
        slack.workspace.app.scopes = frozenset({scope})
        slack.person_actions.invite_bot(inviter, "#new")
    event = await asyncio.wait_for(events.get(), LONGEST_S)
    await asyncio.sleep(0.1)  # the other would have come by now

    assert ("U0TRAIN", "U0BEN" if private else "U0ADA") == (event["user"], event["inviter"])
    assert events.empty()
