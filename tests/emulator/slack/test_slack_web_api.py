"""The Web API as the real slack_sdk calls it: rights, errors, limits, files, views."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from emulator.slack import payloads
from emulator.slack.app import APP_TOKEN, BOT_TOKEN, SCOPES, Slack, create_slack, served
from emulator.slack.limits import RateLimits
from emulator.slack.model import Channel, User

from .conftest import Clock

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}}
MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "T"}, "blocks": [SECTION]}


async def refusal(call: Any) -> Any:
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response


async def error(call: Any) -> str:
    return str((await refusal(call))["error"])


@pytest.fixture
def training(slack: Slack) -> Channel:
    return slack.workspace.channel("#training")


@pytest_asyncio.fixture
async def narrow() -> AsyncIterator[Slack]:
    """A Slack whose app may only write where it is a member."""
    slack = create_slack(scopes={"chat:write"})
    async with served(slack):
        yield slack


async def test_auth_test_says_who_the_bot_is_and_what_it_may(client: AsyncWebClient) -> None:
    answer = await client.auth_test()

    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == ("U0TRAIN", "B0TRAIN", "T0TRAIN")
    assert answer.headers["X-OAuth-Scopes"] == ",".join(sorted(SCOPES))


async def test_a_wrong_or_missing_token_is_refused(slack: Slack) -> None:
    assert await error(AsyncWebClient("xoxb-wrong", base_url=slack.api_url).auth_test()) == "invalid_auth"
    assert await error(AsyncWebClient(base_url=slack.api_url).auth_test()) == "not_authed"
    assert await error(AsyncWebClient(APP_TOKEN, base_url=slack.api_url).auth_test()) == "not_allowed_token_type"


async def test_answers_are_dated_once_by_the_clock_that_stamps_messages(clock: Clock, slack: Slack) -> None:
    clock.now = 1_900_000_000.0
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{slack.api_url}api.test")

    assert answer.headers.get_list("date") == ["Sun, 17 Mar 2030 17:46:40 GMT"]


async def test_a_missing_scope_is_named(narrow: Slack) -> None:
    client = AsyncWebClient(BOT_TOKEN, base_url=narrow.api_url)
    answer = await refusal(client.conversations_list())

    assert (answer["error"], answer["needed"], answer["provided"]) == ("missing_scope", "channels:read", "chat:write")


async def test_posting_as_a_non_member_needs_a_separate_scope(
    narrow: Slack, slack: Slack, client: AsyncWebClient
) -> None:
    there = narrow.workspace.channel("#random").id
    stranger = AsyncWebClient(BOT_TOKEN, base_url=narrow.api_url)

    assert await error(stranger.chat_postMessage(channel=there, text="x")) == "not_in_channel"
    assert (await client.chat_postMessage(channel=slack.workspace.channel("#random").id, text="x"))["ok"]


async def test_a_channel_that_cannot_be_written_to_says_why(slack: Slack, client: AsyncWebClient) -> None:
    old = slack.workspace.add_channel("old", members=("trainwatch",), is_archived=True)
    secret = slack.workspace.add_channel("secret", members=("ada",), is_private=True)

    assert await error(client.chat_postMessage(channel="C404", text="x")) == "channel_not_found"
    assert await error(client.chat_postMessage(channel=secret.id, text="x")) == "channel_not_found"
    assert await error(client.chat_postMessage(channel=old.id, text="x")) == "is_archived"


async def test_message_timestamps_rise_while_the_clock_does_not_move(client: AsyncWebClient, training: Channel) -> None:
    for number in range(3):
        await client.chat_postMessage(channel=training.id, text=str(number))

    stamps = [message.ts for message in training.messages]
    assert stamps == sorted(set(stamps))
    assert [message.text for message in training.messages] == ["0", "1", "2"]


async def test_broken_blocks_come_back_with_pointers(client: AsyncWebClient, training: Channel) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await refusal(client.chat_postMessage(channel=training.id, text="x", blocks=blocks))

    message = "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
    assert (answer["error"], answer["response_metadata"]["messages"]) == ("invalid_blocks", [message])


async def test_more_than_thirteen_thousand_characters_of_blocks_are_refused(
    client: AsyncWebClient, training: Channel
) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 2600}}] * 5
    await client.chat_postMessage(channel=training.id, text="x", blocks=blocks)

    assert (
        await error(client.chat_postMessage(channel=training.id, text="x", blocks=[*blocks, SECTION]))
        == "msg_blocks_too_long"
    )


async def test_posting_cuts_long_text_and_editing_refuses_it(client: AsyncWebClient, training: Channel) -> None:
    post = await client.chat_postMessage(channel=training.id, text="x" * 40_001)

    assert post["response_metadata"]["warnings"] == ["message_truncated"]
    assert len(training.messages[0].text) == 40_000
    assert await error(client.chat_update(channel=training.id, ts=post["ts"], text="x" * 4001)) == "msg_too_long"


async def test_content_has_to_be_there_and_within_bounds(client: AsyncWebClient, training: Channel) -> None:
    cell = {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}
    post = client.chat_postMessage

    assert await error(post(channel=training.id)) == "no_text"
    assert await error(post(channel=training.id, text="x", blocks=[cell, cell])) == "invalid_attachments"
    attachments = [{"text": "x"}] * 101
    assert await error(post(channel=training.id, text="x", attachments=attachments)) == "too_many_attachments"
    metadata = {"event_type": "alert", "event_payload": {"id": "x" * 9000}}
    assert await error(post(channel=training.id, text="x", metadata=metadata)) == "metadata_too_large"


async def test_an_edit_replaces_and_every_version_is_kept(client: AsyncWebClient, training: Channel) -> None:
    post = await client.chat_postMessage(channel=training.id, text="firing", blocks=[SECTION])
    await client.chat_update(channel=training.id, ts=post["ts"], text="resolved")

    message = training.messages[0]
    assert [(version.text, bool(version.blocks)) for version in message.versions] == [
        ("firing", True),
        ("resolved", False),
    ]


async def test_only_own_lasting_messages_can_be_edited(slack: Slack, client: AsyncWebClient, training: Channel) -> None:
    own = slack.person_actions.say("ada", "#training", "mine")
    whisper = await client.chat_postEphemeral(channel=training.id, user="U0ADA", text="psst")

    assert await error(client.chat_update(channel=training.id, ts=own.ts, text="x")) == "cant_update_message"
    assert await error(client.chat_delete(channel=training.id, ts=own.ts)) == "cant_delete_message"
    late = client.chat_update(channel=training.id, ts=whisper["message_ts"], text="x")
    assert await error(late) == "message_not_found"


async def test_rich_text_cannot_become_something_else(client: AsyncWebClient, training: Channel) -> None:
    text = {"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}
    post = await client.chat_postMessage(
        channel=training.id, text="x", blocks=[{"type": "rich_text", "elements": [text]}]
    )

    assert (
        await error(client.chat_update(channel=training.id, ts=post["ts"], text="x", blocks=[SECTION]))
        == "block_mismatch"
    )


async def test_a_reply_is_in_its_thread_and_counts_on_its_root(client: AsyncWebClient, training: Channel) -> None:
    root = (await client.chat_postMessage(channel=training.id, text="root"))["ts"]
    await client.chat_postMessage(channel=training.id, text="reply", thread_ts=root)

    assert [message.text for message in training.messages] == ["root"]
    assert [message.text for message in training.replies(root)] == ["reply"]
    assert await error(client.chat_postMessage(channel=training.id, text="x", thread_ts="1.1")) == "thread_not_found"


async def test_a_channel_takes_a_burst_then_one_message_a_second(
    clock: Clock, client: AsyncWebClient, slack: Slack
) -> None:
    slack.limits.post_burst = 2
    training = slack.workspace.channel("#training").id
    await client.chat_postMessage(channel=training, text="1")
    await client.chat_postMessage(channel=training, text="2")
    answer = await refusal(client.chat_postMessage(channel=training, text="3"))
    clock.now += 1
    await client.chat_postMessage(channel=training, text="3")

    assert (answer.status_code, answer["error"], answer.headers["Retry-After"]) == (429, "ratelimited", "1")


def test_a_tier_two_method_takes_twenty_calls_a_minute() -> None:
    limits = RateLimits()
    for _ in range(20):
        limits.take_call("conversations.list", 2, now=0)
    with pytest.raises(Exception, match="ratelimited"):
        limits.take_call("conversations.list", 2, now=0)
    limits.take_call("conversations.list", 2, now=3)
    RateLimits(enabled=False).take_call("conversations.list", 2, now=0)


async def test_a_failure_to_order_may_lose_only_the_answer(
    slack: Slack, client: AsyncWebClient, training: Channel
) -> None:
    slack.fail("chat.postMessage", "internal_error", status=500, is_applied=True)

    assert await error(client.chat_postMessage(channel=training.id, text="once")) == "internal_error"
    assert [message.text for message in training.messages] == ["once"]
    assert (await client.chat_postMessage(channel=training.id, text="again"))["ok"]


async def test_a_file_goes_up_in_three_steps_into_a_thread(client: AsyncWebClient, training: Channel) -> None:
    root = (await client.chat_postMessage(channel=training.id, text="root"))["ts"]
    await client.files_upload_v2(
        channel=training.id, thread_ts=root, filename="rank3.log", title="Rank 3", content="line\n" * 9
    )

    (reply,) = training.replies(root)
    assert [(file.name, file.title, file.text) for file in reply.files] == [("rank3.log", "Rank 3", "line\n" * 9)]


async def test_a_snippet_over_a_megabyte_is_refused(client: AsyncWebClient) -> None:
    kinds: dict[str, str] = {"snippet_type": "text"}
    assert (
        await error(client.files_getUploadURLExternal(filename="a.txt", length=2**21, **kinds)) == "snippet_too_large"
    )
    assert (await client.files_getUploadURLExternal(filename="a.txt", length=2**20, **kinds))["ok"]
    assert (await client.files_getUploadURLExternal(filename="a.txt", length=2**21))["ok"]


async def test_a_file_goes_to_a_direct_message_but_not_to_a_person(slack: Slack, client: AsyncWebClient) -> None:
    direct = (await client.chat_postMessage(channel="U0ADA", text="for you"))["channel"]
    await client.files_upload_v2(channel=direct, filename="a.log", content="line")
    upload = client.files_upload_v2(channel="U0ADA", filename="a.log", content="line")
    assert await error(upload) == "invalid_arguments"
    assert ["a.log"] == [file.name for file in slack.workspace.direct_channel("U0ADA").messages[-1].files]


async def test_a_trigger_id_opens_one_modal_within_three_seconds(
    clock: Clock, slack: Slack, client: AsyncWebClient
) -> None:
    def trigger() -> str:
        return slack.context.interaction_tokens.add_trigger("U0ADA", None, clock.now)

    used, late = trigger(), trigger()
    await client.views_open(trigger_id=used, view=MODAL)
    clock.now += 3.1

    assert await error(client.views_open(trigger_id=used, view=MODAL)) == "exchanged_trigger_id"
    assert await error(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"
    assert await error(client.views_open(trigger_id="no", view=MODAL)) == "invalid_trigger_id"


async def test_a_modal_is_updated_under_its_hash_and_stacked_three_high(slack: Slack, client: AsyncWebClient) -> None:
    interaction_tokens, now = slack.context.interaction_tokens, slack.context.now
    opened = await client.views_open(trigger_id=interaction_tokens.add_trigger("U0ADA", None, now), view=MODAL)
    view_id, first = opened["view"]["id"], opened["view"]["hash"]
    await client.views_update(view_id=view_id, hash=first, view=MODAL)
    for _ in range(2):
        top = slack.workspace.modal("ada")
        await client.views_push(trigger_id=interaction_tokens.add_trigger("U0ADA", None, now, top), view=MODAL)

    assert await error(client.views_update(view_id=view_id, hash=first, view=MODAL)) == "hash_conflict"
    again = interaction_tokens.add_trigger("U0ADA", None, now, slack.workspace.modal("ada"))
    assert await error(client.views_push(trigger_id=again, view=MODAL)) == "push_limit_reached"


async def test_a_view_too_large_or_broken_is_refused(client: AsyncWebClient) -> None:
    huge = {**MODAL, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}] * 90}
    broken = {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}

    assert await error(client.views_open(trigger_id="1", view=huge)) == "view_too_large"
    assert await error(client.views_open(trigger_id="1", view=broken)) == "invalid_arguments"


async def test_a_response_url_works_five_times_within_half_an_hour(clock: Clock, slack: Slack) -> None:
    def url() -> str:
        key = slack.context.interaction_tokens.add_response_url(
            "U0ADA", slack.workspace.channel("#random").id, clock.now
        )
        return f"{slack.context.base_url}/slack/response/{key}"

    used, late = url(), url()
    async with httpx.AsyncClient() as http:
        uses = [(await http.post(used, json={"text": str(number)})).status_code for number in range(6)]
        clock.now += 30 * 60 + 1
        expired = await http.post(late, json={"text": "late"})

    assert uses == [200] * 5 + [404]
    assert expired.json() == {"ok": False, "error": "expired_url"}
    assert [message.visible_to for message in slack.workspace.channel("#random").ephemerals] == ["U0ADA"] * 5


async def test_lists_come_in_pages(client: AsyncWebClient) -> None:
    first = await client.conversations_list(limit=2)
    rest = await client.conversations_list(limit=2, cursor=first["response_metadata"]["next_cursor"])

    names = [channel["name"] for channel in [*first["channels"], *rest["channels"]]]
    assert names == ["training", "alerts", "random"]
    assert rest["response_metadata"]["next_cursor"] == ""


async def test_joining_a_direct_message_a_permalink_and_a_reaction(slack: Slack, client: AsyncWebClient) -> None:
    alerts = slack.workspace.channel("#alerts")
    await client.conversations_join(channel=alerts.id)
    direct = (await client.conversations_open(users="U0ADA"))["channel"]["id"]
    post = await client.chat_postMessage(channel=alerts.id, text="x")
    await client.reactions_add(channel=alerts.id, timestamp=post["ts"], name="eyes")
    link = (await client.chat_getPermalink(channel=alerts.id, message_ts=post["ts"]))["permalink"]

    assert "U0TRAIN" in alerts.members
    assert (await client.chat_postMessage(channel="U0ADA", text="hello"))["channel"] == direct
    assert alerts.messages[0].reactions == {"eyes": ["U0TRAIN"]}
    assert link.endswith(f"/archives/{alerts.id}/p{post['ts'].replace('.', '')}")


async def test_a_member_is_found_by_email_address(slack: Slack, narrow: Slack, client: AsyncWebClient) -> None:
    found = (await client.users_lookupByEmail(email="ADA@example.com"))["user"]
    assert (found["id"], found["profile"]["email"]) == ("U0ADA", "ada@example.com")
    assert (await refusal(client.users_lookupByEmail(email="eve@example.com")))["error"] == "users_not_found"
    without = AsyncWebClient(token=BOT_TOKEN, base_url=narrow.api_url)
    answer = await refusal(without.users_lookupByEmail(email="ada@example.com"))
    assert (answer["error"], answer["needed"]) == ("missing_scope", "users:read.email")


async def test_the_members_of_a_user_group_are_listed(slack: Slack, client: AsyncWebClient) -> None:
    assert (await client.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0BEN"]
    assert (await refusal(client.usergroups_users_list(usergroup="S0NONE")))["error"] == "no_such_subteam"


async def test_a_shared_channel_and_its_strangers_are_marked(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.users["U0EVE"] = User("U0EVE", "eve", "Eve", team_id="T0OTHER")
    shared = slack.workspace.add_channel("shared", members=["eve", "trainwatch"], is_ext_shared=True)
    assert (await client.conversations_info(channel=shared.id))["channel"]["is_ext_shared"]
    assert (await client.users_info(user="U0EVE"))["user"]["team_id"] == "T0OTHER"
    event = payloads.event(slack.context, {"type": "app_mention", "channel": shared.id})
    assert event["is_ext_shared_channel"]
    assert payloads.slash(slack.context, slack.workspace.user("eve"), shared, "/train", "")["team_id"] == "T0OTHER"


async def test_a_direct_message_needs_the_messages_tab(slack: Slack, client: AsyncWebClient) -> None:
    slack.workspace.app.has_messages_tab = False

    answer = await refusal(client.chat_postMessage(channel="U0ADA", text="hello"))
    assert answer["error"] == "messages_tab_disabled"


async def test_blocks_can_be_validated_without_a_token(slack: Slack) -> None:
    client = AsyncWebClient(base_url=slack.api_url)

    assert (await client.blocks_validate(blocks=[SECTION]))["is_valid"]
    assert (await client.blocks_validate(blocks=[{"type": "zap"}]))["errors"][0]["pointer"] == "/0/type"


async def test_an_unknown_method_is_reported(client: AsyncWebClient) -> None:
    answer = await refusal(client.api_call("chat.shout"))

    assert (answer["error"], answer["req_method"]) == ("unknown_method", "chat.shout")
