"""Sorted words to the command they make up: values read, defaults filled in, contradictions named. Pure."""

from __future__ import annotations

import re

from bot.commands.parsing.arguments import Typed, read_span, suggest
from bot.commands.parsing.spec import Frontend, Subcommand, subcommand_named, subcommands
from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.jobs import DEFAULT_JOBS, DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import DEFAULT_LINES, LogsCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.shell import ScanCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)
from bot.commands.subcommands.table import Command
from bot.commands.subcommands.window import Window
from bot.domain.alerts import Severity
from bot.domain.durations import parse_duration
from bot.domain.logs import LogFilter, Order
from bot.domain.regex import compile_typed_pattern
from bot.errors import UsageError

_CONFLICTS = (
    ("--since", "--start", "--since counts back from now, --start names a moment"),
    ("--since", "--end", "--since counts back from now; with --end name the beginning by --start"),
    ("--tail", "--all", "--tail wants the newest lines, --all every line"),
    ("--limit", "--all", "--limit wants some lines, --all every line"),
    ("--limit", "--tail", "both say how many lines"),
    ("--asc", "--desc", "oldest first or newest first"),
    ("--before", "--after", "one pages back, the other forward"),
    ("--follow", "--end", "following has no end"),
    ("--follow", "--desc", "new lines come last"),
    ("--follow", "--before", "following goes on from now"),
    ("--follow", "--after", "following goes on from now; name the beginning by --start"),
    ("--follow", "--download", "to keep what is followed, redirect it: `> file`"),
)
_BARE_ADDRESS = re.compile(r"[\w-]+(\.[\w-]+)+/")


def build(subcommand: Subcommand, typed: Typed, frontend: Frontend) -> Command:
    """The command that these words make up.

    Raises:
        UsageError: something is missing, too much or contradicts something else.
    """
    match subcommand.name:
        case "logs":
            return _logs(typed)
        case "metrics":
            public, json = typed.has("--public"), typed.has("--json")
            return MetricsCommand(_reference(typed), window=_window(typed), public=public, json=json)
        case "status":
            return StatusCommand(_reference(typed), public=typed.has("--public"), json=typed.has("--json"))
        case "diagnose":
            public, json = typed.has("--public"), typed.has("--json")
            return DiagnoseCommand(_reference(typed), window=_window(typed), public=public, json=json)
        case "rules":
            return _rules(typed)
        case "jobs":
            return _jobs(typed)
        case "watch":
            return WatchCommand(_reference(typed, more="settings"), settings=typed.positionals[1:])
        case "unwatch":
            return _unwatch(typed)
        case "list":
            _at_most(typed, 0)
            return ListCommand(public=typed.has("--public"))
        case "silence":
            return _silence(typed)
        case _:
            return _help(typed, frontend)


def _logs(typed: Typed) -> LogsCommand:
    window = _window(typed)
    limit, tail = typed.count("--limit"), typed.count("--tail")
    follow_all = typed.has("--follow") and not tail and not limit and bool(window.since or window.start_ns is not None)
    everything = typed.has("--all") or follow_all or (typed.has("--download") and not (limit or tail))
    take = Order.ASC if (typed.has("--asc") and tail is None) or typed.has("--after") else Order.DESC
    return LogsCommand(
        ref=_reference(typed),
        window=window,
        filter=_filter(typed),
        limit=None if everything else tail or limit or DEFAULT_LINES,
        tail=tail is not None,
        take=take,
        show=Order.DESC if typed.has("--desc") else Order.ASC,
        before_ns=typed.moment("--before"),
        after_ns=typed.moment("--after"),
        public=typed.has("--public"),
        json=typed.has("--json"),
        download=typed.text("--download"),
        follow=typed.has("--follow"),
        redact=not typed.has("--no-redact"),
    )


def _filter(typed: Typed) -> LogFilter:
    grep = typed.text("--grep")
    if grep is not None:
        compile_typed_pattern(grep)
    return LogFilter(
        min_level=typed.level("--level"),
        grep=grep,
        includes=typed.texts("--include"),
        excludes=typed.texts("--exclude"),
        replicas=typed.texts("--replica"),
        ranks=typed.ranks("--rank"),
        request_id=typed.text("--request-id"),
    )


def _window(typed: Typed) -> Window:
    for one, other, why in _CONFLICTS:
        if typed.has(one) and typed.has(other):
            raise UsageError(f"`{one}` and `{other}` do not go together: {why}. Leave one out.")
    start, end = typed.moment("--start"), typed.moment("--end", end_of_day=True)
    if start is not None and end is not None and start > end:
        raise UsageError("The window ends before it begins: `--start` is later than `--end`.")
    return Window(since=typed.span("--since"), start_ns=start, end_ns=end)


