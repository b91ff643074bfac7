"""Read a line of text, or the arguments of a shell, into a command by the command table. Pure.

tokenizer: text → words · here: words → subcommand and `Arguments` · `Subcommand.build`: arguments → command.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from bot.commands.parsing.help import closest, suggest_subcommand, usage
from bot.commands.parsing.pasted_words import clean_words
from bot.commands.parsing.tokenizer import Word, normalize_dashes, split_words
from bot.commands.subcommands.arguments import NO_CONTEXT, STOPS, Arguments, InputContext
from bot.commands.subcommands.shell import VersionCommand
from bot.commands.subcommands.spec import Frontend, Option, Subcommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, HelpCommand, ShellCommand, SlackCommand
from bot.domain.times import is_local, read_typed_time
from bot.errors import UnnamedJob, UsageError

CommandT = TypeVar("CommandT")

_HELP_WORDS = ("-h", "--help")
_VERSION_WORDS = ("-V", "--version", "version")
_OPTIONS_OF_OTHER_TOOLS = {
    "--desc": ("--reverse",),
    "--download": ("--output",),
    "--end": ("--to", "--until"),
    "--exclude": ("--not",),
    "--grep": ("--filter", "--match", "--pattern", "--regex", "--search", "--search-pattern"),
    "--include": ("--contains",),
    "--level": ("--severity",),
    "--public": ("--share",),
    "--replica": ("--node",),
    "--since": ("--ago", "--last"),
    "--start": ("--from",),
    "--tail": ("--lines",),
}
"""The option to suggest, and what people type who know other tools."""
_LIKE_JOB = re.compile(r"[:/\d]|\w-\w")
"""What only a reference, an id or a name has."""
_WITHOUT_STOPS = ("N", "TIME", "LEVEL", "SEVERITY")
"""Values of options that lose the punctuation of a sentence; texts and patterns keep it."""
_MAX_TIME_WORDS = 4
"""Words of the longest time: `29 Nov 03:06 UTC`."""


def parse(text: str, context: InputContext = NO_CONTEXT) -> SlackCommand:
    """Read what follows `/train`, or without a context a text that `format_command` made.

    Raises:
        UsageError: the text is not a command; carries the usage line when the subcommand is known.
    """
    return _parse(clean_words(split_words(text)), SLACK_TABLE, Frontend.SLACK, context)


def split_command(text: str) -> tuple[Subcommand[SlackCommand], Arguments] | None:
    """The subcommand and the arguments of a typed command, whose values are not read yet; None if it is empty.

    Raises:
        UsageError: as `parse`.
    """
    words = clean_words(split_words(text))
    if not words:
        return None
    subcommand, rest = _find_subcommand(words, SLACK_TABLE, Frontend.SLACK)
    return subcommand, _sort_words(rest, subcommand, Frontend.SLACK)


def has_local_time(text: str) -> bool:
    """Whether a typed command may have a time that depends on the person's time zone."""
    words = clean_words(split_words(text))
    if [word.text.lower() for word in words[:2]] == ["notify", "quiet"]:
        return True
    for index, word in enumerate(words):
        name, _, value = normalize_dashes(word.text).partition("=")
        first = index if value else index + 1
        if name.startswith("-") and not word.quoted:
            texts = [value, *(each.text for each in words[first + bool(value) : first + _MAX_TIME_WORDS])]
            texts = texts if value else texts[1:]
            candidates = (" ".join(texts[: count + 1]) for count in range(len(texts)))
            if any(is_local(read_typed_time(candidate.rstrip(STOPS))) for candidate in candidates):
                return True
    return False


def parse_argv(argv: Sequence[str], context: InputContext = NO_CONTEXT) -> ShellCommand:
    """Read the arguments of the command line, which the shell has split into words.

    Raises:
        UsageError: as `parse`.
    """
    if len(argv) == 1 and argv[0] in _VERSION_WORDS:
        return VersionCommand()
    return _parse([Word(word) for word in argv], SHELL_TABLE, Frontend.SHELL, context)


def _parse(
    words: Sequence[Word], table: Sequence[Subcommand[CommandT]], frontend: Frontend, context: InputContext
) -> CommandT | HelpCommand:
    if not words or _asks_for_help(words[:1]):
        return HelpCommand()
    subcommand, rest = _find_subcommand(words, table, frontend)
    if _asks_for_help(rest):
        return HelpCommand(subcommand.name)
    try:
        arguments = replace(_sort_words(rest, subcommand, frontend), context=context)
        return subcommand.build(arguments if subcommand.positionals else arguments.at_most(0))
    except UnnamedJob:
        raise UnnamedJob(usage(subcommand, frontend)) from None
    except UsageError as problem:
        raise UsageError(problem.public, usage(subcommand, frontend)) from None


