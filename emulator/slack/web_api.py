"""The Web API over HTTP: `/slack/api/<method>`, the upload URL, and response URLs.

This is the gate: arguments, token, scope, rate limit and ordered failures. What a method does is in `methods/`.
"""

import asyncio
import json
from datetime import UTC, datetime
from email import policy
from email.parser import BytesParser
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from emulator.dates import http_date
from emulator.faults import end_connection
from emulator.slack.answers import apply_answer
from emulator.slack.faults import RESPONSE_URL, ConnectionLost
from emulator.slack.methods import agents, apps, chat, conversations, files, views
from emulator.slack.methods.call import Call, Method, MethodContext
from emulator.slack.model import Json, SlackError

METHODS: dict[str, Method] = {
    **agents.METHODS,
    **apps.METHODS,
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **views.METHODS,
}
_SECRET_ARGUMENTS = ("token",)


def routes(context: MethodContext) -> list[Route]:
    """The routes an app calls."""

    async def call_method(request: Request) -> Response:
        learn_base_url(context, request)
        name = request.path_params["method"]
        args = await merged_arguments(request)
        headers = {"X-OAuth-Scopes": ",".join(sorted(context.workspace.app.scopes))}
        headers["Date"] = http_date(datetime.fromtimestamp(context.workspace.clock(), UTC))
        method = METHODS.get(name)
        if method and method.scopes:
            headers["X-Accepted-OAuth-Scopes"] = ",".join(method.scopes)
        try:
            answer = await _answer(context, name, method, request, args)
        except SlackError as error:
            if error.retry_after_s is not None:
                headers["Retry-After"] = str(error.retry_after_s)
            body = {"ok": False, "error": error.code, **error.fields}
            return JSONResponse(body, status_code=error.status, headers=headers)
        except ConnectionLost:
            await end_connection(request.scope, request.receive, reset=True)
            return Response()  # nobody is there to read it
        return JSONResponse({"ok": True, **answer}, headers=headers)

    async def upload(request: Request) -> Response:
        file = context.workspace.files.get(request.path_params["file_id"])
        content = await _uploaded_bytes(request)
        if file is None or file.completed:
            return PlainTextResponse("upload not found", status_code=404)
        if len(content) != file.size:
            return PlainTextResponse("length does not match", status_code=400)
        file.content = content
        return PlainTextResponse(f"OK - {file.size}")

    async def download(request: Request) -> Response:
        file = context.workspace.files.get(request.path_params["file_id"])
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token != context.workspace.app.bot_token or "files:read" not in context.workspace.app.scopes:
            return HTMLResponse("<!DOCTYPE html><title>Sign in to Slack</title>")  # with HTTP 200
        if file is None or not file.completed:
            return PlainTextResponse("not found", status_code=404)
        return Response(file.content or b"", media_type=file.mimetype)

    return [
        Route("/slack/api/{method}", call_method, methods=["GET", "POST"]),
        Route("/slack/upload/{file_id}", upload, methods=["POST"]),
        Route("/slack/files-pri/{file_id}/download/{name}", download),
        Route("/slack/response/{key:path}", partial(_use_response_url, context), methods=["POST"]),
    ]


async def _use_response_url(context: MethodContext, request: Request) -> Response:
    try:
        body = json.loads(await request.body() or b"{}")
        if (fault := context.faults.take(RESPONSE_URL)) is not None:
            raise fault.as_error()
        ticket = context.interaction_tokens.use_response_url(request.path_params["key"], context.now)
        apply_answer(context.workspace, ticket, body)
    except ValueError:
        return PlainTextResponse("invalid_payload", status_code=400)
    except SlackError as error:
        status = error.status if error.status != 200 else 400
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        document = {"ok": False, "error": error.code, **error.fields}
        return JSONResponse(document, status_code=status, headers=headers)
    return PlainTextResponse("ok")


def learn_base_url(context: MethodContext, request: Request) -> None:
    """Remember the address of the emulator from the first request, unless configured."""
    if not context.base_url:
        context.base_url = str(request.base_url).rstrip("/")


async def merged_arguments(request: Request) -> Json:
    """Query, form and JSON in one; `slack_sdk` uses all three, depending on the method."""
    args: Json = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json"):
        body = json.loads(await request.body() or b"{}")
        args |= body if isinstance(body, dict) else {}
    elif kind.startswith("application/x-www-form-urlencoded"):
        args |= dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
    elif kind.startswith("multipart/form-data"):
        parts = _multipart(kind, await request.body())
        args |= {name: content.decode() for name, content in parts.items()}
    return {name: value for name, value in args.items() if value is not None}


async def _answer(context: MethodContext, name: str, method: Method | None, request: Request, args: Json) -> Json:
    context.calls.append((name, {key: value for key, value in args.items() if key not in _SECRET_ARGUMENTS}))
    if method is None:
        raise SlackError("unknown_method", req_method=name)
    _check_token(context, method, _token(request, args))
    context.limits.take_call(name, method.tier, context.now)
    fault = context.faults.take(name)
    if fault is None:
        return method.run(Call(context, args))
    await asyncio.sleep(fault.delay_s)
    if fault.is_applied:
        answer = method.run(Call(context, args))
        await asyncio.sleep(fault.answer_delay_s)
        if not fault.error:
            return answer
    raise fault.as_error()


def _token(request: Request, args: Json) -> str:
    header = request.headers.get("authorization", "")
    return header.removeprefix("Bearer ").strip() or str(args.get("token") or "")


def _check_token(context: MethodContext, method: Method, token: str) -> None:
    app = context.workspace.app
    if method.token is None:
        return
    if not token:
        raise SlackError("not_authed")
    if token not in (app.bot_token, app.app_token):
        raise SlackError("invalid_auth")
    if token != (app.app_token if method.token == "app" else app.bot_token):
        raise SlackError("not_allowed_token_type")
    if method.scopes and not app.scopes.intersection(method.scopes):
        raise SlackError("missing_scope", needed=method.scopes[0], provided=",".join(sorted(app.scopes)))


async def _uploaded_bytes(request: Request) -> bytes:
    kind, body = request.headers.get("content-type", ""), await request.body()
    if not kind.startswith("multipart/form-data"):
        return body
    return next(iter(_multipart(kind, body).values()), b"")


def _multipart(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a multipart form, by name."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    parts = BytesParser(policy=policy.HTTP).parsebytes(head + body).iter_parts()
    found: dict[str, bytes] = {}
    for part in parts:
        content = part.get_payload(decode=True)
        name = str(part.get_param("name", header="content-disposition"))
        found[name] = content if isinstance(content, bytes) else b""
    return found
