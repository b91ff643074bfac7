"""Read a line of text, or the arguments of a shell, into a command by the command table. Pure.

tokenizer: text → words · here: words → subcommand and `Arguments` · `Subcommand.build`: arguments → command.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from bot.commands.parsing.help import closest, suggest_subcommand, usage
from bot.commands.parsing.tokenizer import Word, normalize_dashes, split_words
from bot.commands.subcommands.arguments import Arguments
from bot.commands.subcommands.shell import VersionCommand
from bot.commands.subcommands.spec import Frontend, Option, Subcommand
from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE, HelpCommand, ShellCommand, SlackCommand
from bot.errors import UsageError

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


def parse(text: str) -> SlackCommand:
    """Read what follows `/train`, or a text that `format_command` made.

    Raises:
        UsageError: the text is not a command; carries the usage line when the subcommand is known.
    """
    return _parse(split_words(text), SLACK_TABLE, Frontend.SLACK)


def parse_argv(argv: Sequence[str]) -> ShellCommand:
    """Read the arguments of the command line, which the shell has split into words.

    Raises:
        UsageError: as `parse`.
    """
    if len(argv) == 1 and argv[0] in _VERSION_WORDS:
        return VersionCommand()
    return _parse([Word(word) for word in argv], SHELL_TABLE, Frontend.SHELL)


def _parse(words: Sequence[Word], table: Sequence[Subcommand[CommandT]], frontend: Frontend) -> CommandT | HelpCommand:
    if not words or _asks_for_help(words[:1]):
        return HelpCommand()
    subcommand, rest = _find_subcommand(words, table, frontend)
    if _asks_for_help(rest):
        return HelpCommand(subcommand.name)
    try:
        arguments = _sort_words(rest, subcommand, frontend)
        return subcommand.build(arguments if subcommand.positionals else arguments.at_most(0))
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
    raise UsageError(problem, f"{frontend.value} SUBCOMMAND …; `{frontend.value} help` lists them")


def _unknown_subcommand(typed: str, table: Iterable[Subcommand[CommandT]], frontend: Frontend) -> str:
    name = typed.lower()
    elsewhere = SHELL_TABLE if frontend is Frontend.SLACK else SLACK_TABLE
    if any(name in (one.name, *one.aliases) for one in elsewhere):
        return f"`{name}` works only {'on the command line' if frontend is Frontend.SLACK else 'in Slack'}."
    if ":" in name or "/" in name:
        return f"Start with a subcommand, for example `status {typed}` or `logs {typed}`."
    return f"Unknown subcommand `{typed}`. {suggest_subcommand(name, table)}"


def _sort_words(words: Iterable[Word], subcommand: Subcommand[CommandT], frontend: Frontend) -> Arguments:
    """Sort the words into positionals and options.

    Raises:
        UsageError: an option is unknown or repeated, or its value is missing or not wanted.
    """
    positionals: list[str] = []
    options: dict[str, tuple[str, ...]] = {}
    rest = iter(words)
    for word in rest:
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
        given = value if equals else _next_value(option, rest)
        if not given.strip():
            raise UsageError(f"`{option.name}` needs a value that is not empty. {option.help}")
        options[option.name] = (*options.get(option.name, ()), given)
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


def _next_value(option: Option, rest: Iterator[Word]) -> str:
    word = next(rest, None)
    if word is None:
        raise UsageError(f"`{option.name}` needs a value. {option.help}")
    following = normalize_dashes(word.text)[:40]
    if following.startswith("--") and not word.quoted:
        hint = f'For a value that starts with two hyphens, use `{option.name}="{following}"`.'
        raise UsageError(f"`{option.name}` needs a value. {hint}")
    return word.text
