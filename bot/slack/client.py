"""Slack's web client as trainwatch uses it: no automatic second try.

The SDK's own default posts a message again after a lost connection, although Slack may have accepted it; whether to
try again is decided by the outbox (`bot.watcher.deliver`), which knows what was sent.
"""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

SLACK_API_URL = "https://slack.com/api/"
_TIMEOUT_S = 20


def create_client(token: str | None, api_url: str = SLACK_API_URL) -> AsyncWebClient:
    """A client for one workspace; `api_url` is another only for an emulated Slack."""
    return AsyncWebClient(token=token, base_url=api_url, timeout=_TIMEOUT_S, retry_handlers=[])
