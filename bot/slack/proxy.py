"""Apply the proxy policy of `bot.network` to the Slack SDK, whose own policy ignores NO_PROXY.

The SDK reads the environment whenever a client is created without a proxy, so each client is corrected after that.
"""

from collections.abc import Awaitable, Callable, Mapping

from slack_bolt.async_app import AsyncBoltContext, AsyncRespond
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook import WebhookResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.network import proxy_for


class ProxiedRespond(AsyncRespond):
    """Sends an answer to a response URL, through the proxy for its address."""

    async def __call__(self, text: str | Mapping[str, object] = "", *args: object, **kwargs: object) -> WebhookResponse:
        """Send a message, given as a whole body or as its text.

        Raises:
            ValueError: the request has no response URL.
        """
        if self.response_url is None:
            raise ValueError("the request has no response URL")
        webhook = AsyncWebhookClient(self.response_url)
        webhook.proxy = proxy_for(self.response_url)
        return await webhook.send_dict({"text": text} if isinstance(text, str) else dict(text))


async def use_proxy_policy(
    context: AsyncBoltContext, client: AsyncWebClient, next_: Callable[[], Awaitable[None]]
) -> None:
    """Correct the client that Bolt creates for each request, and the function that answers it."""
    client.proxy = proxy_for(client.base_url)
    context["respond"] = ProxiedRespond(response_url=context.response_url)
    await next_()