def _reference(typed: Typed, more: str | None = None) -> str:
    """The job as typed; a page's address without `https://` is taken for one."""
    if not typed.positionals:
        raise UsageError("Which job? Write its reference or the address of its page; `jobs` lists what there is.")
    if more is None:
        _at_most(typed, 1)
    ref = typed.positionals[0]
    return f"https://{ref}" if _BARE_ADDRESS.match(ref) else ref


def _at_most(typed: Typed, count: int) -> None:
    if len(typed.positionals) > count:
        surplus = typed.positionals[count][:40]
        hint = " Text with spaces needs quotes." if typed.options else ""
        raise UsageError(f"`{surplus}` is one word too many.{hint}")


def _jobs(typed: Typed) -> JobsCommand:
    _at_most(typed, 1)
    return JobsCommand(
        provider=typed.positionals[0].rstrip(":").lower() if typed.positionals else None,
        limit=typed.count("--limit") or DEFAULT_JOBS,
        public=typed.has("--public"),
        json=typed.has("--json"),
    )


def _rules(typed: Typed) -> RulesCommand | ReplayCommand:
    words = typed.positionals
    public, json = typed.has("--public"), typed.has("--json")
    if not words:
        if any(typed.has(name) for name in ("--since", "--start", "--end")):
            raise UsageError("A window is for a test: write `rules test REF`.")
        return RulesCommand(public=public, json=json)
    if words[0].lower() != "test":
        raise UsageError(f"`rules {words[0][:40]}`: write `rules` for the list, or `rules test REF`.")
    return ReplayCommand(
        _reference(Typed(words[1:], {}), more="settings"),
        window=_window(typed),
        settings=words[2:],
        public=public,
        json=json,
    )


def build_scan(typed: Typed) -> ScanCommand:
    """The one command that needs no platform.

    Raises:
        UsageError: no file is named, or several.
    """
    if not typed.positionals:
        raise UsageError("Which file? Name one, or write `-` for the standard input.")
    _at_most(typed, 1)
    return ScanCommand(
        typed.positionals[0],
        json=typed.has("--json"),
        follow=typed.has("--follow"),
        exit_code=typed.has("--exit-code"),
        redact=not typed.has("--no-redact"),
    )


def _unwatch(typed: Typed) -> UnwatchCommand:
    if typed.has("--all") == bool(typed.positionals):
        raise UsageError("Name one job to unwatch, or `--all`.")
    return UnwatchCommand(ref=None if typed.has("--all") else _reference(typed))


def _silence(typed: Typed) -> SilenceCommand | UnsilenceCommand:
    words = typed.positionals
    if words and words[0].lower() == "end":
        number = words[1].lstrip("#") if len(words) == 2 else ""
        if not (number.isascii() and number.isdigit() and len(number) < 16):
            raise UsageError("Which silence ends? Write `silence end ID`; `list` shows the numbers.")
        return UnsilenceCommand(int(number))
    _at_most(typed, 2)
    spans = [word for word in words if parse_duration(word)]
    jobs = [word for word in words if word not in spans]
    if len(jobs) == 1 and not spans and not re.search("[:/]", jobs[0]):
        read_span(jobs[0], "silence")
    if len(spans) != 1:
        raise UsageError("For how long? Write a span such as 30m, 2h or 1d, and a job unless all are meant.")
    severity = typed.text("--severity")
    if severity is not None and severity.lower() not in list(Severity):
        raise UsageError(f"`--severity {severity}`: it is page, warn or info.")
    return SilenceCommand(
        duration=read_span(spans[0], "silence"),
        ref=_reference(Typed(tuple(jobs), {})) if jobs else None,
        rule=typed.text("--rule"),
        severity=Severity(severity.lower()) if severity else None,
        reason=typed.text("--reason") or "",
    )


def _help(typed: Typed, frontend: Frontend) -> HelpCommand:
    if not typed.positionals:
        return HelpCommand()
    name = typed.positionals[0].lower()
    subcommand = subcommand_named(name, frontend)
    if subcommand is None:
        meant = suggest(name, [one.name for one in subcommands(frontend)])
        known = ", ".join(one.name for one in subcommands(frontend))
        hint = f"did you mean `{meant}`?" if meant else f"there are {known}."
        raise UsageError(f"There is no subcommand `{name[:40]}`; {hint}")
    return HelpCommand(subcommand.name)
