"""The real bot sends a failed job to PagerDuty, and what people do about it in Slack. No secret is stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from emulator.demo import bot_process, connected
from emulator.sandbox import sandbox
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.world import Status, World
from tests.acceptance.program import Machine
from tests.support.waiting import LONGEST_S, eventually

ROUTING_KEY = "demo-pagerduty-routing-key-0123456"
BUTTON = "trainwatch_acknowledge"


async def test_a_failed_job_pages_and_is_acknowledged_from_slack(tmp_path: Path) -> None:
    world = World()
    began = datetime.now(UTC) - timedelta(minutes=5)
    job = world.add_training_job("proj", "job1", statuses=[Status(began, "TRAINING_JOB_RUNNING")])
    async with sandbox(world, slack=create_slack(limits=RateLimits(enabled=False))) as on:
        (tmp_path / "webhooks.toml").write_text(
            f'[oncall]\nkind = "pagerduty"\nurl = "{on.url}/pagerduty/v2/enqueue"\nseverity = "page"\n'
        )
        (tmp_path / "key").write_text(f"{ROUTING_KEY}\n")
        settings = {
            **on.settings,
            "TRAINWATCH_POLL_INTERVAL": "1s",
            "DATABASE_URL": f"sqlite:///{tmp_path}/bot.db",
            "TRAINWATCH_WEBHOOKS": str(tmp_path / "webhooks.toml"),
            "TRAINWATCH_WEBHOOK_ONCALL_SECRET_FILE": str(tmp_path / "key"),
        }
        async with bot_process(settings, tmp_path) as process:
            await connected(on, process)
            person = on.slack.person_actions
            await person.slash("ada", "#training", "/train", "watch baseten:proj/job1", wait_s=LONGEST_S)
            shown = await person.slash("ada", "#training", "/train", "notify", wait_s=LONGEST_S)
            assert "`oncall` from page on" in shown.text
            job.history.add(datetime.now(UTC), "TRAINING_JOB_FAILED", "exit code 1")
            await eventually(lambda: list(on.pagerduty.incidents.values()) == ["triggered"])
            channel = on.slack.workspace.channel("#training")
            root = await person.until(
                lambda: next((one for one in channel.messages if BUTTON in str(one.blocks)), None)
            )
            await person.click("ada", root, BUTTON, wait_s=LONGEST_S)
            await eventually(lambda: list(on.pagerduty.incidents.values()) == ["acknowledged"])
        checked = await Machine(on, tmp_path, settings).run("check")
        assert "webhooks.toml is valid" in checked.text
        assert ROUTING_KEY not in checked.text + checked.err
    assert ROUTING_KEY.encode() not in stored_bytes(tmp_path)


def stored_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("bot.db*"))
