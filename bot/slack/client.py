"""Slack Web API clients without automatic retries.

By default the SDK posts a message again after a lost connection, although Slack may have accepted it. Retries are up to
the outbox (`bot.watcher.deliver`), which knows what was sent.
"""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

SLACK_API_URL = "https://slack.com/api/"
_TIMEOUT_S = 20


def create_client(token: str | None, api_url: str = SLACK_API_URL) -> AsyncWebClient:
    """A client for one workspace; `api_url` differs only for an emulated Slack."""
    return configure(AsyncWebClient(token=token), api_url)


def configure(client: AsyncWebClient, api_url: str) -> AsyncWebClient:
    """Disable a client's retries; for the client that Bolt creates."""
    client.base_url = api_url if api_url.endswith("/") else f"{api_url}/"
    client.timeout = _TIMEOUT_S
    client.retry_handlers = []
    return client
