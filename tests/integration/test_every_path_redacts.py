"""One secret is driven through every path: no answer, alert, file, row of the database or log of the bot shows it."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands.parsing.parser import parse_argv
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.shell import FollowCommand
from bot.commands.subcommands.table import SharedCommand
from bot.domain.jobs import JobState
from bot.domain.logs import Level
from bot.domain.metrics import MetricPoint, MetricSeries
from bot.logging_config import configure_logging
from bot.redaction.redactor import HIDDEN, Redactor
from bot.settings import Settings
from bot.terminal.app import Session
from bot.terminal.downloads import download
from bot.terminal.output import Output
from tests.fakes.clock import ManualClock
from tests.fakes.provider import FakeDownloadProvider, FakeProvider, registry_of
from tests.integration.polling import DATABASE, create_poller, poll_until_idle
from tests.integration.slack_harness import SlackHarness
from tests.support.waiting import eventually
from tests.unit.slack.factories import NOW, REF, job, line

MARK = "q7Zk29dVx41LmP8s"
"""In every form of the secret; nothing that leaves the process may contain it."""
TOKEN = f"hf_{MARK}aB3aB3aB3aB3aB3aB3"
FORMS = (
    TOKEN,
    f"DB_PASS={MARK}",
    f"postgres://me:{MARK}/x@db:5432/train",
    f"mysql -u root -p{MARK} train",
    f"curl -u me:{MARK} https://example.com",
    f'{{"password": "{MARK}"}}',
    f"X-Vault-Token: s.{MARK}aB3aB3aB",
)
LINES = [
    *(line(f"ERROR: request failed: {form}", number / 60, level=Level.ERROR) for number, form in enumerate(FORMS, -90)),
    line("ERROR: settings:\n  api_key:", -1.2, level=Level.ERROR),
    line(f"   '{MARK}'", -1.2),
    line(f"ERROR: sent {TOKEN[:14]}", -1.1, level=Level.ERROR),
    line(TOKEN[14:], -1.1),
    line(f"RuntimeError: CUDA error: {TOKEN}", -1, level=Level.ERROR, replica=f"pod-{TOKEN}"),
    line("step 10 loss 2.5", -0.5),
]
SERIES = [MetricSeries("gpu_utilization_ratio", (MetricPoint(0.5, at=NOW),), node=f"node-{TOKEN}")]


def leaky_provider() -> FakeDownloadProvider:
    """A platform that shows the secret wherever it can."""
    leaky = replace(
        job(JobState.RUNNING),
        name=f"run {TOKEN}",
        error=f"failed with {TOKEN}",
        vendor_status=f"RUNNING {TOKEN}",
        user=f"ada {TOKEN}",
        details=(("Image", f"x:{TOKEN}"),),
    )
    artifact = "\n".join(one.message for one in LINES).encode()
    return FakeDownloadProvider(LINES, name="baseten", jobs={REF.id: leaky}, series=SERIES, artifact=artifact)


SLACK_COMMANDS = (
    f"logs {REF}",
    f"logs {REF} --all",
    f"logs {REF} --include failed --public",
    f"logs {REF} --around 2026-03-13T14:01:00Z",
    f"status {REF}",
    f"diagnose {REF}",
    f"metrics {REF}",
    "jobs",
    f"watch {REF}",
    f"watch {REF} log_errors.ignore={TOKEN}",
    f"rules test {REF}",
    "rules",
    f"silence 1h {REF} --reason 'because of {TOKEN}'",
    f"silence 40d {REF} --reason 'because of {TOKEN}'",
    "list",
    f"status {TOKEN}",
    f"{TOKEN}",
    "audit",
)
SHELL_COMMANDS = (
    ("logs", str(REF), "--all"),
    ("logs", str(REF), "--all", "--json"),
    ("logs", str(REF), "--around", "2026-03-13T14:01:00Z"),
    ("status", str(REF)),
    ("status", str(REF), "--json"),
    ("diagnose", str(REF)),
    ("diagnose", str(REF), "--json"),
    ("metrics", str(REF)),
    ("metrics", str(REF), "--json"),
    ("jobs",),
    ("jobs", "--json"),
    ("rules", "test", str(REF)),
    ("status", TOKEN),
)


def rows_of(folder: Path) -> str:
    """Every row of every table."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608
    return "\n".join(repr(row) for row in rows)


