"""The page that people use, and the calls it makes: the state once, then changes over server-sent events.

What the page's buttons do goes through `person_actions`, the same hands tests use. The page itself is in `static/`.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from emulator.slack.methods.call import MethodContext
from emulator.slack.model import App, Change, Channel, File, Json, Message, User, View
from emulator.slack.person_actions import PersonActions
from emulator.slack.serialization import file_json, message_json
from emulator.slack.stage import Stage
from emulator.slack.web_api import learn_base_url

STATIC = Path(__file__).parent / "static"
SHOWN_MAX = 400
"""Messages of a channel the page loads; older ones stay in the workspace."""
FILE_SHOWN_MAX = 20_000
KEEP_ALIVE_S = 15.0


def routes(context: MethodContext, person_actions: PersonActions) -> list[BaseRoute]:
    """The page, its files, its state, its stream of changes and its one way to act."""

    async def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-store"})

    async def state(request: Request) -> Response:
        learn_base_url(context, request)
        return JSONResponse(page_state(context, _viewer(context, request)))

    async def stream(request: Request) -> Response:
        changes = _changes(context, _viewer(context, request))
        return StreamingResponse(changes, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def act(request: Request) -> Response:
        learn_base_url(context, request)
        body = await request.json()
        try:
            action = _ACTIONS[body["do"]]
            answer = await action(context, person_actions, body)
        except (KeyError, LookupError) as error:
            return JSONResponse({"error": f"no such thing: {error}"}, status_code=404)
        return JSONResponse(answer or {})

    async def download(request: Request) -> Response:
        file = context.workspace.files.get(request.path_params["file_id"])
        if file is None or not file.completed:
            return JSONResponse({"error": "no such file"}, status_code=404)
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        if file.is_image:
            return Response(file.content or b"", media_type=file.mimetype, headers=headers)
        return Response(file.content or b"", media_type="text/plain; charset=utf-8", headers=headers)

    return [
        Route("/", index),
        Route("/page/state", state),
        Route("/page/changes", stream),
        Route("/page/act", act, methods=["POST"]),
        Route("/page/files/{file_id}", download),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


def page_state(context: MethodContext, viewer: User) -> Json:
    """Everything the page shows a person when it loads; like Slack, that drops private messages."""
    workspace, app = context.workspace, context.workspace.app
    home = workspace.homes.get(viewer.id)
    return {
        "team": workspace.team_name,
        "viewer": viewer.id,
        "app": _app(app),
        "commands": [{"name": name, "hint": hint} for name, hint in app.commands],
        "shortcuts": [{"id": callback_id, "name": name} for callback_id, name in app.shortcuts],
        "globals": [{"id": callback_id, "name": name} for callback_id, name in app.global_shortcuts],
        "users": {
            user.id: {"name": user.name, "real_name": user.real_name, "is_bot": user.is_bot}
            for user in workspace.users.values()
        },
        "groups": {group.id: group.handle for group in workspace.groups.values()},
        "channels": [
            _channel(context, channel) for channel in workspace.channels.values() if viewer.id in channel.members
        ],
        "messages": {
            channel.id: [_message(context, message) for message in channel.all_messages[-SHOWN_MAX:]]
            for channel in workspace.channels.values()
            if viewer.id in channel.members
        },
        "modal": _view(workspace.modal(viewer.id)),
        "home": _view(home),
        "stage": context.stage.state() if context.stage else None,
    }


def _app(app: App) -> Json:
    tabs = [name for name, is_on in (("home", app.has_home_tab), ("messages", app.has_messages_tab)) if is_on]
    return {
        "id": app.id,
        "name": app.name,
        "user": app.bot_user_id,
        "is_read_only": app.is_read_only,
        "tabs": tabs,
        "is_agent": app.is_agent,
    }


def _viewer(context: MethodContext, request: Request) -> User:
    name = request.query_params.get("user", "ada")
    with suppress(KeyError):
        return context.workspace.user(name)
    return context.workspace.user("ada")


def _channel(context: MethodContext, channel: Channel) -> Json:
    other = next(iter(sorted(channel.members - {context.workspace.app.bot_user_id})), "")
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_private": channel.is_private,
        "is_im": channel.is_im,
        "is_archived": channel.is_archived,
        "has_bot": context.workspace.app.bot_user_id in channel.members,
        "members": len(channel.members),
        "other": other,
        "prompts": channel.prompts,
        "sessions": {
            ts: {"state": one.state, "title": one.title, "status": one.status} for ts, one in channel.sessions.items()
        },
    }


def _message(context: MethodContext, message: Message) -> Json:
    shown = message_json(context.workspace, message)
    shown |= {
        "channel": message.channel,
        "is_ephemeral": message.is_ephemeral,
        "is_reply": message.is_reply,
        "is_broadcast": message.is_broadcast,
        "thread_ts": message.thread_ts,
        "version": len(message.versions),
    }
    shown["files"] = [{**file_json(file), "text": _preview(file)} for file in message.files]
    return shown


def _preview(file: File) -> str:
    return file.text[:FILE_SHOWN_MAX] if file.mimetype.startswith("text/") else ""


def _view(view: View | None) -> Json | None:
    if view is None:
        return None
    return {**view.source, "id": view.id, "hash": view.hash, "errors": view.errors, "values": view.values}


def _change(context: MethodContext, change: Change, viewer: User) -> Json | None:
    """The update to send to the page for a change; None if it does not concern the viewer."""
    channel = context.workspace.channels.get(change.channel or "")
    if change.user not in (None, viewer.id) or (channel and viewer.id not in channel.members):
        return None
    match change.kind:
        case "posted" | "edited" if change.message:
            return {"kind": "message", "message": _message(context, change.message)}
        case "deleted" if change.message:
            return {"kind": "deleted", "channel": change.channel, "ts": change.message.ts}
        case "view" | "view_closed":
            return {"kind": "modal", "view": _view(context.workspace.modal(viewer.id))}
        case "home":
            return {"kind": "home", "view": _view(change.view)}
        case "stage" if context.stage:
            return {"kind": "stage", "stage": context.stage.state()}
        case "channel" if channel:
            return {"kind": "channel", "channel": _channel(context, channel)}
        case _:
            return {"kind": "notice", "channel": change.channel, "text": change.text}


async def _changes(context: MethodContext, viewer: User) -> AsyncIterator[str]:
    """Server-sent events, one per change, with a comment now and then so that a dead page is noticed."""
    queue: asyncio.Queue[Json] = asyncio.Queue()

    def note(change: Change) -> None:
        shown = _change(context, change, viewer)
        if shown:
            queue.put_nowait(shown)

    stop = context.workspace.watch(note)
    try:
        yield ": connected\n\n"
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_S):
                    shown = await queue.get()
            except TimeoutError:
                yield ": still here\n\n"
            else:
                yield f"data: {json.dumps(shown)}\n\n"
    finally:
        stop()


def _place(context: MethodContext, body: Json) -> Message | View:
    """The message or view an action of the page is about."""
    if body.get("view"):
        view = context.workspace.view(body["view"])
        if view:
            return view
        raise KeyError(body["view"])
    message = context.workspace.channel(body["channel"]).find(body["ts"])
    if message is None:
        raise KeyError(body["ts"])
    return message


async def _slash(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    seen = await person_actions.slash(body["user"], body["channel"], body["command"], body.get("text", ""), wait_s=0)
    return {"ack_ms": round(seen.outcome.ack_s * 1000)}


async def _say(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    files = {one["name"]: base64.b64decode(one["content"]) for one in body.get("files", [])}
    person_actions.say(body["user"], body["channel"], body["text"], thread_ts=body.get("thread_ts"), files=files)
    return {}


async def _shortcut(context: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    message = context.workspace.channel(body["channel"]).find(body["ts"]) if "ts" in body else None
    await person_actions.shortcut(body["user"], body["callback_id"], message, wait_s=0)
    return {}


async def _click(context: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    choice: Any = body.get("choice")
    place = _place(context, body)
    if isinstance(place, View):
        for action_id, value in (body.get("values") or {}).items():
            person_actions.fill(place, action_id, value)
    if choice is None:
        await person_actions.click(body["user"], place, body["action_id"], wait_s=0)
    else:
        await person_actions.select(body["user"], place, body["action_id"], choice, wait_s=0)
    return {}


async def _suggest(context: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    groups = await person_actions.suggest_groups(
        body["user"], _place(context, body), body["action_id"], body.get("query", "")
    )
    return {"groups": groups}


async def _submit(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    await person_actions.submit_view(body["user"], body.get("values"), wait_s=0)
    return {}


async def _close(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    await person_actions.close_view(body["user"])
    return {}


async def _home(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    await person_actions.open_home(body["user"], tab=body.get("tab", "home"), wait_s=0)
    return {}


async def _stop(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    person_actions.stop_session(body["user"], body["channel"], body["thread_ts"])
    return {}


async def _direct(context: MethodContext, _people: PersonActions, body: Json) -> Json:
    return {"channel": context.workspace.direct_channel(context.workspace.user(body["user"]).id).id}


async def _invite(_desk: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    person_actions.invite_bot(body["user"], body["channel"])
    return {}


async def _story(context: MethodContext, _people: PersonActions, body: Json) -> Json:
    return await _stage(context).start(body["user"], body["name"])


async def _advance(context: MethodContext, _people: PersonActions, body: Json) -> Json:
    await _stage(context).advance(body["seconds"])
    return {}


def _stage(context: MethodContext) -> Stage:
    if context.stage is None:
        raise LookupError("stories")
    return context.stage


async def _react(context: MethodContext, person_actions: PersonActions, body: Json) -> Json:
    message = context.workspace.channel(body["channel"]).find(body["ts"])
    if message is None:
        raise KeyError(body["ts"])
    person_actions.toggle_reaction(body["user"], message, body["name"])
    return {}


_ACTIONS: dict[str, Callable[[MethodContext, PersonActions, Json], Awaitable[Json]]] = {
    "slash": _slash,
    "say": _say,
    "click": _click,
    "shortcut": _shortcut,
    "suggest": _suggest,
    "submit": _submit,
    "close": _close,
    "home": _home,
    "stop": _stop,
    "direct": _direct,
    "invite": _invite,
    "react": _react,
    "story": _story,
    "advance": _advance,
}
