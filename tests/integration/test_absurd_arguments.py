"""Every argument of every command, with absurd values: always an answer or a usage error, in both frontends.

The arguments come from the command table, so a new option is tried without a change here. The slow tier has all values.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from functools import cache
from pathlib import Path

import pytest

from bot.commands.answers import Answer, Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing.parser import parse, parse_argv
from bot.commands.parsing.tokenizer import quote
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.logs import LogsAnswer, LogsCommand
from bot.commands.subcommands.spec import Frontend, Option, Subcommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, SharedCommand
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.metrics import MetricSeries
from bot.errors import UsageError
from bot.redaction.redactor import Redactor
from bot.rules.catalog import RULES
from bot.rules.diagnosis_config import DiagnosisConfig, shipped_diagnosis_config
from bot.slack.render.answers import render
from bot.store.store import Store
from bot.terminal.app import Session
from bot.terminal.exit_codes import ExitCode
from bot.terminal.output import Output
from tests.fakes.provider import NOW, FakeProvider, registry_of
from tests.integration.slack_harness import step_lines
from tests.unit.slack.validity import problems

REF = "mem:run/1"
ABSURD = (
    "", " ", "0", "0h", "-1", "-1h", "-99999999h", "1" + "0" * 30, "9" * 5000, "1e400", "1.5", "NaN", "inf",
    "99999999h", "999999h", "3000000d", "P99999999D", "PT1H", "P1Y", "1h" * 500, "٣", "٣h", "\uff11\uff12", "²",
    "0001-01-01", "1969-12-31", "1970-01-01T00:00:00Z", "2261-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    "2026-02-30", "24:00", "now", "1764400000", "1764400000123", "1" * 19, "0-9999999", "3-1", "0-3,9", ",", "-",
    "\x00", "\ud800", "\u2212", "💥", "`", "<!channel>", "%s%n", "../../etc/passwd", "$(id)", "(?i", "a" * 300,
)  # fmt: skip
NEEDED = {"--context": ("--around", "2026-03-13T11:00:00Z"), "--skip": ("--before", "2026-03-13T11:00:00Z")}
"""Options that are valid only together with another one, in `logs`."""
PARAMETERS = {one.unit: f"{rule.name}.{one.name}" for rule in RULES for one in rule.parameters}
"""One parameter of each unit, because all of a unit are read alike."""
CONTEXT = InputContext(NOW, UTC)


def command_lines(
    table: Sequence[Subcommand[object]], frontend: Frontend, values: Sequence[str]
) -> Iterator[tuple[str, ...]]:
    """Each argument of each command with each value."""
    for row in table:
        base = (row.name, *((REF,) if row.positionals.startswith("REF") else ()))
        for value in values:
            yield row.name, value
            yield *base, value
            for option in row.options_of(frontend):
                yield from _with_option(base, option, value)
            yield from _with_words(row.name, value)


def _with_option(base: tuple[str, ...], option: Option, value: str) -> Iterator[tuple[str, ...]]:
    if option.value is None:
        yield *base, f"{option.name}={value}"
        return
    companions = NEEDED.get(option.name, ()) if base[0] == "logs" else ()
    start = (base[0], "2h") if base[0] == "silence" else base
    yield *start, *companions, option.name, value
    yield *start, *companions, f"{option.name}={value}"


def _with_words(name: str, value: str) -> Iterator[tuple[str, ...]]:
    """Arguments that are words and not options."""
    match name:
        case "silence":
            yield name, value, REF
            yield name, "end", value
        case "notify":
            for setting in ("page", "warn", "reminders", "quiet", "owner", "me"):
                yield name, setting, value
        case "rules" | "watch":
            words = (name, "test", REF) if name == "rules" else (name, REF)
            yield *words, f"severity={value}"
            yield *words, f"{RULES[0].name}={value}"
            yield from ((*words, f"{parameter}={value}") for parameter in PARAMETERS.values())


@cache
def config() -> DiagnosisConfig:
    """The shipped rules, compiled once."""
    return shipped_diagnosis_config()


def names(table: Sequence[Subcommand[object]]) -> list[str]:
    return [row.name for row in table]


def provider() -> FakeProvider:
    """A platform with lines and metrics of a young job."""
    job = Job(JobRef("mem", "run/1"), JobState.RUNNING, "RUNNING", created_at=NOW - timedelta(minutes=1))
    return FakeProvider(step_lines(20), jobs={job.ref.id: job}, series=[MetricSeries("gpu_utilization_ratio", ())])


async def type_in_slack(name: str, values: Sequence[str], store: Store) -> None:
    """Type each argument of a command with each value; check that each answer is one that Slack accepts."""
    runner = ChannelRunner(CommandRunner(registry_of(provider()), lambda: NOW, Redactor(), config), store)
    asker = Asker("U0ADA", "C0TRAIN", "T1")
    rows = [row for row in SLACK_TABLE if row.name == name]
    answers = 0
    for words in command_lines(rows, Frontend.SLACK, values):
        text = " ".join([words[0], *map(quote, words[1:])])
        try:
            command = parse(text, CONTEXT)
        except UsageError as problem:
            answer: Answer = ErrorAnswer(problem.public, problem.usage)
        else:
            resolved = await runner.resolve(command, asker)
            answer = resolved if isinstance(resolved, ErrorAnswer) else await runner.run(resolved.command, asker)
        assert problems(render(answer)) == [], text[:200]
        if isinstance(answer, LogsAnswer) and answer.file is not None:
            answer.file.close()
        answers += 1
    assert answers >= len(values)


async def type_in_shell(name: str, values: Sequence[str]) -> None:
    """Type each argument of a command with each value; check that each exit code and message is a usual one."""
    rows = [row for row in SHELL_TABLE if row.name == name]
    for words in command_lines(rows, Frontend.SHELL, values):
        out, err = io.StringIO(), io.StringIO()
        session = Session(CommandRunner(registry_of(provider()), lambda: NOW, Redactor(), config), Output(out, err))
        try:
            command = parse_argv(words, CONTEXT)
        except UsageError:
            continue
        if isinstance(command, LogsCommand | SharedCommand) and not getattr(command, "follow", False):
            with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
                code = await session.run(command)
            assert code in (ExitCode.OK, ExitCode.FAILED, ExitCode.USAGE), words
            assert code == ExitCode.OK or err.getvalue().startswith("trainwatch: "), words
            assert "Traceback" not in err.getvalue()


@pytest.mark.parametrize("name", names(SLACK_TABLE))
async def test_each_command_in_slack_is_answered(name: str, store: Store) -> None:
    await type_in_slack(name, ABSURD[::4], store)


@pytest.mark.parametrize("name", names(SHELL_TABLE))
async def test_each_command_in_a_shell_is_answered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    await type_in_shell(name, ABSURD[::2])
