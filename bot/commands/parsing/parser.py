"""Text or shell arguments to a command. The words it knows are in `bot.commands.parsing.spec`.

Pure. The values behind the words are read in `building.py`, a command becomes text again in `spelling.py`, and what it
finds is in `bot.commands.runner`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.parsing import spec as table
from bot.commands.parsing.arguments import sort_words, suggest
from bot.commands.parsing.build import build, build_scan
from bot.commands.parsing.help import usage
from bot.commands.parsing.spec import Frontend, Subcommand, subcommand_named, subcommands
from bot.commands.parsing.tokenizer import Word, plain_dashes, split_words
from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.shell import CheckCommand, ServeCommand, UpgradeCommand, VersionCommand
from bot.commands.subcommands.table import Command, ShellCommand
from bot.errors import UsageError

_HELP_WORDS = ("-h", "--help")
_VERSION_WORDS = ("-V", "--version", "version")
_END_OF_SILENCE = ("unmute", "unsilence")


def parse(text: str) -> Command:
    """Read what stands behind `/train`, or a text that `spelling.format_command` made.

    Raises:
        UsageError: it cannot be read; carries the usage line when the subcommand is known.
    """
    words = split_words(text)
    subcommand, rest = _subcommand_and_rest(words, Frontend.SLACK)
    return HelpCommand() if subcommand is None else _read(subcommand, rest, Frontend.SLACK)


def parse_argv(argv: Sequence[str]) -> ShellCommand:
    """Read the arguments of the command line; every word is as the shell split it.

    Raises:
        UsageError: as `parse`.
    """
    if len(argv) == 1 and argv[0] in _VERSION_WORDS:
        return VersionCommand()
    words = [Word(word) for word in argv]
    subcommand, rest = _subcommand_and_rest(words, Frontend.SHELL)
    if subcommand is None:
        return HelpCommand()
    if subcommand in (table.SCAN, table.SERVE, table.CHECK, table.DB):
        return _read_shell_only(subcommand, rest)
    return _read(subcommand, rest, Frontend.SHELL)


def _subcommand_and_rest(words: Sequence[Word], frontend: Frontend) -> tuple[Subcommand | None, Sequence[Word]]:
    """The subcommand and what follows it; None for nothing at all or a call for help."""
    if not words or plain_dashes(words[0].text).lower() in _HELP_WORDS:
        return None, ()
    name = words[0].text.lower()
    if name in _END_OF_SILENCE and frontend is Frontend.SLACK:
        return table.SILENCE, [Word("end"), *words[1:]]
    subcommand = subcommand_named(name, frontend)
    if subcommand is not None:
        return subcommand, words[1:]
    general = f"{frontend.value} SUBCOMMAND …; `{frontend.value} help` lists them"
    if subcommand_named(name, Frontend.SHELL if frontend is Frontend.SLACK else Frontend.SLACK):
        where = "on the command line" if frontend is Frontend.SLACK else "in Slack"
        raise UsageError(f"`{name}` works only {where}.", general)
    shown = words[0].text[:60]
    if ":" in name or "/" in name:
        message = f"What about `{shown}`? Say first what you want: `status {shown}` or `logs {shown}`."
        raise UsageError(message, general)
    meant = suggest(name, [word for one in subcommands(frontend) for word in (one.name, *one.also)])
    hint = (
        f"did you mean `{meant}`?"
        if meant
        else "there are " + ", ".join(one.name for one in subcommands(frontend)) + "."
    )
    raise UsageError(f"There is no subcommand `{shown}`; {hint}", general)


def _read(subcommand: Subcommand, words: Sequence[Word], frontend: Frontend) -> Command:
    if any(plain_dashes(word.text) in _HELP_WORDS and not word.quoted for word in words):
        return HelpCommand(subcommand.name)
    try:
        return build(subcommand, sort_words(words, subcommand, frontend), frontend)
    except UsageError as problem:
        raise UsageError(problem.public, problem.usage or usage(subcommand, frontend)) from None


def _read_shell_only(subcommand: Subcommand, words: Sequence[Word]) -> ShellCommand:
    if any(word.text in _HELP_WORDS for word in words):
        return HelpCommand(subcommand.name)
    line = usage(subcommand, Frontend.SHELL)
    try:
        typed = sort_words(words, subcommand, Frontend.SHELL)
        if subcommand is table.SCAN:
            return build_scan(typed)
    except UsageError as problem:
        raise UsageError(problem.public, line) from None
    wanted = ("upgrade",) if subcommand is table.DB else ()
    if typed.positionals != wanted:
        raise UsageError(f"`{subcommand.name}` is typed so: `{line}`.", line)
    if subcommand is table.SERVE:
        return ServeCommand()
    return UpgradeCommand() if subcommand is table.DB else CheckCommand(typed.has("--json"), typed.has("--health"))
