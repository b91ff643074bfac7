"""Help in a terminal: it fits any width, explains itself without the repository, and completes in shells."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.spec import Frontend
from bot.commands.subcommands.table import HelpCommand, subcommands
from bot.errors import UsageError
from bot.terminal.completion import completion_script
from bot.terminal.help import help_page
from bot.terminal.render.markdown import markdown_text
from bot.terminal.topics import TOPICS, cut_section, read_topic

NAMES = [one.name for one in subcommands(Frontend.SHELL)]
WIDTHS = [40, 60, 80, 120]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("topic", [None, *NAMES])
def test_help_is_wrapped_between_words(topic: str | None, width: int) -> None:
    page, widest = help_page(HelpCommand(topic), width), help_page(HelpCommand(topic), 1000)
    for line in page.splitlines():
        assert len(line) <= width or len(line.split()) <= 2
    assert words(page) == words(widest)


def words(page: str) -> list[str]:
    return [word for word in page.split() if word != "\\"]


@pytest.mark.parametrize("width", WIDTHS)
def test_examples_can_be_copied_at_any_width(width: int) -> None:
    page = help_page(HelpCommand("logs"), width)
    _, examples = page.split("Examples:\n")
    blocks = examples.replace("\\\n", " ").splitlines()
    commands = [line for line in blocks if line.startswith("  trainwatch")]
    assert len(commands) >= 5
    for command in commands:
        assert not isinstance(parse_argv(shlex.split(command)[1:]), HelpCommand)


def test_overview_shows_its_own_options_and_topics() -> None:
    page = help_page(HelpCommand(), 80)
    for text in ("-h, --help", "-V, --version", "help exit-codes", "help json", "help configuration"):
        assert f"  {text}" in page


def test_rules_are_separate_from_options() -> None:
    _, after_options = help_page(HelpCommand("rules"), 80).split("Options:\n")
    options, rules = after_options.split("Rules:\n")
    assert "--since" in options
    assert "gpu_straggler" not in options
    assert "  gpu_straggler" in rules


def test_limit_and_tail_differ() -> None:
    page = " ".join(help_page(HelpCommand("logs"), 100).split())
    assert "--limit N Maximum number of lines (default 100): the newest, or the oldest with --asc." in page
    assert "--tail N The newest N lines, also with --asc." in page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", TOPICS)
def test_topics_fit_the_width(name: str, width: int) -> None:
    page = help_page(HelpCommand(name), width)
    assert len(page.splitlines()) > 3
    prose = [line for line in page.splitlines() if not line.startswith("    ")]
    assert [line for line in prose if len(line) > width and len(line.split()) > 1] == []
    assert "`" not in "".join(prose)


def test_exit_codes_are_explained_in_help() -> None:
    page = help_page(HelpCommand("exit-codes"), 80)
    for code in ("0", "1", "2", "3", "130"):
        assert f"\n  {code} " in page


def test_unknown_topic_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        help_page(HelpCommand("exit-cods"), 80)


def test_markdown_is_shown_as_text() -> None:
    text = "# A\n\nSee [the *guide*](x.md) and `code`.\n\n- one\n- two\n  more\n\n"
    text += "| a | b |\n|---|---|\n| `x` | y \\| z |\n\n```sh\nrun\n```\n"
    expected = "A\n\nSee the *guide* and code.\n\n  - one\n  - two more\n\n  x               y | z\n\n    run\n"
    assert markdown_text(text, 80) == expected
    assert cut_section("# A\na\n## B\nb\n### C\nc\n## D\nd", "B") == "## B\nb\n### C\nc"
    assert all(read_topic(topic).strip() for topic in TOPICS.values())


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("trainwatch me", {"metrics"}),
        ("trainwatch logs --in", {"--include"}),
        ("trainwatch watch --", {"--color", "--help"}),
        ("trainwatch help exi", {"exit-codes"}),
        ("trainwatch completion z", {"zsh"}),
        ("trainwatch rules t", {"test"}),
    ],
)
def test_bash_completes_subcommands_options_and_topics(typed: str, expected: set[str]) -> None:
    script = completion_script("bash")
    words = f"COMP_WORDS=({typed}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _trainwatch; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", f"{script}\n{words}"], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == expected
    assert done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_subcommand_and_option_is_completed(shell: str) -> None:
    script = completion_script(shell)
    for one in subcommands(Frontend.SHELL):
        assert one.name in script
        for option in one.options_of(Frontend.SHELL):
            assert (f"-l {option.name[2:]}" if shell == "fish" else option.name) in script


def test_completion_needs_a_known_shell() -> None:
    with pytest.raises(UsageError, match="bash, zsh or fish"):
        parse_argv(["completion", "tcsh"])
