"""`auth.test`, `api.test`, `bots.info` and `apps.connections.open`: who the app is and where its socket opens.

Source: docs.slack.dev/reference/methods (documented, read 2026-11-20).
"""

import secrets

from emulator.slack.methods.call import Call, Method
from emulator.slack.model import Json, SlackError


def auth_test(call: Call) -> Json:
    """`auth.test`."""
    workspace, app = call.workspace, call.workspace.app
    return {
        "url": f"https://{workspace.domain}.slack.com/",
        "team": workspace.team_name,
        "team_id": workspace.team_id,
        "user": workspace.users[app.bot_user_id].name,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def api_test(call: Call) -> Json:
    """`api.test`: echo the arguments."""
    if call.args.get("error"):
        raise SlackError(str(call.args["error"]), args=call.args)
    return {"args": call.args}


def bot_info(call: Call) -> Json:
    """`bots.info`."""
    app = call.workspace.app
    if call.args.get("bot", app.bot_id) != app.bot_id:
        raise SlackError("bot_not_found")
    bot = {"id": app.bot_id, "app_id": app.id, "user_id": app.bot_user_id, "name": app.name, "deleted": False}
    return {"bot": bot}


def open_connection(call: Call) -> Json:
    """`apps.connections.open`: a WebSocket URL that works once."""
    ticket = secrets.token_urlsafe(16)
    call.context.interaction_tokens.sockets.add(ticket)
    base = call.context.base_url.replace("http", "ws", 1)
    return {"url": f"{base}/slack/socket?ticket={ticket}&app_id={call.workspace.app.id}"}


METHODS = {
    "auth.test": Method(auth_test, tier=None),
    "api.test": Method(api_test, tier=None, token=None),
    "bots.info": Method(bot_info, ("users:read",)),
    "apps.connections.open": Method(open_connection, tier=3, token="app"),
}
