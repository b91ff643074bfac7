"""Slack Web API clients without automatic retries, and the call that posts or edits a message.

By default the SDK posts a message again after a lost connection, although Slack may have accepted it. Retries are up to
the outbox (`bot.watcher.deliver`), which knows what was sent.
"""

import logging

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.network import proxy_for
from bot.slack.error_codes import BLOCKS_REFUSED, METADATA_REFUSED
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.render.charts import chart_as_text, is_chart

SLACK_API_URL = "https://slack.com/api/"
_TIMEOUT_S = 20

log = logging.getLogger(__name__)

_without_charts: set[tuple[str, str | None]] = set()
"""Web API and token of the workspaces that refused a chart since the start."""


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
    """Post or edit a message. What Slack rejects, blocks or metadata, is removed from the arguments, except pictures.

    Raises:
        DeliveryError: The message was not accepted; `permanent` if a retry cannot help.
    """
    try:
        response = await _send(client, arguments, method)
        ts, channel = response.get("ts"), response.get("channel")
    except UNREACHABLE as error:
        raise delivery_error(error) from error
    if not isinstance(ts, str):
        text = "Slack accepted the message but returned no timestamp."
        raise DeliveryError(text, reason="no_ts", permanent=False, unlisted=True, outcome_unknown=True)
    return Receipt(channel=str(channel or arguments["channel"]), ts=ts)


def takes_charts(client: AsyncWebClient) -> bool:
    """Whether this workspace takes charts, as far as is known."""
    return (client.base_url, client.token) not in _without_charts


def drop_charts(client: AsyncWebClient, arguments: dict[str, object]) -> None:
    """Write charts as text if this workspace is known to refuse them."""
    if not takes_charts(client):
        remove_charts(arguments)


def remove_charts(arguments: dict[str, object]) -> bool:
    """Write charts in the blocks as text; whether any was there."""
    blocks = arguments.get("blocks")
    if not isinstance(blocks, list) or not any(map(is_chart, blocks)):
        return False
    arguments["blocks"] = [chart_as_text(block) if is_chart(block) else block for block in blocks]
    return True


def remember_refusal(client: AsyncWebClient) -> None:
    """Send no more charts to this workspace: it accepted a message without the charts with which it refused it."""
    log.info("slack takes no charts")
    _without_charts.add((client.base_url, client.token))


async def _send(client: AsyncWebClient, arguments: dict[str, object], method: str) -> AsyncSlackResponse:
    """Call the method, again without the part that Slack rejected: charts first, then all blocks."""
    drop_charts(client, arguments)
    lacks_charts = False
    while True:
        try:
            response = await client.api_call(method, json=arguments)
        except SlackApiError as error:
            code = error_code(error)
            if code in BLOCKS_REFUSED and remove_charts(arguments):
                lacks_charts = True
                continue
            part = "blocks" if code in BLOCKS_REFUSED else "metadata" if code in METADATA_REFUSED else None
            if part is None or part not in arguments or (part == "blocks" and _has_picture(arguments)):
                raise
            log.error("slack rejected a part of a message", extra={"code": code, "method": method, "part": part})
            del arguments[part]
        else:
            if lacks_charts and "blocks" in arguments:
                remember_refusal(client)
            return response


def _has_picture(arguments: dict[str, object]) -> bool:
    """Whether the message shows an upload, which Slack may not have processed yet."""
    blocks = arguments.get("blocks")
    return isinstance(blocks, list) and any("slack_file" in block for block in blocks)
