"""A cloud for the benchmarks in a separate process: the emulator behind aiohttp's parser.

With `remember` each answer is computed once and its bytes are handed out again, so that what is measured is the client
and not an emulator that renders JSON. `running_cloud` starts it; `python -m bench.cloud` is it.

What it holds: one finished job with a long log (`LONG`), in bursts of seven lines in a millisecond, and any number of
running jobs that log nothing (`quiet_ref`), each with eight GPUs and twenty series of metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import httpx
from aiohttp import web

from emulator.hardware_metrics import Metrics, steady_node
from emulator.logs import Line, Script
from emulator.server import Keys, vendors
from emulator.world import Status, World, to_ns

KEY = Keys().baseten
LONG = "baseten:bench/long"
LOGS_PATH = "/v1/training_projects/bench/jobs/long/logs"
PER_BURST = 7
BURST_EVERY_MS = 50
CREATED_AT = datetime(2026, 11, 1, tzinfo=UTC)
"""When the long log begins."""
_TEMPLATE = "quiet00000"
_FRESH_S = 5.0
"""How long an answer about a quiet job is given again: its metrics have times."""


def quiet_ref(number: int) -> str:
    """The id of a quiet job."""
    return f"bench/quiet{number:05}"


def long_line(number: int) -> Line:
    """Line `number` of the long log; the last of each burst repeats the one before it, a true duplicate."""
    burst, position = divmod(number, PER_BURST)
    shown = number - (position == PER_BURST - 1)
    at_ns = to_ns(CREATED_AT) + burst * BURST_EVERY_MS * 1_000_000 + min(position, PER_BURST - 2)
    message = f"step {shown} | loss {2.5 - shown % 997 / 1000:.4f} | lr 3.0e-04 | grad_norm {shown % 89 / 10:.2f} | ok"
    return Line(at_ns, message, f"node{shown % 4}", "INFO" if shown % 3 else None)


def long_end_ms(lines: int) -> int:
    """Shortly after the last line."""
    return to_ns(CREATED_AT) // 1_000_000 + (lines // PER_BURST + 2) * BURST_EVERY_MS


class _Answers:
    """What was answered before, by request; what was not is asked of the emulator."""

    def __init__(self, lines: int, *, remember: bool) -> None:
        self._remember = remember
        world = World()
        ended = CREATED_AT + timedelta(milliseconds=lines // PER_BURST * BURST_EVERY_MS)
        statuses = [
            Status(CREATED_AT, "TRAINING_JOB_RUNNING"),
            Status(ended, "TRAINING_JOB_COMPLETED"),
        ]
        world.add_training_job("bench", "long", lines=Script(lines, long_line), statuses=statuses)
        world.add_training_job("bench", _TEMPLATE, metrics=Metrics({"node-0": steady_node()}))
        transport = httpx.ASGITransport(vendors(world))
        self._emulator = httpx.AsyncClient(transport=transport, base_url="http://bench", timeout=60)
        self._known: dict[str, tuple[float, int, bytes]] = {}

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        quiet = "/quiet" in request.path
        job_id = request.path.split("/")[6] if quiet else ""
        target = request.path.replace(job_id, _TEMPLATE) if quiet else request.raw_path
        target += f"?step_seconds={request.query.get('step_seconds', 15)}" if quiet else ""
        known = self._known.get(target)
        if known is None or (quiet and time.monotonic() - known[0] > _FRESH_S):
            known = await self._ask(request, target, quiet=quiet)
        body = known[2].replace(_TEMPLATE.encode(), job_id.encode()) if quiet else known[2]
        return web.Response(body=body, status=known[1], content_type="application/json")

    async def _ask(self, request: web.BaseRequest, target: str, *, quiet: bool) -> tuple[float, int, bytes]:
        url = target
        if quiet and "/metrics" in target:
            end_ms = time.time_ns() // 1_000_000
            window = f"start_epoch_millis={end_ms - 240_000}&end_epoch_millis={end_ms}"
            url += ("&" if "?" in url else "?") + window
        reply = await self._emulator.request(
            request.method, url, headers={"Authorization": f"Api-Key {KEY}"}, content=await request.read()
        )
        answer = (time.monotonic(), reply.status_code, reply.content)
        if reply.status_code == HTTPStatus.OK and (quiet or self._remember):
            self._known[target] = answer
        return answer


async def _serve(lines: int, *, remember: bool) -> None:
    server = web.Server(_Answers(lines, remember=remember).answer, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    print(f"http://127.0.0.1:{port}/baseten", flush=True)
    await asyncio.Event().wait()


@contextmanager
def running_cloud(lines: int = 1000, *, remember: bool = False) -> Iterator[str]:
    """Start one; its base URL for Baseten.

    Args:
        lines: of the long log.
        remember: give pages of the long log again instead of rendering them again; quiet jobs' answers always are.
    """
    command = [sys.executable, "-m", "bench.cloud", "--lines", str(lines), *(["--remember"] if remember else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", type=int, required=True)
    parser.add_argument("--remember", action="store_true")
    given = parser.parse_args()
    asyncio.run(_serve(given.lines, remember=given.remember))
