"""Fetching a long log with `trainwatch logs`, beside a bare client that makes the same requests, and beside a peer."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import httpx

from bench import peer
from bench.cloud import CREATED_AT, KEY, LONG, long_end_ms, long_line, running_cloud
from bench.measuring import in_turns, ran
from bench.report import Row, Section, megabytes
from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.logs import LogsCommand
from bot.providers.baseten.training import BasetenTraining
from bot.providers.http.client import HttpClient, HttpLimits, Limiter
from bot.providers.http.transport import AiohttpTransport
from bot.providers.registry import Registry, build_registry
from bot.redaction.redactor import Redactor
from bot.terminal.logs import print_logs
from bot.terminal.output import Output

LINES = 100_000
MANY_LINES = 5_000_000
HEADERS = {"Authorization": f"Api-Key {KEY}"}
FAST = {"requests_per_second": "10000", "concurrency": "32"}
"""The shipped limit of 50 requests a second would be what is measured."""

Identity = tuple[int, str, str | None]


def section(*, full: bool) -> Section:
    """All figures of fetching."""
    with running_cloud(LINES) as url:
        rows = _rows(url)
    with running_cloud(LINES, remember=True) as url:
        rows.append(_from_memory(url))
    if full:
        with running_cloud(MANY_LINES) as url:
            big = ran(_command(MANY_LINES), environment=_environment(url))
        speed = f"{MANY_LINES / big.seconds:,.0f} lines/s"
        rows += [
            Row(f"`trainwatch logs`, {MANY_LINES:,} lines, as a process", speed),
            Row("… its peak memory", megabytes(big.peak_bytes), target="< 120 MB", met=big.peak_bytes < 120e6),
        ]
    text = (
        f"{LINES:,} lines of an emulated Baseten job, in pages of 1,000 and bursts of seven a millisecond with true"
        " duplicates among them. The bare client replays the very requests over the same connections and decodes no"
        " body. The peer's algorithm starts the next page at the last millisecond + 1; its client prints each line"
        " through rich, ours writes pages. The emulator renders each answer, about 3 ms a page; the last row leaves"
        " even that away, so that nothing but our own work remains beside the transfer."
    )
    return Section("Fetching", text, rows)


def _rows(url: str) -> list[Row]:
    end_ms, start_ms = long_end_ms(LINES), int(CREATED_AT.timestamp() * 1000)
    requests = asyncio.run(_recorded(url))
    with _nowhere() as nowhere:
        took = in_turns(
            {
                "bare": lambda: asyncio.run(_bare(requests)),
                "ours": lambda: asyncio.run(_ours(url, Output(nowhere, nowhere))),
                "peer": lambda: peer.read(url, start_ms, end_ms, lambda line: None),
                "process": lambda: ran(_command(LINES), environment=_environment(url)),
            }
        )
        printing = in_turns({"peer": lambda: peer.read(url, start_ms, end_ms, peer.printed(nowhere))}, times=1)["peer"]
    run = ran([*_command(LINES), "--json"], environment=_environment(url))
    expected = Counter(_identity(number) for number in range(LINES))
    ours_lost, ours_twice = _compare(expected, _identities_of(run.output))
    found = peer.read(url, start_ms, end_ms, lambda line: None)
    lost, twice = _compare(expected, Counter((int(one.timestamp), one.message, one.replica) for one in found))

    def speed(name: str) -> str:
        return f"{LINES / took[name]:,.0f} lines/s"

    ours, process = took["ours"], took["process"]
    return [
        Row(
            "`trainwatch logs`, in process", speed("ours"), f"bare client, {len(requests)} requests", speed("bare"),
            ours / took["bare"], "≤ 1.4 of its time", ours <= 1.4 * took["bare"],
        ),
        Row(
            "`trainwatch logs`, in process", speed("ours"), "the peer as its client runs it",
            f"{LINES / printing:,.0f} lines/s", printing / ours, "≥ 5 times as fast", printing >= 5 * ours,
        ),
        Row(
            "`trainwatch logs`, in process", speed("ours"), "the peer's algorithm, printing nothing", speed("peer"),
            took["peer"] / ours,
        ),
        Row(
            "`trainwatch logs`, as a process", speed("process"), "the peer as its client runs it",
            f"{LINES / printing:,.0f} lines/s", printing / process,
        ),
        Row("… its peak memory", megabytes(run.peak_bytes), target="< 120 MB", met=run.peak_bytes < 120e6),
        Row("Lines lost", str(ours_lost), "the peer", str(lost), target="0", met=not ours_lost),
        Row("Lines doubled", str(ours_twice), "the peer", str(twice), target="0", met=not ours_twice),
    ]  # fmt: skip


def _from_memory(url: str) -> Row:
    """The same beside a server that takes no time: what our own work costs a line."""
    requests = asyncio.run(_recorded(url))
    with _nowhere() as nowhere:
        took = in_turns(
            {
                "bare": lambda: asyncio.run(_bare(requests)),
                "ours": lambda: asyncio.run(_ours(url, Output(nowhere, nowhere))),
            }
        )
    return Row(
        "in process, pages from the server's memory", f"{LINES / took['ours']:,.0f} lines/s", "bare client",
        f"{LINES / took['bare']:,.0f} lines/s", took["ours"] / took["bare"],
    )  # fmt: skip


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


class _Recorder(httpx.AsyncBaseTransport):
    """Sends, and remembers what was asked."""

    def __init__(self) -> None:
        self._inner = AiohttpTransport(HttpLimits().concurrency)
        self.urls: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.urls.append(str(request.url.copy_with(raw_path=request.extensions["target"])))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def _recorded(url: str) -> list[str]:
    """What `trainwatch logs` asks; as a side effect the cloud knows all answers."""
    recorder = _Recorder()
    limiter = Limiter(HttpLimits(requests_per_second=100_000))
    client = HttpClient("baseten", url, HEADERS, secrets=[], limiter=limiter, transport=recorder)
    with _nowhere() as nowhere:
        await _run(Registry({"baseten": BasetenTraining(client)}, {}), Output(nowhere, nowhere))
    return recorder.urls


async def _bare(urls: list[str]) -> None:
    async with httpx.AsyncClient(headers=HEADERS, transport=AiohttpTransport(HttpLimits().concurrency)) as client:
        for url in urls:
            response = await client.get(url)
            assert response.status_code == httpx.codes.OK


async def _ours(url: str, output: Output) -> None:
    config = {f"baseten_{name}": value for name, value in FAST.items()}
    await _run(build_registry({"baseten_api_key": KEY, "baseten_base_url": url, **config}), output)


async def _run(registry: Registry, output: Output) -> None:
    command = parse_argv(_command(LINES)[3:])
    assert isinstance(command, LogsCommand)
    provider, ref = registry.resolve(command.ref)
    try:
        await print_logs(provider, ref, command, output, Redactor([KEY]), datetime.now(UTC))
    finally:
        await registry.aclose()


def _command(lines: int) -> list[str]:
    until = datetime.fromtimestamp(long_end_ms(lines) / 1000, UTC).isoformat().replace("+00:00", "Z")
    return [sys.executable, "-m", "bot", "logs", LONG, "--all", "--end", until]


def _environment(url: str) -> dict[str, str]:
    limits = {f"BASETEN_{name.upper()}": value for name, value in FAST.items()}
    return {"BASETEN_API_KEY": KEY, "BASETEN_BASE_URL": url, **limits}


def _identity(number: int) -> Identity:
    line = long_line(number)
    return line.timestamp_ns, line.message, line.replica


def _identities_of(output: bytes) -> Counter[Identity]:
    found: Counter[Identity] = Counter()
    for text in output.splitlines():
        row = json.loads(text)
        second, _, fraction = row["timestamp"].removesuffix("Z").partition(".")
        seconds = int(datetime.fromisoformat(f"{second}+00:00").timestamp())
        found[seconds * 1_000_000_000 + int(fraction), row["message"], row["source"]] += 1
    return found


def _compare(expected: Counter[Identity], found: Counter[Identity]) -> tuple[int, int]:
    """Lost and doubled."""
    return (expected - found).total(), (found - expected).total()


if __name__ == "__main__":
    for row in section(full="--full" in sys.argv).rows:
        print(row)
