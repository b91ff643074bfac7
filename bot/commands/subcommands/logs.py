"""`logs`: its row, the command and its answer, one page of a job's log. Pure."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from bot.commands.subcommands.arguments import ALL_TIME, Arguments, Window
from bot.commands.subcommands.spec import JOB_PARAMETER, JSON, PUBLIC, WINDOW_OPTIONS, Frontend, Option, Subcommand
from bot.domain.durations import format_ns
from bot.domain.gaps import Gap
from bot.domain.jobs import JobRef
from bot.domain.logs import LogFilter, LogLine, Order
from bot.domain.wording import plural
from bot.errors import UsageError

DEFAULT_LINES = 100
DEFAULT_CONTEXT = 50
"""Lines before and after the line nearest to `--around`."""
MAX_CONTEXT = 2_000
MAX_COMPONENT = 256
"""Characters of a component's name (documented by Baseten)."""
MAX_ANSWER_LINES = 5_000
"""Lines of one answer in Slack; more are attached as a file."""


@dataclass(frozen=True, slots=True)
class LogsCommand:
    """Show lines of one job."""

    ref: str
    window: Window = ALL_TIME
    filter: LogFilter = field(default_factory=LogFilter)
    limit: int | None = DEFAULT_LINES
    """Maximum number of lines; None shows every line."""
    tail: bool = field(default=False, compare=False)
    """Whether the limit was typed as `--tail`; hints then name that option."""
    take: Order = Order.DESC
    """The end of the window that lines are taken from: DESC is the newest, ASC the oldest."""
    show: Order = Order.ASC
    """The order in which lines are shown."""
    before_ns: int | None = None
    """Only lines older than this, for paging; exclusive, within the window. `after_ns` is the same for newer lines."""
    after_ns: int | None = None
    skip: int = 0
    """Number of lines at `before_ns` or `after_ns` that were shown. If not 0, the others of that time follow."""
    around_ns: int | None = None
    """Only the line nearest to this time, and `context` lines before and after it."""
    context: int = DEFAULT_CONTEXT
    public: bool = False
    json: bool = False
    download: str | None = None
    """File to write to; `-` is the standard output."""
    force: bool = False
    """Whether `download` may replace a file."""
    follow: bool = False
    redact: bool = True

    @property
    def needs_file(self) -> bool:
        """Whether it may select more lines than one answer in Slack holds."""
        return self.limit is None or self.limit > MAX_ANSWER_LINES


class CutReason(enum.Enum):
    """Why lines are not shown; the value follows their number, in the plural, in a note."""

    BELOW_LEVEL = "are below --level or without a level, like tracebacks"
    OTHER_REQUEST = "came from other requests"
    NO_REPLICA = "have no replica; try --rank"
    OTHER_REPLICA = "came from other replicas"
    NO_RANK = "have no rank; try --replica"
    OTHER_RANK = "came from other ranks"
    NOT_INCLUDED = "filtered out by --include"
    EXCLUDED = "filtered out by --exclude"
    NOT_MATCHED = "filtered out by --grep"
    FILTERED_BY_PLATFORM = "may have been dropped by the platform"
    OLDER = "are older; narrow with --since or --grep"
    NEWER = "are newer; narrow with --since or --grep"
    OLDER_UNREAD = "are older and not searched yet; page on, or narrow the window"
    NEWER_UNREAD = "are newer and not searched yet; page on, or narrow the window"
    CANCEL_OUT = "cancel out: no line can pass both"


PAGE_ENDS = frozenset({CutReason.OLDER, CutReason.NEWER, CutReason.OLDER_UNREAD, CutReason.NEWER_UNREAD})
"""The reasons that the pages before and after remove."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Lines that are not shown."""

    reason: CutReason
    lines: int | None
    """None: their number is not known."""
    options: tuple[str, ...] = ()
    """The options that the platform applied, for FILTERED_BY_PLATFORM, or that cancel out."""

    def __str__(self) -> str:
        if self.reason is CutReason.CANCEL_OUT:
            return f"{' and '.join(self.options)} {self.reason.value}"
        number = "some lines" if self.lines is None else plural(self.lines, "line")
        options = f" ({', '.join(self.options)})" if self.options else ""
        reason = self.reason.value
        if self.lines == 1:
            reason = reason.replace("have ", "has ").replace("are ", "is ", 1)
        return f"{number} {reason}{options}"


