"""Every command in the documents can be parsed, and those about the demo's jobs work there as written."""

from __future__ import annotations

import gzip
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands.answers import Asker, ErrorAnswer
from bot.commands.channel_runner import ChannelRunner
from bot.commands.parsing import parser
from bot.commands.parsing.mentions import read_mention
from bot.commands.runner import CommandRunner
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.subscriptions import WatchCommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, SlackCommand
from bot.providers.registry import build_registry
from bot.redaction.redactor import Redactor
from bot.rules.settings import parse_settings
from bot.slack.render.answers import render
from bot.store.migrate import upgrade
from bot.store.store import open_store
from emulator.stories import start_stories
from tests.acceptance.program import Machine, machine_at
from tests.docs.documents import AS_SLACK_SENDS, PLACEHOLDERS, TypedCommand, typed_commands

CONTEXT = InputContext(datetime(2026, 3, 13, 12, tzinfo=UTC), job="baseten:p/j")
COMMANDS = typed_commands()
ELSEWHERE = re.compile(r"acme:|acme\.example|baseten:abc|lq4j9zm|webhook o")
"""Jobs and webhooks that the demo does not have."""
NOT_RUN = re.compile(r"^(?:mcp|serve|init|watch|top|check|scan -$|jobs mine|jobs baseten mine)|--follow|--png|--svg")
"""Commands that ask, never end, read standard input, need a person's settings, or start a process to draw."""
LONG_REPLAY = re.compile(r"^rules test (?!.*--since (?:3h|30m)\b)")
"""Replays of more than the past hours take seconds each; shorter ones are run."""
FAILED_RUN = "step 1 loss 2.5\n[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB\n"
ASKER = Asker("U0ADA", "C0TRAIN", email="ada@acme.example")


def read(command: TypedCommand, context: InputContext = CONTEXT) -> SlackCommand:
    """Parse what follows `/train` or a mention, as Slack sends it."""
    text = re.sub(r"[@#][\w-]+", lambda name: AS_SLACK_SENDS.get(name[0], name[0]), command.text)
    return parser.parse(text if command.prefix == "/train" else read_mention(text, context.job).command, context)


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_command_can_be_parsed(command: TypedCommand) -> None:
    table = SHELL_TABLE if command.prefix == "trainwatch" else SLACK_TABLE
    if command.text in {one.name for one in table}:
        return
    if command.prefix == "trainwatch":
        parser.parse_argv(shlex.split(command.text))
    elif isinstance(parsed := read(command), WatchCommand):
        parse_settings(parsed.settings)


def test_every_subcommand_is_documented() -> None:
    for prefix, table in (("/train", SLACK_TABLE), ("trainwatch", SHELL_TABLE)):
        named = {one.text.split()[0] for one in COMMANDS if one.prefix == prefix}
        assert {one.name for one in table} <= named


def test_placeholders_are_replaced_by_jobs_of_the_demo() -> None:
    assert any(PLACEHOLDERS["REF"] in one.text for one in COMMANDS if not one.as_written)
    assert not [str(one) for one in COMMANDS if re.search(r"\b(?:REF|PATTERN|TIME|FILE)\b", one.text)]


async def test_commands_work_in_the_demo(tmp_path: Path) -> None:
    async with machine_at(tmp_path) as machine:
        start = datetime.now(UTC)
        machine.world.clock = lambda: start  # the stories stay at their first second, however slow this machine is
        start_stories(machine.world, start)
        write_logs(tmp_path)
        problems = [*await run_in_slack(machine), *await run_in_shell(machine)]
    assert problems == []


async def run_in_slack(machine: Machine) -> list[str]:
    """Run each slash command in one channel, in the order of the documents; returns what failed."""
    await upgrade(machine.environment["DATABASE_URL"])
    store = await open_store(machine.environment["DATABASE_URL"])
    registry = build_registry(machine.environment)
    runner = ChannelRunner(CommandRunner(registry, lambda: datetime.now(UTC), Redactor()), store)
    problems = []
    for typed in sorted(commands_to_run("/train"), key=ends_something):
        command = await runner.resolve(read(typed, InputContext(datetime.now(UTC))), ASKER)
        answer = command if isinstance(command, ErrorAnswer) else await runner.run(command.command, ASKER)
        problems += [f"{typed}: {answer.public}"] if isinstance(answer, ErrorAnswer) else []
        assert render(answer).text
    await registry.aclose()
    await store.aclose()
    return problems


async def run_in_shell(machine: Machine) -> list[str]:
    """Run each command of the shell; returns what failed."""
    problems = []
    for typed in commands_to_run("trainwatch"):
        if NOT_RUN.search(typed.text):
            continue
        ended = await machine.call(*shlex.split(typed.text))
        expected = (3,) if "--exit-code" in typed.text else (0,)
        problems += [f"{typed}: exit code {ended.code}: {ended.err}"] if ended.code not in expected else []
    return problems


def commands_to_run(prefix: str) -> list[TypedCommand]:
    """The commands of a frontend about jobs of the demo; not those that only name a subcommand."""
    with_arguments = {one.name for one in (*SLACK_TABLE, *SHELL_TABLE) if "REF" in one.positionals}
    names = {*with_arguments, "scan", "silence"}
    passed_over = (ELSEWHERE.search, LONG_REPLAY.search, names.__contains__)
    return [one for one in COMMANDS if one.prefix == prefix and not any(is_for(one.text) for is_for in passed_over)]


def ends_something(typed: TypedCommand) -> bool:
    """Whether a command undoes what another one of the documents did, so that it must come after it."""
    return typed.text.startswith(("unwatch", "silence end"))


def write_logs(folder: Path) -> None:
    """The log files that the examples name."""
    for name in ("train.log", "rank_0.log", "rank_1.log", "logs/job.log", "dumps/job.log", "other/deep/job.err"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(FAILED_RUN, encoding="utf-8")
    (folder / "slurm-1234.out.gz").write_bytes(gzip.compress(FAILED_RUN.encode()))