def _asks_for_help(words: Sequence[Word]) -> bool:
    return any(normalize_dashes(word.text).lower() in _HELP_WORDS and not word.quoted for word in words)


def _find_subcommand(
    words: Sequence[Word], table: Sequence[Subcommand[CommandT]], frontend: Frontend
) -> tuple[Subcommand[CommandT], Sequence[Word]]:
    """The subcommand that the first word names, and the words after it."""
    name = words[0].text.lower()
    for subcommand in table:
        if name in (subcommand.name, *subcommand.aliases):
            return subcommand, words[1:]
        for alias, action in subcommand.action_aliases:
            if name == alias:
                return subcommand, [Word(action), *words[1:]]
    problem = _unknown_subcommand(words[0].text[:60], table, frontend)
    raise UsageError(problem, f"`{frontend.value} SUBCOMMAND …`; `{frontend.value} help` lists them")


def _unknown_subcommand(typed: str, table: Sequence[Subcommand[CommandT]], frontend: Frontend) -> str:
    name = typed.lower()
    elsewhere = SHELL_TABLE if frontend is Frontend.SLACK else SLACK_TABLE
    if any(name in (one.name, *one.aliases) for one in elsewhere):
        return f"`{name}` works only {'on the command line' if frontend is Frontend.SLACK else 'in Slack'}."
    names = [word for one in table for word in (one.name, *one.aliases)]
    if _LIKE_JOB.search(name) and closest(name, names) is None:
        return f"What should I do with `{typed}`? Try `status {typed}` or `logs {typed}`."
    return f"Unknown subcommand `{typed}`. {suggest_subcommand(name, table)}"


def _sort_words(words: Sequence[Word], subcommand: Subcommand[CommandT], frontend: Frontend) -> Arguments:
    """Sort the words into positionals and options.

    Raises:
        UsageError: an option is unknown or repeated, or its value is missing or not wanted.
    """
    positionals: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    position = 0
    while position < len(words):
        word, position = words[position], position + 1
        text = word.text if word.quoted else normalize_dashes(word.text)
        if word.quoted or not text.startswith("-") or text in ("-", "--"):
            positionals.append(word.text)
            continue
        name, equals, value = text.partition("=")
        option = _find_option(name, subcommand, frontend)
        if option.name in options and not option.repeatable:
            raise UsageError(f"`{option.name}` is given twice. Use it once.")
        if option.value is None:
            if equals:
                raise UsageError(f"`{option.name}` takes no value.")
            options[option.name] = ()
            continue
        if not equals:
            value, position = _next_value(option, words, position)
        if option.value in _WITHOUT_STOPS:
            value = value.rstrip(STOPS)
        if not value.strip():
            raise UsageError(f"`{option.name}` needs a value that is not empty. {option.help}")
        options[option.name] = (*options.get(option.name, ()), value)
    return Arguments(tuple(positionals), options)


def _find_option(typed: str, subcommand: Subcommand[CommandT], frontend: Frontend) -> Option:
    name = typed.lower() if len(typed) > 2 else typed
    options = subcommand.options_of(frontend)
    for option in options:
        if name in (option.name, option.short, option.name[1:]):
            return option
    elsewhere = next((option for option in subcommand.options if name in (option.name, option.short)), None)
    if elsewhere is not None:
        where = "in Slack" if Frontend.SLACK in elsewhere.frontends else "on the command line"
        raise UsageError(f"`{elsewhere.name}` works only {where}.")
    names = [option.name for option in options]
    of_other_tool = (one for one in names if name in _OPTIONS_OF_OTHER_TOOLS.get(one, ()))
    meant = next(of_other_tool, None) or closest(name, names)
    hint = f"Did you mean `{meant}`?" if meant else f"Options: {', '.join(names) or 'none'}."
    raise UsageError(f"Unknown option `{typed[:40]}` for `{subcommand.name}`. {hint}")


def _next_value(option: Option, words: Sequence[Word], position: int) -> tuple[str, int]:
    """The value of an option and the position after it. A time may have several words: `2 days ago`."""
    if position == len(words):
        raise UsageError(f"`{option.name}` needs a value. {option.help}")
    word = words[position]
    following = normalize_dashes(word.text)[:40]
    if following.startswith("--") and not word.quoted:
        hint = f'For a value that starts with two hyphens, use `{option.name}="{following}"`.'
        raise UsageError(f"`{option.name}` needs a value. {hint}")
    for end in range(min(position + _MAX_TIME_WORDS, len(words)), position + 1, -1) if option.value == "TIME" else ():
        text = " ".join(each.text for each in words[position:end])
        if read_typed_time(text.rstrip(STOPS)) is not None:
            return text, end
    return word.text, position + 1
