"""A real Prometheus scrapes the running bot, and every query of the dashboard and every alert rule works on the result.

Needs Debian's package `prometheus`, which `.ci/run` installs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from emulator.demo import bot_process, connected, free_port
from emulator.logs import Line
from emulator.sandbox import sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.world import World, to_ns
from tests.support.waiting import LONGEST_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
PANELS = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))["panels"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]]
INTERVAL = "1m"
"""What Grafana would put for $__rate_interval."""


@pytest.mark.parametrize(("kind", "file"), [("rules", "alerts.yml"), ("config", "prometheus.yml")])
def test_promtool_accepts_the_files(kind: str, file: str) -> None:
    checked = subprocess.run(["promtool", "check", kind, FOLDER / file], capture_output=True, text=True, check=False)
    assert 0 == checked.returncode, checked.stdout + checked.stderr
    assert "SUCCESS" in checked.stdout


@asynccontextmanager
async def prometheus(folder: Path, bot_port: int) -> AsyncIterator[str]:
    """A server that scrapes the bot every second with our alert rules; its URL."""
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8").replace("127.0.0.1:9464", f"127.0.0.1:{bot_port}")
    text = text.replace("scrape_interval: 15s", "scrape_interval: 1s").replace("alerts.yml", f"{FOLDER}/alerts.yml")
    (folder / "prometheus.yml").write_text(f"global: {{evaluation_interval: 1s}}\n{text}", encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    process = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        f"--web.listen-address={address}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://{address}/api/v1"
    finally:
        process.terminate()
        await process.wait()


async def get(url: str, **params: str) -> Any:
    """The `data` of an answer of Prometheus; None while it starts."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url, params=params) as answer:
            return (await answer.json(content_type=None))["data"]
    except (aiohttp.ClientError, json.JSONDecodeError):
        return None


async def has_data(api: str, query: str) -> bool:
    found = await get(f"{api}/query", query=query.replace("$__rate_interval", INTERVAL))
    return found is not None and any(one["value"][1] != "NaN" for one in found["result"])


async def without_data(api: str) -> list[str]:
    """Wait until every query returns data; return those that never do."""
    missing = list(QUERIES)
    try:
        async with asyncio.timeout(LONGEST_S):
            while missing:
                missing = [query for query in missing if not await has_data(api, query)]
                await asyncio.sleep(1)
    except TimeoutError:
        pass
    return missing


async def test_prometheus_scrapes_the_running_bot(tmp_path: Path) -> None:
    world, port = World(), free_port()
    jobs = [world.add_training_job("proj", f"job{number}") for number in range(3)]
    slack = create_slack(limits=RateLimits(enabled=False))
    slack.sockets.ack_within_s = LONGEST_S
    async with sandbox(world, slack=slack) as on, prometheus(tmp_path, port) as api:
        own = {
            "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db",
            "TRAINWATCH_POLL_INTERVAL": "1s",
            "TRAINWATCH_CANARY_EVERY": "2s",
            "TRAINWATCH_HEALTH_PORT": str(port),
            "TRAINWATCH_LOG_LEVEL": "error",
        }
        async with bot_process({**on.settings, **own}, tmp_path) as process:
            await connected(on, process)
            for job in jobs:
                words = f"watch baseten:proj/{job.job_id}"
                await on.slack.person_actions.slash("ada", "#training", "/train", words, wait_s=LONGEST_S)

            async def log_errors() -> None:
                """An alert now and then, because a rate needs two samples."""
                for job in jobs:
                    job.log.append(Line(to_ns(datetime.now(UTC)), f"ERROR: {job.job_id} broke", "abc12", "ERROR"))
                    await asyncio.sleep(10)

            logging = asyncio.create_task(log_errors())
            assert [] == await without_data(api)
            await logging
            rules = [rule for group in (await get(f"{api}/rules"))["groups"] for rule in group["rules"]]
            assert len(rules) >= 10
            assert {"ok"} == {rule["health"] for rule in rules}
            assert [] == [
                rule["name"] for rule in rules if rule["state"] == "firing" and rule["name"] != "TrainwatchDown"
            ]
