"""The one table of subcommands and options, as data: what can be typed in Slack and in a shell, with its help.

`parser` parses by it, `help` explains it; the shell's arguments are the same words.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Frontend(enum.Enum):
    """Where something is typed."""

    SLACK = "/train"
    SHELL = "trainwatch"


BOTH = (Frontend.SLACK, Frontend.SHELL)
SLACK_ONLY = (Frontend.SLACK,)
SHELL_ONLY = (Frontend.SHELL,)


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a subcommand."""

    name: str
    help: str
    value: str | None = None
    """What stands behind it, as help shows it; None for a switch."""
    short: str | None = None
    repeatable: bool = False
    frontends: tuple[Frontend, ...] = BOTH


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand."""

    name: str
    help: str
    """One line for the overview."""
    positionals: str = ""
    """As the usage line shows them."""
    options: tuple[Option, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()
    """(without `/train`, what it shows); shown where every option in it can be typed."""
    notes: str = ""
    """What the options do not tell."""
    frontends: tuple[Frontend, ...] = BOTH
    also: tuple[str, ...] = ()
    """Other words for it."""

    def options_of(self, frontend: Frontend) -> tuple[Option, ...]:
        """What can be typed there."""
        return tuple(option for option in self.options if frontend in option.frontends)


_WINDOW = (
    Option("--since", "from so long ago until now: 30m, 2h, 3d", "SPAN"),
    Option("--start", "from this moment on (RFC 3339; UTC when no zone is given)", "TIME"),
    Option("--end", "up to and with this moment", "TIME"),
)
_PUBLIC = Option("--public", "show the answer to the whole channel at once", frontends=SLACK_ONLY)
_JSON = Option("--json", "machine-readable, as docs/cli.md describes", frontends=SHELL_ONLY)

LOGS = Subcommand(
    "logs",
    "show log lines of a job, filtered",
    "REF",
    (
        *_WINDOW,
        Option("--level", "only lines at this level or worse; lines without a level are left out", "LEVEL", "-l"),
        Option("--grep", "only lines that match this RE2 pattern; (?i) ignores case", "PATTERN", "-g"),
        Option("--include", "only lines with this text, case-sensitive; all of them must appear", "TEXT", "-i", True),
        Option("--exclude", "no lines with this text, case-sensitive", "TEXT", "-e", True),
        Option("--replica", "only this replica", "ID", repeatable=True),
        Option("--rank", "only this rank", "N", repeatable=True),
        Option("--request-id", "only lines of this inference request", "ID"),
        Option("--limit", "at most so many lines (100 unless told)", "N"),
        Option("--all", "every line", None, "-a"),
        Option("--tail", "the newest so many lines", "N", "-n"),
        Option("--asc", "take lines from the beginning, oldest first"),
        Option("--desc", "newest first"),
        Option("--before", "only lines older than this moment, to page on", "TIME"),
        Option("--after", "only lines newer than this moment, to page on", "TIME"),
        _PUBLIC,
        _JSON,
        Option("--follow", "go on as new lines arrive, until the job ends", None, "-f", frontends=SHELL_ONLY),
        Option("--download", "write to this file (- for standard output) instead of the screen", "FILE", "-o",
               frontends=SHELL_ONLY),
        Option("--no-redact", "show secrets in the log as they are", frontends=SHELL_ONLY),
    ),
    (
        ("logs baseten:lq4j9zm/8w6y2n", "the last 100 lines"),
        ("logs baseten:lq4j9zm/8w6y2n --since 30m --level warning", "warnings and worse of the last half hour"),
        ('logs fireworks:acme/tune-7b --rank 3 --grep "(?i)nccl|cuda"', "what rank 3 says of NCCL or CUDA"),
        ('logs rivergen:cortex/run-42 --include loss --exclude "eval loss" --tail 20', "the newest 20 training losses"),
        ("logs baseten:lq4j9zm/8w6y2n --start 2026-03-13T10:00:00Z --end 2026-03-13T10:05:00Z --all",
         "everything of five minutes"),
        ("logs baseten:lq4j9zm/8w6y2n --all --json", "every line as JSON, for scripts"),
        ("logs rivergen:cortex/run-42 --download run-42.log", "the whole log into a file"),
    ),
    "Without options: the newest 100 lines, oldest first.",
    also=("log",),
)  # fmt: skip
METRICS = Subcommand(
    "metrics",
    "GPU, memory, CPU and storage figures of a job",
    "REF",
    (*_WINDOW, _PUBLIC, _JSON),
    (
        ("metrics baseten:lq4j9zm/8w6y2n", "the last hour, or the job's last hour when it has ended"),
        ("metrics baseten:lq4j9zm/8w6y2n --since 15m", "the last quarter of an hour"),
    ),
    also=("metric",),
)
STATUS = Subcommand(
    "status",
    "is it alive: state, last lines, GPUs",
    "REF",
    (_PUBLIC, _JSON),
    (("status fireworks:acme/tune-7b", "its state, newest lines and GPU utilisation"),),
    also=("show",),
)
DIAGNOSE = Subcommand(
    "diagnose",
    "what broke, on which rank, and what to try: reads the job's log",
    "REF",
    (*_WINDOW, _PUBLIC, _JSON),
    (
        ("diagnose baseten:lq4j9zm/8w6y2n", "from the whole log"),
        ("diagnose baseten:lq4j9zm/8w6y2n --since 2h", "from the last two hours, which is quicker"),
    ),
    also=("why",),
)
RULES = Subcommand(
    "rules",
    "the rules that alert, or what they would have said in the past",
    "[test REF [RULE SETTINGS]]",
    (
        Option("--since", "test from so long ago until now: 6h, 2d (24h unless told)", "SPAN"),
        *_WINDOW[1:],
        _PUBLIC,
        _JSON,
    ),
    (
        ("rules", "every rule with its parameters"),
        ("rules test baseten:lq4j9zm/8w6y2n", "which alerts the last 24 hours would have brought"),
        ("rules test baseten:lq4j9zm/8w6y2n --since 6h low_gpu_utilization.for=5m", "with other settings"),
    ),
    "A test reads the logs and metrics of the window again and sends nothing. Settings are as for `watch`.",
    also=("rule",),
)
JOBS = Subcommand(
    "jobs",
    "what runs where",
    "[PLATFORM]",
    (Option("--limit", "the newest so many of each platform (20 unless told)", "N"), _PUBLIC, _JSON),
    (("jobs", "the newest jobs of every platform"), ("jobs baseten", "those of one platform")),
    also=("job",),
)
_WATCH_NOTES = "Settings: rule.parameter=value, rule=off, severity=page|warn|info."
WATCH = Subcommand(
    "watch",
    "alert this channel when the job fails, logs errors or idles its GPUs",
    "REF [RULE SETTINGS]",
    examples=(
        ("watch baseten:lq4j9zm/8w6y2n", "with the rules as shipped"),
        ("watch baseten:lq4j9zm/8w6y2n low_gpu_utilization.threshold=40% log_errors=off", "with other settings"),
    ),
    notes=f"{_WATCH_NOTES} The answer shows every rule and its parameters; watching again changes them.",
    frontends=SLACK_ONLY,
    also=("subscribe",),
)
FOLLOW = Subcommand(
    "watch",
    "follow a job's log, with its status changes and alerts between the lines",
    "REF [RULE SETTINGS]",
    examples=(("watch baseten:lq4j9zm/8w6y2n", "until the job ends or Ctrl-C"),),
    notes=_WATCH_NOTES,
    frontends=SHELL_ONLY,
)
UNWATCH = Subcommand(
    "unwatch",
    "stop alerting this channel",
    "REF | --all",
    (Option("--all", "everything this channel watches"),),
    (("unwatch baseten:lq4j9zm/8w6y2n", "this job"), ("unwatch --all", "every job")),
    frontends=SLACK_ONLY,
    also=("unsubscribe",),
)
LIST = Subcommand(
    "list",
    "what this channel watches and has muted",
    options=(_PUBLIC,),
    examples=(("list", "jobs, their state and who watches them"),),
    frontends=SLACK_ONLY,
    also=("ls",),
)
SILENCE = Subcommand(
    "silence",
    "mute alerts in this channel for a while",
    "SPAN [REF] | end ID",
    (
        Option("--rule", "only alerts of this rule", "NAME"),
        Option("--severity", "only alerts of this severity: page, warn, info", "SEVERITY"),
        Option("--reason", "why, for the others", "TEXT"),
    ),
    (
        ('silence 2h baseten:lq4j9zm/8w6y2n --reason "restarting nodes"', "one job, two hours"),
        ("silence 1d --rule low_gpu_utilization", "one rule on every job"),
        ("silence end 7", "end silence 7 before its time; `list` shows the numbers"),
    ),
    frontends=SLACK_ONLY,
    also=("mute",),
)
SCAN = Subcommand(
    "scan",
    "why did my run die: what a log file says, offline",
    "FILE | -",
    (
        Option("--json", "machine-readable, as docs/cli.md describes"),
        Option("--follow", "go on as the file grows, also when it is replaced; tell news as it comes", None, "-f"),
        Option("--exit-code", "exit with 3 when something needs a person"),
        Option("--no-redact", "show secrets in the log as they are"),
    ),
    (
        ("scan train.log", "what broke, where, and what to try"),
        ("scan train.log.gz", "compressed by gzip"),
        ("scan --follow train.log", "tell what happens while it happens"),
    ),
    "No account, token or setting is needed.",
    frontends=SHELL_ONLY,
)
SERVE = Subcommand("serve", "run the Slack bot and the watcher", frontends=SHELL_ONLY)
CHECK = Subcommand(
    "check",
    "tokens, scopes, database and platforms: what is wrong and how to mend it",
    options=(_JSON, Option("--health", "only whether the running bot is alive; quick, for a container's health check")),
    frontends=SHELL_ONLY,
)
DB = Subcommand("db", "bring the database's tables up to date", "upgrade", frontends=SHELL_ONLY)
HELP = Subcommand("help", "this list, or more about one subcommand", "[SUBCOMMAND]", also=("?",))

TABLE = (
    LOGS, METRICS, STATUS, DIAGNOSE, JOBS, WATCH, FOLLOW, UNWATCH, LIST, SILENCE, RULES, SCAN, SERVE, CHECK, DB, HELP
)  # fmt: skip


def subcommands(frontend: Frontend) -> tuple[Subcommand, ...]:
    """What can be typed there, in the order help shows."""
    return tuple(one for one in TABLE if frontend in one.frontends)


def subcommand_named(name: str, frontend: Frontend) -> Subcommand | None:
    """The subcommand of this name or other word for it."""
    return next((one for one in subcommands(frontend) if name == one.name or name in one.also), None)