@dataclass(frozen=True, slots=True, eq=False)
class LogFile:
    """Lines as text, in files without names, which the operating system deletes when they are closed."""

    chunks: tuple[tuple[BinaryIO, int, int], ...]
    """File, offset and size of each part, in order."""
    lines: int
    older: int = 0
    """Number of lines that are left out because the file would be too large; they are the oldest."""
    span: tuple[int, int] | None = None
    """The timestamps of the oldest and the newest line; None without lines."""

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(size for _, _, size in self.chunks)

    def read(self) -> Iterator[bytes]:
        """Its text, part by part."""
        for file, offset, size in self.chunks:
            file.seek(offset)
            yield file.read(size)

    def close(self) -> None:
        """Delete it."""
        for file, _, _ in self.chunks:
            file.close()


@dataclass(frozen=True, slots=True)
class LogsAnswer:
    """Lines of one job, oldest first unless `--desc`."""

    job: JobRef
    lines: tuple[LogLine, ...]
    start: datetime | None
    end: datetime
    read: int
    """Lines that came from the platform, before filtering."""
    pinned: LogsCommand
    """The command with absolute times: run again, it shows the same lines."""
    cuts: tuple[Cut, ...] = ()
    gaps: tuple[Gap, ...] = ()
    redacted: int = 0
    """Number of secrets hidden."""
    older: LogsCommand | None = None
    newer: LogsCommand | None = None
    """Shows the page after this one, as `older` the one before; None when there is none."""
    marked: int | None = None
    """Index in `lines` of the line nearest to `--around`."""
    total: int | None = None
    """Number of lines that were found, if `file` has more than `lines`."""
    file: LogFile | None = None
    """Every line that was found."""
    notes: tuple[str, ...] = ()
    """How the time range was cut."""
    asked: LogsCommand | None = None
    """The command as it was asked, with relative times; None where nobody asks again."""

    @property
    def count(self) -> int:
        """Number of lines that were found."""
        return len(self.lines) if self.total is None else self.total


def exact_row(line: LogLine) -> str:
    """A line unchanged, with its timestamp in nanoseconds, source and level."""
    level = line.level.name if line.level is not None else None
    return " ".join(part for part in (format_ns(line.timestamp_ns), line.source, level, line.message) if part)


_CONFLICTS = (
    ("--tail", "--all", ""),
    ("--limit", "--all", ""),
    ("--limit", "--tail", ""),
    ("--asc", "--desc", ""),
    ("--before", "--after", ""),
    ("--skip", "--asc", ""),
    ("--skip", "--all", ""),
    ("--skip", "--follow", ""),
    *(
        ("--around", other, "It shows lines before and after; `--context` changes their number.")
        for other in (
            "--since",
            "--start",
            "--end",
            "--tail",
            "--limit",
            "--all",
            "--asc",
            "--desc",
            "--before",
            "--after",
        )
    ),
    ("--follow", "--around", "Following starts now."),
    ("--follow", "--end", "Following has no end."),
    ("--follow", "--desc", "New lines come last."),
    ("--follow", "--before", "Following starts now."),
    ("--follow", "--after", "To start earlier, use `--start`."),
    ("--follow", "--download", "To save the lines that follow, redirect them: `> file`."),
)


def _build_logs(arguments: Arguments) -> LogsCommand:
    arguments.refuse_together(_CONFLICTS)
    window = arguments.window()
    limit, tail = arguments.count("--limit"), arguments.count("--tail")
    if arguments.has("--skip") and not (arguments.has("--before") or arguments.has("--after")):
        raise UsageError("`--skip` needs `--before TIME` or `--after TIME`.")
    around_ns, context = arguments.timestamp_ns("--around"), _context(arguments)
    if around_ns is not None:
        limit = 2 * context + 1
    is_limited = limit is not None or tail is not None
    has_start = window.since is not None or window.start_ns is not None
    shows_all = not is_limited and (arguments.has("--download") or (arguments.has("--follow") and has_start))
    from_oldest = (arguments.has("--asc") and tail is None) or arguments.has("--after")
    return LogsCommand(
        ref=arguments.at_most(1, "For text search, use `--include {}`.").reference(),
        window=window,
        filter=LogFilter(
            min_level=arguments.level("--level"),
            grep=arguments.pattern("--grep"),
            includes=arguments.texts("--include"),
            excludes=arguments.texts("--exclude"),
            replicas=arguments.texts("--replica"),
            ranks=arguments.ranks("--rank"),
            request_id=arguments.text("--request-id"),
            component=_component(arguments),
        ),
        limit=None if arguments.has("--all") or shows_all else tail or limit or DEFAULT_LINES,
        tail=tail is not None,
        take=Order.ASC if from_oldest else Order.DESC,
        show=Order.DESC if arguments.has("--desc") else Order.ASC,
        before_ns=arguments.timestamp_ns("--before"),
        after_ns=arguments.timestamp_ns("--after"),
        skip=arguments.count("--skip") or 0,
        around_ns=around_ns,
        context=context,
        public=arguments.has("--public"),
        json=arguments.has("--json"),
        download=arguments.text("--download"),
        force=arguments.has("--force"),
        follow=arguments.has("--follow"),
        redact=not arguments.has("--no-redact"),
    )


