"""How another client reads the same log: its algorithm, rewritten from the description of its behaviour.

Pages of 1,000 in windows of two hours; the next page starts one millisecond after the last line's, so lines that share
the last millisecond of a full page are lost; the first empty window ends the log. A synchronous client, json, one model
a line; and each line is printed by itself through rich, in local time to the second.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from datetime import datetime
from typing import IO
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from bench.cloud import KEY, LOGS_PATH

WINDOW_MS = 2 * 3600 * 1000
PAGE_LINES = 1000


class Line(BaseModel):
    """A line as that client keeps it."""

    timestamp: str
    message: str
    replica: str | None


def read(url: str, start_ms: int, end_ms: int, show: Callable[[Line], object]) -> list[Line]:
    """All lines that this algorithm finds, each shown as it comes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    found: list[Line] = []
    while start_ms < end_ms:
        query = {
            "start_epoch_millis": start_ms,
            "end_epoch_millis": min(start_ms + WINDOW_MS, end_ms),
            "direction": "asc",
            "limit": PAGE_LINES,
        }
        headers = {"Authorization": f"Api-Key {KEY}"}
        connection.request("GET", f"{parts.path}{LOGS_PATH}?{urlencode(query)}", headers=headers)
        raw = json.loads(connection.getresponse().read())["logs"]
        if not raw:
            break
        lines = [Line(timestamp=one["timestamp"], message=one["message"], replica=one["replica"]) for one in raw]
        for line in lines:
            show(line)
        found += lines
        start_ms = int(lines[-1].timestamp) // 1_000_000 + 1
    connection.close()
    return found


def printed(out: IO[str]) -> Callable[[Line], None]:
    """Print as that client does."""
    console = Console(file=out, width=200)

    def show(line: Line) -> None:
        stamp = datetime.fromtimestamp(int(line.timestamp) / 1e9).strftime("%Y-%m-%d %H:%M:%S")  # noqa: DTZ006 - its way
        text = Text(f"[{stamp}]: ", style="blue")
        text += Text(f"({line.replica}) " if line.replica else "", style="green")
        console.print(text + Text(line.message.strip(), style="white"))

    return show
