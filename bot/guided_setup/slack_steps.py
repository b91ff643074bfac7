"""The steps for Slack: its tokens, and a test message."""

import asyncio
import re
from collections.abc import Sequence

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.checks import CheckResult
from bot.environment import provider_config
from bot.errors import DeliveryError
from bot.guided_setup.questions import Question
from bot.settings import Settings
from bot.slack.client import create_client, post
from bot.slack.setup_check import check_app_token, check_bot_token

_CHANNEL = re.compile(r"#?[\w-]{1,80}")
_TEST_MESSAGE = "trainwatch is connected. Type `/train` to begin."
_APP_PAGE = "https://api.slack.com/apps → your app →"


def slack_questions(settings: Settings) -> Sequence[Question]:
    """The tokens that the Slack mode needs, in the order in which Slack's pages offer them."""
    bot_token = Question(
        "SLACK_BOT_TOKEN",
        "Bot User OAuth Token",
        f"{_APP_PAGE} Install App → Install to Workspace → Allow. Copy the Bot User OAuth Token (xoxb-...).",
        lambda token: asyncio.run(check_bot_token(create_client(token, settings.slack_api_url))),
    )
    if settings.trainwatch_slack_mode == "http":
        return (bot_token, _SIGNING_SECRET)
    app_token = Question(
        "SLACK_APP_TOKEN",
        "App-level token",
        f"{_APP_PAGE} Basic Information → App-Level Tokens → Generate Token and Scopes. Enter any name, add the scope "
        "connections:write, press Generate, and copy the token (xapp-...).",
        lambda token: [asyncio.run(check_app_token(_saved_client(settings), token))],
    )
    return (bot_token, app_token)


def _saved_client(settings: Settings) -> AsyncWebClient:
    """A client with the bot token that was accepted before."""
    return create_client(provider_config().get("slack_bot_token"), settings.slack_api_url)


def _check_signing_secret(secret: str) -> list[CheckResult]:
    """A signing secret cannot be tried before Slack sends a request; only its form is checked (observed: 32 hex)."""
    ok = re.fullmatch(r"[0-9a-f]{32}", secret) is not None
    remedy = None if ok else "Copy it again: Basic Information → App Credentials → Signing Secret → Show."
    found = (
        "has the form of one; the first request of Slack shows whether it is right" if ok else "is not 32 hex digits"
    )
    return [CheckResult("Signing secret", ok, found, remedy)]


_SIGNING_SECRET = Question(
    "SLACK_SIGNING_SECRET",
    "Signing Secret",
    f"{_APP_PAGE} Basic Information → App Credentials → Signing Secret → Show.",
    _check_signing_secret,
)


def send_test_message(channel: str, token: str, api_url: str) -> CheckResult:
    """Post a message that says that trainwatch is connected."""
    subject = f"Test message to {channel}"
    if not _CHANNEL.fullmatch(channel):
        return CheckResult(subject, False, "this is not the name of a channel", "Use a name such as #training.")
    name = channel if re.fullmatch(r"[CDGU][A-Z0-9]{6,}", channel) else f"#{channel.removeprefix('#')}"
    arguments: dict[str, object] = {"channel": name, "text": _TEST_MESSAGE}
    try:
        asyncio.run(post(create_client(token, api_url), arguments))
    except DeliveryError as error:
        return CheckResult(subject, False, error.public, _remedy(error))
    return CheckResult(subject, True, "posted")


def _remedy(error: DeliveryError) -> str:
    if error.reason == "not_in_channel":
        return "In Slack, type /invite @trainwatch in that channel. Then try again."
    if error.reason == "channel_not_found":
        return "Check its name. In a private channel, type /invite @trainwatch first. Then try again."
    return "Try another channel, or press Enter to continue without a test message."
