"""Format a command as the text that a person would type; buttons carry it. Pure.

`bot.commands.parsing.parser` reads it back to the same command.
"""

from collections.abc import Iterable, Sequence

from bot.commands.parsing.pasted_words import clean_words
from bot.commands.parsing.tokenizer import Word, quote, split_words
from bot.commands.subcommands.arguments import Window, clean_reference
from bot.commands.subcommands.audit import DEFAULT_AUDIT, AuditCommand
from bot.commands.subcommands.jobs import (
    DEFAULT_JOBS,
    SEARCHED_JOBS,
    DiagnoseCommand,
    JobsCommand,
    MetricsCommand,
    StatusCommand,
)
from bot.commands.subcommands.logs import DEFAULT_CONTEXT, DEFAULT_LINES, LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.domain.durations import format_ns, ns_from_datetime
from bot.domain.job_matching import Matcher, format_matchers
from bot.domain.logs import LogFilter, Order

Formattable = (
    LogsCommand | MetricsCommand | StatusCommand | DiagnoseCommand | ReplayCommand | JobsCommand | AuditCommand
)


def format_command(command: Formattable) -> str:
    """The command as text, without `--public` and the options that only a shell has."""
    match command:
        case LogsCommand():
            words = ["logs", quote(command.ref), *_window(command.window), *_filter(command.filter), *_page(command)]
        case MetricsCommand():
            words = ["metrics", quote(command.ref), *_window(command.window), *["--gpus"] * command.gpus]
            words += ["--picture"] * command.picture
        case StatusCommand():
            words = ["status", quote(command.ref)]
        case DiagnoseCommand():
            words = ["diagnose", quote(command.ref), *_window(command.window)]
        case ReplayCommand():
            words = ["rules test", quote(command.ref), *map(quote, command.settings), *_window(command.window)]
            words += ["--defaults"] * command.defaults
        case AuditCommand():
            words = ["audit", *_audit_options(command)]
        case JobsCommand():
            words = ["jobs", *filter(None, (command.provider, command.state)), *_jobs_options(command)]
    return " ".join(words)


def matcher_words(matchers: Iterable[Matcher]) -> str:
    """Return matchers on jobs as they are typed."""
    return " ".join(word if word == "--exclude" else quote(word) for word in format_matchers(matchers))


def replace_reference(text: str, typed: str, ref: str) -> str:
    """A typed command with another job in place of the one that was typed, or with a job when `typed` is empty."""
    words = clean_words(split_words(text))
    if not typed:
        after = 2 if [word.text.lower() for word in words[1:2]] == ["test"] else 1
        return " ".join(map(join_word, (*words[:after], Word(ref), *words[after:])))
    for index, word in enumerate(words):
        if clean_reference(word.text) == typed:
            words[index] = Word(ref)
            break
    return " ".join(map(join_word, words))


def join_word(word: Word) -> str:
    """A word as it is typed: a quoted one stays quoted, `name=a b` is quoted after the sign."""
    if word.quoted:
        return quote(word.text) if quote(word.text)[:1] == '"' else f'"{word.text}"'
    name, equals, value = word.text.partition("=")
    return f"{name}={quote(value)}" if equals and value and quote(value) != value else word.text


def _window(window: Window) -> list[str]:
    since = None if window.since is None else f"{window.since.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
    return _options(("--since", since), ("--start", _time(window.start_ns)), ("--end", _time(window.end_ns)))


def _jobs_options(command: JobsCommand) -> list[str]:
    is_filtered = command.state is not None or command.user is not None or command.mine
    usual = SEARCHED_JOBS if is_filtered else DEFAULT_JOBS
    return _options(
        ("--user", command.user),
        ("--limit", None if command.limit == usual else str(command.limit)),
        ("--skip", str(command.skip) if command.skip else None),
    )


def _filter(wanted: LogFilter) -> list[str]:
    return _options(
        ("--level", wanted.min_level.name.lower() if wanted.min_level is not None else None),
        ("--grep", wanted.grep),
        ("--request-id", wanted.request_id),
        ("--component", wanted.component),
        *(("--include", text) for text in wanted.includes),
        *(("--exclude", text) for text in wanted.excludes),
        *(("--replica", replica) for replica in wanted.replicas),
        ("--rank", _ranks(wanted.ranks)),
    )


def _ranks(ranks: Sequence[int]) -> str | None:
    """Ranks with ranges, as short as possible, because a button holds 2,000 characters: `0-3,8`."""
    ranges: list[tuple[int, int]] = []
    for rank in ranks:
        if ranges and ranges[-1][1] + 1 == rank:
            ranges[-1] = ranges[-1][0], rank
        else:
            ranges.append((rank, rank))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges) or None


def _page(command: LogsCommand) -> list[str]:
    if command.around_ns is not None:
        context = [] if command.context == DEFAULT_CONTEXT else ["--context", str(command.context)]
        return [*_options(("--around", _time(command.around_ns))), *context]
    limit = {None: ["--all"], DEFAULT_LINES: []}.get(command.limit, ["--limit", str(command.limit)])
    from_oldest = command.take is Order.ASC and command.after_ns is None
    order = ["--desc"] if command.show is Order.DESC else ["--asc"] * from_oldest
    start = (("--before", _time(command.before_ns)), ("--after", _time(command.after_ns)))
    return [*limit, *order, *_options(*start, ("--skip", str(command.skip) if command.skip else None))]


def _options(*options: tuple[str, str | None]) -> list[str]:
    """The options that have a value, as words."""
    return [word for name, value in options if value is not None for word in (name, quote(value))]


def _time(timestamp_ns: int | None) -> str | None:
    return None if timestamp_ns is None else format_ns(timestamp_ns)


def _audit_options(command: AuditCommand) -> list[str]:
    options = {
        "--user": command.user,
        "--job": command.job,
        "--since": format_ns(ns_from_datetime(command.since)) if command.since is not None else None,
        "--limit": None if command.limit == DEFAULT_AUDIT else str(command.limit),
        "--before": None if command.before is None else str(command.before),
    }
    return [word for name, value in options.items() if value is not None for word in (name, quote(value))]
