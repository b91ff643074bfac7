"""Format a command as the text that a person would type; buttons carry it. Pure.

`bot.commands.parsing.parser` reads it back to the same command.
"""

from __future__ import annotations

from bot.commands.parsing.tokenizer import quote
from bot.commands.subcommands.arguments import Window
from bot.commands.subcommands.jobs import DiagnoseCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import DEFAULT_LINES, LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.domain.durations import format_ns
from bot.domain.logs import LogFilter, Order

Formattable = LogsCommand | MetricsCommand | StatusCommand | DiagnoseCommand | ReplayCommand


def format_command(command: Formattable) -> str:
    """The command as text, without `--public` and the options that only a shell has."""
    options: list[tuple[str, str | None]] = []
    match command:
        case LogsCommand():
            name = "logs"
            options = [*_format_window(command.window), *_format_filter(command.filter), *_format_page(command)]
        case MetricsCommand():
            name, options = "metrics", _format_window(command.window)
        case StatusCommand():
            name = "status"
        case DiagnoseCommand():
            name, options = "diagnose", _format_window(command.window)
        case ReplayCommand():
            name, options = "rules test", _format_window(command.window)
    words = [name, quote(command.ref)]
    words += [quote(setting) for setting in command.settings] if isinstance(command, ReplayCommand) else []
    for option, value in options:
        words += [option] if value is None else [option, quote(value)]
    return " ".join(words)


def _format_window(window: Window) -> list[tuple[str, str | None]]:
    options: list[tuple[str, str | None]] = []
    if window.since is not None:
        seconds = window.since.total_seconds()
        options.append(("--since", f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"))
    return [*options, *_format_times(("--start", window.start_ns), ("--end", window.end_ns))]


def _format_filter(wanted: LogFilter) -> list[tuple[str, str | None]]:
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


def _format_page(command: LogsCommand) -> list[tuple[str, str | None]]:
    options: list[tuple[str, str | None]] = []
    if command.limit is None:
        options.append(("--all", None))
    elif command.limit != DEFAULT_LINES:
        options.append(("--limit", str(command.limit)))
    if command.take is Order.ASC and command.after_ns is None and command.show is Order.ASC:
        options.append(("--asc", None))
    if command.show is Order.DESC:
        options.append(("--desc", None))
    return [*options, *_format_times(("--before", command.before_ns), ("--after", command.after_ns))]


def _format_times(*times: tuple[str, int | None]) -> list[tuple[str, str | None]]:
    return [(name, format_ns(time_ns)) for name, time_ns in times if time_ns is not None]
