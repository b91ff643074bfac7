"""A command as text again: what buttons carry and answers quote. Pure.

`bot.commands.parsing.parser` reads it back to the same command.
"""

from __future__ import annotations

import shlex

from bot.commands.parsing.spec import Frontend
from bot.commands.parsing.tokenizer import plain_dashes, quote, split_words
from bot.commands.subcommands.jobs import DiagnoseCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import DEFAULT_LINES, LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.commands.subcommands.window import Window
from bot.domain.durations import format_ns
from bot.domain.logs import LogFilter, Order

Spelled = LogsCommand | MetricsCommand | StatusCommand | DiagnoseCommand | ReplayCommand


def format_command(command: Spelled) -> str:
    """The command as text that `grammar.parse` reads back; what only a shell has, and `--public`, is left out."""
    options: list[tuple[str, str | None]] = []
    match command:
        case LogsCommand():
            name = "logs"
            options = [*_spell_window(command.window), *_spell_filter(command.filter), *_spell_page(command)]
        case MetricsCommand():
            name, options = "metrics", _spell_window(command.window)
        case StatusCommand():
            name = "status"
        case DiagnoseCommand():
            name, options = "diagnose", _spell_window(command.window)
        case ReplayCommand():
            name, options = "rules test", _spell_window(command.window)
    words = [name, quote(command.ref)]
    words += [quote(setting) for setting in command.settings] if isinstance(command, ReplayCommand) else []
    for option, value in options:
        words += [option] if value is None else [option, quote(value)]
    return " ".join(words)


def shell_line(text: str) -> str:
    """A text that `format_command` made, for pasting into a shell."""
    words: list[str] = []
    for word in split_words(text):
        if word.quoted and plain_dashes(word.text).startswith("-"):
            words[-1] += f"={word.text}"
        else:
            words.append(word.text)
    return f"{Frontend.SHELL.value} {shlex.join(words)}"


def _spell_window(window: Window) -> list[tuple[str, str | None]]:
    options: list[tuple[str, str | None]] = []
    if window.since is not None:
        seconds = window.since.total_seconds()
        options.append(("--since", f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"))
    for name, moment in (("--start", window.start_ns), ("--end", window.end_ns)):
        if moment is not None:
            options.append((name, format_ns(moment)))
    return options


def _spell_filter(wanted: LogFilter) -> list[tuple[str, str | None]]:
    single = (
        ("--level", wanted.min_level.name.lower() if wanted.min_level is not None else None),
        ("--grep", wanted.grep),
        ("--request-id", wanted.request_id),
    )
    many = (
        ("--include", wanted.includes),
        ("--exclude", wanted.excludes),
        ("--replica", wanted.replicas),
        ("--rank", tuple(map(str, wanted.ranks))),
    )
    options: list[tuple[str, str | None]] = [(name, value) for name, value in single if value is not None]
    return options + [(name, value) for name, values in many for value in values]


def _spell_page(command: LogsCommand) -> list[tuple[str, str | None]]:
    options: list[tuple[str, str | None]] = []
    if command.limit is None:
        options.append(("--all", None))
    elif command.limit != DEFAULT_LINES:
        options.append(("--limit", str(command.limit)))
    if command.take is Order.ASC and command.after_ns is None and command.show is Order.ASC:
        options.append(("--asc", None))
    if command.show is Order.DESC:
        options.append(("--desc", None))
    for name, moment in (("--before", command.before_ns), ("--after", command.after_ns)):
        if moment is not None:
            options.append((name, format_ns(moment)))
    return options
