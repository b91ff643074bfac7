"""Commands in the README can be parsed, and links in all documents resolve."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands.parsing import parser
from bot.commands.parsing.mentions import read_mention
from bot.commands.subcommands.arguments import InputContext
from bot.commands.subcommands.spec import Subcommand
from bot.commands.subcommands.subscriptions import WatchCommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, ShellCommand
from bot.rules.settings import parse_settings

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
README = PAGES[0].read_text(encoding="utf-8")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CONTEXT = InputContext(datetime(2026, 3, 13, 12, tzinfo=UTC), job="baseten:p/j")
PLACEHOLDER = re.compile(r"\b[A-Z]{2,}\b|…")


def slash_commands() -> list[str]:
    return [text for text in re.findall(r"`/train ([^`]+)`", README) if not PLACEHOLDER.search(text)]


def shell_commands() -> list[str]:
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
    lines = (line.split(" | ")[0].split("  #")[0].strip() for line in blocks.splitlines())
    return [line for line in lines if re.match(r"(?:\.venv/bin/)?trainwatch ", line)]


def test_readme_has_examples_of_the_main_commands() -> None:
    named = {text.split()[0] for text in slash_commands()}
    assert {one.name for one in SLACK_TABLE} == named
    assert {"logs", "status", "watch", "scan", "check", "init", "serve"} == {
        line.split()[1] for line in shell_commands()
    }


@pytest.mark.parametrize("subcommand", SHELL_TABLE, ids=lambda one: one.name)
def test_every_shell_command_is_in_the_command_line_reference(subcommand: Subcommand[ShellCommand]) -> None:
    reference = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"`trainwatch {subcommand.name}" in reference


@pytest.mark.parametrize("text", slash_commands())
def test_slash_command_can_be_parsed(text: str) -> None:
    command = parser.parse(text, CONTEXT)
    if isinstance(command, WatchCommand):
        parse_settings(command.settings)


@pytest.mark.parametrize("text", re.findall(r"`@trainwatch ([^`]+)`", README))
def test_mention_can_be_parsed_in_the_thread_of_an_alert(text: str) -> None:
    command = parser.parse(read_mention(text, CONTEXT.job).command, CONTEXT)
    assert getattr(command, "ref", None) == CONTEXT.job


@pytest.mark.parametrize("line", shell_commands())
def test_shell_command_can_be_parsed(line: str) -> None:
    parser.parse_argv(shlex.split(line)[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    targets = [target.partition("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if target and "://" not in target]
    assert [] == [target for target in local if not (page.parent / target).exists()]


def test_images_are_small() -> None:
    images = list((ROOT / "docs" / "images").iterdir())
    assert images
    assert [] == [path.name for path in images if path.stat().st_size > 200_000]


def test_make_targets_in_readme_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:^\s*|`|\d )make ([a-z-]+)", README, re.MULTILINE)) <= targets
