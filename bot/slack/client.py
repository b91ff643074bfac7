"""Slack Web API clients without automatic retries, and the call that posts or edits a message.

By default the SDK posts a message again after a lost connection, although Slack may have accepted it. Retries are up to
the outbox (`bot.watcher.deliver`), which knows what was sent.
"""

import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.network import proxy_for
from bot.slack.failures import REJECTED_BLOCKS, UNREACHABLE, delivery_error, error_code

SLACK_API_URL = "https://slack.com/api/"
_TIMEOUT_S = 20

log = logging.getLogger(__name__)


def create_client(token: str | None, api_url: str = SLACK_API_URL) -> AsyncWebClient:
    """A client for one workspace; `api_url` differs only for an emulated Slack."""
    return configure(AsyncWebClient(token=token), api_url)


def configure(client: AsyncWebClient, api_url: str) -> AsyncWebClient:
    """Disable a client's retries and choose its proxy; for the client that Bolt creates."""
    client.base_url = api_url if api_url.endswith("/") else f"{api_url}/"
    client.proxy = proxy_for(client.base_url)
    client.timeout = _TIMEOUT_S
    client.retry_handlers = []
    return client


async def post(client: AsyncWebClient, arguments: dict[str, object], method: str = "chat.postMessage") -> Receipt:
    """Post or edit a message. If Slack rejects its blocks, they are removed from the arguments.

    Raises:
        DeliveryError: The message was not accepted; `permanent` if a retry cannot help.
    """
    try:
        try:
            response = await client.api_call(method, json=arguments)
        except SlackApiError as error:
            if error_code(error) not in REJECTED_BLOCKS:
                raise
            log.error("slack rejected the blocks", extra={"code": error_code(error), "method": method})
            del arguments["blocks"]
            response = await client.api_call(method, json=arguments)
        ts, channel = response.get("ts"), response.get("channel")
    except UNREACHABLE as error:
        raise delivery_error(error) from error
    if not isinstance(ts, str):
        text = "Slack accepted the message but returned no timestamp."
        raise DeliveryError(text, reason="no_ts", permanent=False, unlisted=True)
    return Receipt(channel=str(channel or arguments["channel"]), ts=ts)