def sent_by(harness: SlackHarness) -> str:
    """Every message with all its versions, every file, and what people saw alone."""
    workspace = harness.slack.workspace
    return repr(vars(workspace)) + "".join(file.text for file in workspace.files.values())


async def test_no_path_in_slack_shows_the_secret(harness: SlackHarness, tmp_path: Path) -> None:
    harness.provider.__dict__.update(leaky_provider().__dict__)
    seen = [await harness.command(text) for text in SLACK_COMMANDS]
    await eventually(lambda: not len(harness.listeners.tasks))
    answers = {text: repr(one.changes) for text, one in zip(SLACK_COMMANDS, seen, strict=True)}
    assert [] == [text for text, shown in answers.items() if MARK in shown]
    assert sum(shown.count(HIDDEN) for shown in answers.values()) > len(FORMS)
    assert MARK not in sent_by(harness)
    assert MARK not in rows_of(tmp_path)


async def test_no_alert_shows_the_secret(harness: SlackHarness, tmp_path: Path) -> None:
    provider, clock = leaky_provider(), ManualClock(NOW)
    harness.provider.__dict__.update(provider.__dict__)
    await harness.command(f"watch {REF}")
    poller = create_poller(harness.store, clock, provider)
    try:
        await poll_until_idle(poller)
    finally:
        await poller.stop()
    await harness.deliver()
    assert len(harness.channel().messages) > 1
    assert HIDDEN in sent_by(harness)
    assert MARK not in sent_by(harness)
    assert MARK not in rows_of(tmp_path)


@pytest.mark.parametrize("argv", SHELL_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("colour", [True, False])
async def test_no_command_of_the_shell_shows_the_secret(argv: tuple[str, ...], *, colour: bool) -> None:
    out, err = io.StringIO(), io.StringIO()
    runner = CommandRunner(registry_of(leaky_provider()), lambda: NOW, Redactor())
    command = parse_argv(argv)
    assert isinstance(command, LogsCommand | FollowCommand | SharedCommand)
    await Session(runner, Output(out, err, colour=colour, width=120)).run(command)
    assert MARK not in out.getvalue() + err.getvalue()


@pytest.mark.parametrize("provider", [leaky_provider(), FakeProvider(LINES, name="baseten")], ids=["file", "lines"])
async def test_no_download_shows_the_secret(tmp_path: Path, provider: FakeProvider) -> None:
    command = parse_argv(("logs", str(REF), "--all", "--download", str(tmp_path / "run.log")))
    assert isinstance(command, LogsCommand)
    err = io.StringIO()
    await download(provider, REF, command, Output(io.StringIO(), err), Redactor(), NOW)
    saved = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert MARK not in saved + err.getvalue()
    assert HIDDEN in saved
    assert "secrets hidden" in err.getvalue()


def test_the_bot_s_own_log_does_not_show_the_secret(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:]
    configure_logging(Settings(trainwatch_log_format="json"))
    try:
        try:
            raise RuntimeError(f"cannot connect to postgres://me:{MARK}@db")
        except RuntimeError:
            extra = {"reason": TOKEN, "nested": {"a": [TOKEN]}, "several": [f"password={MARK}"]}
            logging.getLogger("bot").exception("failed for %s", TOKEN, extra=extra)
    finally:
        logging.getLogger().handlers[:] = before
    printed = capsys.readouterr().err
    assert json.loads(printed)["level"] == "error"
    assert MARK not in printed
