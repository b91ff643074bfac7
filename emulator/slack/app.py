"""The emulated Slack, put together: Web API, Socket Mode or HTTP delivery, people, and the page.

Mount `slack.app` at `/` of a bigger Starlette app (last, since it serves `/`), or serve it alone with `served`.
The bot's settings are then `SLACK_API_URL=<address>/slack/api/` and the tokens below.
"""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from emulator.dates import with_date
from emulator.faults import with_transport
from emulator.slack import page, web_api
from emulator.slack.delivery import Delivery, EventSender, HttpDelivery
from emulator.slack.faults import Fault
from emulator.slack.limits import RateLimits
from emulator.slack.manifest import read_commands, read_is_read_only, read_shortcuts, read_tabs, read_unfurl_domains
from emulator.slack.methods.call import MethodContext
from emulator.slack.model import App, User, UserGroup
from emulator.slack.person_actions import PersonActions
from emulator.slack.socket_mode import SocketHub
from emulator.slack.workspace import Workspace

BOT_TOKEN = "xoxb-demo"
APP_TOKEN = "xapp-demo"
SIGNING_SECRET = "demo-signing-secret"
SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "channels:read",
        "chat:write",
        "chat:write.public",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "links:read",
        "links:write",
        "pins:write",
        "reactions:read",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)
EVENTS = frozenset(
    {
        "app_home_opened",
        "app_mention",
        "link_shared",
        "message.im",
        "member_joined_channel",
        "member_left_channel",
        "reaction_added",
    }
)


@dataclass(slots=True)
class Slack:
    """One emulated Slack; `person_actions` does what people do, `workspace` holds the state."""

    app: Starlette
    context: MethodContext
    person_actions: PersonActions
    sockets: SocketHub

    @property
    def workspace(self) -> Workspace:
        """The state: `slack.workspace.channel("#training").messages`."""
        return self.context.workspace

    @property
    def limits(self) -> RateLimits:
        """How strict the rate limits are."""
        return self.context.limits

    @property
    def api_url(self) -> str:
        """What `SLACK_API_URL` must be."""
        return f"{self.context.base_url}/slack/api/"

    def fail(self, method: str, error: str, **how: float | bool) -> None:
        """Make the next calls of a Web API method fail; `how` as in `faults.Fault`."""
        self.context.faults.order(method, Fault(error, **how))  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """Stop delivering and hang up."""
        await self.person_actions.event_sender.aclose()
        await self.sockets.drop()


def create_slack(
    *,
    base_url: str = "",
    request_url: str = "",
    scopes: Iterable[str] = SCOPES,
    limits: RateLimits | None = None,
    clock: Callable[[], float] = time.time,
    steady: Callable[[], float] | None = None,
    http_client: httpx.AsyncClient | None = None,
) -> Slack:
    """Build an emulated Slack with #training (the bot is in), #alerts, #random and the people ada, ben and chen.

    Args:
        base_url: where the bot reaches it; learnt from the first request if empty.
        request_url: deliver by signed HTTP to this URL; Socket Mode if empty.
        scopes: what the app was granted.
        limits: rate limits; Slack's own if None.
        clock: seconds since the epoch, for interaction_tokens, limits, time stamps and the date of answers.
        steady: the same for interaction tokens and limits only, where `clock` may jump.
        http_client: the client for HTTP delivery.
    """
    app = App("A0TRAIN", "trainwatch", "B0TRAIN", "U0TRAIN", BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, frozenset(scopes))
    app.global_shortcuts = read_shortcuts("global")
    app.commands, app.shortcuts, app.is_read_only = read_commands(), read_shortcuts(), read_is_read_only()
    app.unfurl_domains = read_unfurl_domains()
    app.has_home_tab, app.has_messages_tab = read_tabs()
    person_actions = (
        User("U0ADA", "ada", "Ada Lovelace", email="ada@example.com"),
        User("U0BEN", "ben", "Ben Okafor", email="ben@example.com"),
        User("U0CHEN", "chen", "Chen Wei", email="chen@example.com"),
        User("U0TRAIN", "trainwatch", "trainwatch", is_bot=True),
    )
    workspace = Workspace(app, person_actions, clock)
    everyone = ("ada", "ben", "chen")
    workspace.add_channel("training", members=(*everyone, "trainwatch"), topic="Training runs and their trouble")
    workspace.add_channel("alerts", members=everyone, topic="Alerts of every system")
    workspace.groups = {group.id: group for group in (UserGroup("S0ONCALL", "oncall", frozenset({"U0BEN"})),)}
    workspace.add_channel("random", members=everyone, topic="Non-work banter")
    context = MethodContext(workspace, limits or RateLimits(), base_url=base_url.rstrip("/"), steady=steady)
    sockets = SocketHub(context)
    event_sender = EventSender(sockets)
    if request_url:
        client = http_client or httpx.AsyncClient()
        delivery: Delivery = HttpDelivery(request_url, SIGNING_SECRET, client, clock)
        event_sender = EventSender(delivery, retry_delays_s=(0.0, 60.0, 300.0))
    hands = PersonActions(context, event_sender, EVENTS)
    routes = [
        *web_api.routes(context),
        WebSocketRoute("/slack/socket", sockets.serve),
        *page.routes(context, hands),
    ]
    return Slack(Starlette(routes=routes), context, hands, sockets)


@asynccontextmanager
async def served(slack: Slack, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a Slack alone, in this event loop; yields its address."""
    listener = socket.create_server((host, port))
    slack.context.base_url = f"http://{host}:{listener.getsockname()[1]}"
    app = with_transport(with_date(slack.app))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", date_header=False))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield slack.context.base_url
    finally:
        await slack.aclose()
        server.should_exit = server.force_exit = True
        await task
        listener.close()