def _context(arguments: Arguments) -> int:
    """The value of `--context`.

    Raises:
        UsageError: it is too large, or there is no `--around`.
    """
    context = arguments.count("--context")
    if context is None:
        return DEFAULT_CONTEXT
    if not arguments.has("--around"):
        raise UsageError("`--context` needs `--around TIME`.")
    if context > MAX_CONTEXT:
        raise UsageError(f"`--context` is at most {MAX_CONTEXT:,}. For more lines, use `--start` and `--end`.")
    return context


def _component(arguments: Arguments) -> str | None:
    """The value of `--component`.

    Raises:
        UsageError: it is too long. Only the platform can apply it.
    """
    component = arguments.text("--component")
    if component is not None and len(component) > MAX_COMPONENT:
        raise UsageError(f"`--component` has at most {MAX_COMPONENT} characters.")
    return component


_SHELL = (Frontend.SHELL,)

LOGS = Subcommand(
    "logs",
    "Show log lines of a job",
    _build_logs,
    "REF",
    (
        *WINDOW_OPTIONS,
        Option("--level", "Only lines at this level or worse; drops lines without a level.", "LEVEL", "-l"),
        Option("--grep", "Only lines that match this RE2 pattern; (?i) ignores case.", "PATTERN", "-g"),
        Option("--include", "Only lines that contain this text, case-sensitive.", "TEXT", "-i", True),
        Option("--exclude", "Drop lines that contain this text, case-sensitive.", "TEXT", "-e", True),
        Option("--replica", "Only lines of this replica, pod, worker or host.", "ID", repeatable=True),
        Option("--rank", "Only lines of these ranks, also as `[rank3]:` or `3:`. Ranges: 0-3, 0,4-7.", "N",
               repeatable=True),
        Option("--request-id", "Only lines of this inference request.", "ID"),
        Option("--component", "Only lines of this part of a Baseten deployment, environment or chainlet.", "NAME"),
        Option("--around", "The line nearest to this time, with lines before and after.", "TIME"),
        Option("--context", f"Lines before and after, with --around (default {DEFAULT_CONTEXT}).", "N", "-C"),
        Option("--limit", f"Maximum number of lines (default {DEFAULT_LINES}): the newest, or the oldest with --asc.",
               "N"),
        Option("--tail", "The newest N lines, also with --asc.", "N", "-n"),
        Option("--all", "Every line.", None, "-a"),
        Option("--asc", "Start with the oldest line."),
        Option("--desc", "Show the newest line first."),
        Option("--before", "Only lines older than this time, for paging.", "TIME"),
        Option("--after", "Only lines newer than this time, for paging.", "TIME"),
        Option("--skip", "With --before or --after: also lines of that time, except the first N.", "N"),
        PUBLIC,
        JSON,
        Option("--follow", "Print new lines as they arrive, until the job ends.", None, "-f", frontends=_SHELL),
        Option("--download", "Write to this file; - is standard output.", "FILE", "-o", frontends=_SHELL),
        Option("--force", "With --download, replace an existing file.", frontends=_SHELL),
        Option("--no-redact", "Show secrets in the log.", frontends=_SHELL),
    ),
    (
        ("logs baseten:lq4j9zm/8w6y2n", "the newest 100 lines"),
        ("logs baseten:lq4j9zm/8w6y2n --since 30m --level warning", "warnings and errors of the last 30 minutes"),
        ('logs fireworks:acme/tune-7b --rank 3 --grep "(?i)nccl|cuda"', "lines of rank 3 about NCCL or CUDA"),
        ('logs rivergen:cortex/run-42 --include loss --exclude "eval loss" --tail 20', "the newest 20 training losses"),
        ("logs baseten:lq4j9zm/8w6y2n --start 2026-03-13T10:00:00Z --end 2026-03-13T10:05:00Z --all",
         "every line of five minutes"),
        ("logs baseten:lq4j9zm/8w6y2n --around 2026-03-13T10:02:31Z -C 20",
         "that moment, with 20 lines before and after"),
        ("logs baseten:lq4j9zm/8w6y2n --all --json", "every line as JSON, for scripts"),
        ("logs rivergen:cortex/run-42 --download run-42.log", "the whole log in a file"),
    ),
    f"Without options: the newest {DEFAULT_LINES} lines, oldest first.",
    aliases=("log",),
    parameters=(JOB_PARAMETER,),
)  # fmt: skip
