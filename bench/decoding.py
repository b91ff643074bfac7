"""Decoding one page of Baseten's lines into ours, beside json and pydantic; and the start of the program."""

from __future__ import annotations

import json
import sys

from pydantic import BaseModel, TypeAdapter

from bench.cloud import long_line
from bench.measuring import in_turns, ran
from bench.report import Row, Section
from bot.domain.logs import LogLine, parse_level
from bot.providers.baseten.wire import parse_logs

LINES = 1_000
REPEATS = 50


class _Line(BaseModel):
    timestamp: int
    message: str | None = None
    replica: str | None = None
    request_id: str | None = None
    level: str | None = None


class _Page(BaseModel):
    logs: list[_Line]


def decoding() -> Section:
    """Rows a second."""
    body = _body()
    adapter = TypeAdapter(_Page)

    def with_json() -> list[LogLine]:
        return [
            LogLine(
                int(one["timestamp"]),
                one["message"],
                None,
                one["replica"],
                parse_level(one["level"]),
                one["request_id"],
            )
            for one in json.loads(body)["logs"]
        ]

    def with_pydantic() -> list[LogLine]:
        return [
            LogLine(one.timestamp, one.message or "", None, one.replica, parse_level(one.level), one.request_id)
            for one in adapter.validate_json(body).logs
        ]

    assert with_json() == with_pydantic() == parse_logs(body, "baseten")
    took = in_turns(
        {
            "ours": lambda: [parse_logs(body, "baseten") for _ in range(REPEATS)],
            "json": lambda: [with_json() for _ in range(REPEATS)],
            "pydantic": lambda: [with_pydantic() for _ in range(REPEATS)],
        },
        times=7,
    )

    def speed(name: str) -> str:
        return f"{LINES * REPEATS / took[name]:,.0f} rows/s"

    rows = [
        Row("Page to log lines", speed("ours"), name, speed(name), took[name] / took["ours"])
        for name in ("json", "pydantic")
    ]
    return Section("Decoding", "A page of 1,000 lines to `LogLine`s: msgspec into structs, then named tuples.", rows)


def starting() -> Section:
    """How long `trainwatch --help` takes."""
    took = in_turns(
        {
            "help": lambda: ran([sys.executable, "-m", "bot", "--help"]),
            "python": lambda: ran([sys.executable, "-c", "pass"]),
        },
        times=9,
    )
    ratio = took["help"] / took["python"]
    row = Row(
        "`trainwatch --help`", f"{1000 * took['help']:,.0f} ms", "Python that does nothing",
        f"{1000 * took['python']:,.0f} ms", ratio, "≤ 15 times its time", ratio <= 15,
    )  # fmt: skip
    return Section("Starting", "From the shell's call to the process's end.", [row])


def _body() -> bytes:
    lines = [long_line(number) for number in range(LINES)]
    rows = [
        {"timestamp": str(n.timestamp_ns), "message": n.message, "replica": n.replica, "level": n.level,
         "request_id": None}
        for n in lines
    ]  # fmt: skip
    return json.dumps({"logs": rows}).encode()


if __name__ == "__main__":
    for row in (*decoding().rows, *starting().rows):
        print(row)
