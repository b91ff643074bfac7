"""Slack Web API clients without automatic retries, and the call that posts or edits a message.

By default the SDK posts a message again after a lost connection, although Slack may have accepted it. Retries are up to
the outbox (`bot.watcher.deliver`), which knows what was sent.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.alerts import Receipt
from bot.errors import DeliveryError
from bot.network import proxy_for
from bot.slack.error_codes import BLOCKS_REFUSED, METADATA_REFUSED
from bot.slack.failures import UNREACHABLE, delivery_error, error_code
from bot.slack.render.charts import CHART_TYPE, chart_as_text
from bot.slack.render.message import Block
from bot.slack.render.tables import TABLE_TYPE, table_as_text

SLACK_API_URL = "https://slack.com/api/"
_TIMEOUT_S = 20

log = logging.getLogger(__name__)

_FALLBACKS: Mapping[str, Callable[[Block], Sequence[Block]]] = {
    CHART_TYPE: lambda block: [chart_as_text(block)],
    TABLE_TYPE: table_as_text,
}
"""The blocks that a workspace may not have yet, and how each is written as text; the newest first."""
_refused: set[tuple[str, str | None, str]] = set()
"""Web API, token and type of what workspaces refused since the start."""


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


def takes(client: AsyncWebClient, kind: str) -> bool:
    """Whether this workspace takes blocks of a type, as far as is known."""
    return (client.base_url, client.token, kind) not in _refused


def write_refused(client: AsyncWebClient, arguments: dict[str, object]) -> None:
    """Write as text what this workspace is known to refuse."""
    for kind in _FALLBACKS:
        if not takes(client, kind):
            _write_as_text(arguments, kind)


def write_next(arguments: dict[str, object]) -> str | None:
    """Write one type of blocks as text, because Slack refused the message; return the type, None without any.

    A message with a picture may have been refused for that, so it says nothing about other blocks.
    """
    if _has_picture(arguments):
        return None
    return next((kind for kind in _FALLBACKS if _write_as_text(arguments, kind)), None)


def remember_refusal(client: AsyncWebClient, kind: str) -> None:
    """Send no more blocks of a type: the workspace accepted the same message when they were text."""
    log.info("slack takes no blocks of a type", extra={"block": kind})
    _refused.add((client.base_url, client.token, kind))


def blocks_as_text(blocks: Sequence[Block]) -> list[Block]:
    """Blocks without those that only messages take: they are written as text."""
    return [each for block in blocks for each in _FALLBACKS.get(str(block.get("type")), _as_it_is)(block)]


def _as_it_is(block: Block) -> Sequence[Block]:
    return [block]


def _write_as_text(arguments: dict[str, object], kind: str) -> bool:
    blocks = arguments.get("blocks")
    if not isinstance(blocks, list) or all(block.get("type") != kind for block in blocks):
        return False
    write = _FALLBACKS[kind]
    arguments["blocks"] = [each for one in blocks for each in (write(one) if one.get("type") == kind else [one])]
    return True


async def _send(client: AsyncWebClient, arguments: dict[str, object], method: str) -> AsyncSlackResponse:
    """Call the method, again without what Slack rejected: charts and tables are written as text, then all blocks go."""
    write_refused(client, arguments)
    written: str | None = None
    while True:
        try:
            response = await client.api_call(method, json=arguments)
        except SlackApiError as error:
            code = error_code(error)
            if code in BLOCKS_REFUSED and (kind := write_next(arguments)) is not None:
                written = kind
                continue
            part = "blocks" if code in BLOCKS_REFUSED else "metadata" if code in METADATA_REFUSED else None
            if part is None or part not in arguments or (part == "blocks" and _has_picture(arguments)):
                raise
            log.error("slack rejected a part of a message", extra={"code": code, "method": method, "part": part})
            del arguments[part]
        else:
            if written is not None and "blocks" in arguments:
                remember_refusal(client, written)
            return response


def _has_picture(arguments: dict[str, object]) -> bool:
    """Whether the message shows an upload, which Slack may not have processed yet."""
    blocks = arguments.get("blocks")
    return isinstance(blocks, list) and any("slack_file" in block for block in blocks)
