"""`trainwatch serve` in HTTP mode answers signed requests and rejects others."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from pathlib import Path

import httpx

from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from tests.acceptance.program import machine_at
from tests.support.waiting import LONGEST_S


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def test_signed_requests_are_answered_and_others_rejected(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/slack/events"
    async with httpx.AsyncClient() as client:
        slack = create_slack(request_url=address, limits=RateLimits(enabled=False), http_client=client)
        async with machine_at(tmp_path, slack=slack) as machine:
            machine.world.add_training_job("proj", "job1")
            mode = {"TRAINWATCH_SLACK_MODE": "http", "TRAINWATCH_HTTP_PORT": str(port), "SLACK_APP_TOKEN": ""}
            process = await machine.start("serve", **mode)
            try:
                await wait_until_listening(port)
                unsigned = await client.post(address, data={"command": "/train", "text": "jobs"})
                seen = await slack.person_actions.slash(
                    "ada", "#training", "/train", "status baseten:proj/job1", wait_s=LONGEST_S
                )
            finally:
                process.send_signal(signal.SIGTERM)
                _, errors = await asyncio.wait_for(process.communicate(), LONGEST_S)
    assert 401 == unsigned.status_code
    assert "job1" in seen.text
    assert 0 == process.returncode, errors


async def wait_until_listening(port: int) -> None:
    async with asyncio.timeout(LONGEST_S):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
