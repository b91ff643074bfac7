"""The `Date` header of answers, where the server adds none, because an emulated vendor may keep a separate clock."""

from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def http_date(at: datetime) -> str:
    """A time as in HTTP headers, to the second: ``Sun, 29 Nov 2026 20:00:00 GMT``."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def with_date(app: ASGIApp) -> ASGIApp:
    """Date answers by the system clock unless the app has dated them; uvicorn would add a second date."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("date", http_date(datetime.now(UTC)))
            await send(message)

        await app(scope, receive, send_dated)

    return wrapped
