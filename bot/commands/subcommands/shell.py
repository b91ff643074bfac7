"""The subcommands that only a shell has: `watch` to follow, `top`, `scan`, `serve`, `check` and others. Pure."""

import re
from dataclasses import dataclass

from bot.commands.subcommands.arguments import Arguments
from bot.commands.subcommands.patterns import EXCLUDE, PATTERN_NOTES, pattern_words, read_matchers
from bot.commands.subcommands.spec import JSON, Option, Subcommand
from bot.commands.subcommands.subscriptions import SETTING_NOTES
from bot.domain.job_matching import Matcher
from bot.errors import UsageError


@dataclass(frozen=True, slots=True)
class FollowCommand:
    """Follow the log of one job, with its status changes and alerts between the lines."""

    ref: str
    settings: tuple[str, ...] = ()
    """Rule settings as typed."""


def _build_follow(arguments: Arguments) -> FollowCommand:
    if pattern_words(arguments):
        raise UsageError(
            "The command line follows one job at a time. `trainwatch jobs running` lists them. "
            "To watch every job that matches a pattern, type `/train watch PATTERN` in Slack."
        )
    return FollowCommand(*arguments.reference_and_settings())


FOLLOW = Subcommand(
    "watch",
    "Follow the log of a job, with its status changes and alerts between the lines",
    _build_follow,
    "REF [SETTING...]",
    examples=(("watch baseten:lq4j9zm/8w6y2n", "until the job ends or Ctrl-C"),),
    notes=SETTING_NOTES,
)


@dataclass(frozen=True, slots=True)
class TopCommand:
    """Show running jobs live."""

    matchers: tuple[Matcher, ...] = ()
    """Without any, all jobs of all platforms."""
    once: bool = False
    """Whether to print one frame and end."""
    json: bool = False


def _build_top(arguments: Arguments) -> TopCommand:
    matchers = read_matchers(arguments)
    if unread := set(arguments.positionals).difference(pattern_words(arguments)):
        raise UsageError(
            f"`{min(unread)[:60]}` is not a pattern. Use one such as `baseten:*`, `owner=me` or `name~llama-*`."
        )
    return TopCommand(matchers, arguments.has("--once"), arguments.has("--json"))


TOP = Subcommand(
    "top",
    "Show running jobs live: progress, GPUs, loss and alerts, problems first",
    _build_top,
    "[PATTERN...]",
    (Option("--once", "Print one frame and end."), JSON, EXCLUDE),
    (
        ("top", "the running jobs of every platform"),
        ("top owner=me", "those that you started"),
        ("top 'baseten:lq4j9zm/*' --once", "those of one project, once"),
    ),
    "Arrows move, Enter opens a job, `l` follows its log, `/` filters, `s` sorts, `?` lists all keys, `q` quits. "
    f"{PATTERN_NOTES}",
)


@dataclass(frozen=True, slots=True)
class ScanCommand:
    """Explain what a log file means, without asking a platform."""

    paths: tuple[str, ...]
    """Files, folders and patterns; `-` is the standard input."""
    json: bool = False
    follow: bool = False
    exit_code: bool = False
    """Whether the exit code shows that a person must act."""
    redact: bool = True
    report: bool = False
    """Whether to write an anonymized copy instead of printing a diagnosis."""
    output: str | None = None
    """Where to write the copy; None for `trainwatch-report.log`."""
    hide: tuple[str, ...] = ()
    """More names to replace in the copy."""
    force: bool = False


def _build_scan(arguments: Arguments) -> ScanCommand:
    if not arguments.positionals:
        raise UsageError("Missing file. Name log files or a folder, or use `-` for standard input.")
    if arguments.has("--follow") and len(arguments.positionals) > 1:
        raise UsageError("`--follow` reads one file. Name one file, or use `-` for standard input.")
    if arguments.has("--report") and (len(arguments.positionals) > 1 or arguments.positionals == ("-",)):
        raise UsageError("`--report` copies one file. Name the file with the first error.")
    arguments.refuse_together((("--report", "--follow", ""), ("--report", "--no-redact", "")))
    if arguments.text("--output") == "-":
        raise UsageError("`--output` names a file. The copy has a label in a second file beside it.")
    unused = next((name for name in ("--output", "--hide", "--force") if arguments.has(name)), None)
    if unused is not None and not arguments.has("--report"):
        raise UsageError(f"`{unused}` needs `--report`.")
    return ScanCommand(
        arguments.positionals,
        json=arguments.has("--json"),
        follow=arguments.has("--follow"),
        exit_code=arguments.has("--exit-code"),
        redact=not arguments.has("--no-redact"),
        report=arguments.has("--report"),
        output=arguments.text("--output"),
        hide=arguments.texts("--hide"),
        force=arguments.has("--force"),
    )


SCAN = Subcommand(
    "scan",
    "Explain why a run failed, from its log file, offline",
    _build_scan,
    "FILE... | FOLDER | -",
    (
        JSON,
        Option("--follow", "Follow the file, like tail -F, and report problems as they happen.", None, "-f"),
        Option("--exit-code", "Exit with 3 when a person must act."),
        Option("--no-redact", "Show secrets in the log."),
        Option("--report", "Write an anonymized copy to attach to a bug report."),
        Option("--output", "With --report, the name of the copy (default trainwatch-report.log).", "FILE"),
        Option("--hide", "With --report, replace this name as well.", "NAME", repeatable=True),
        Option("--force", "With --report, replace an existing file."),
    ),
    (
        ("scan train.log", "what broke, where, and what to try"),
        ("scan train.log.gz", "a log compressed with gzip, bzip2 or xz"),
        ("scan rank_0.log rank_1.log", "the logs of the ranks of one run, as one run"),
        ("scan logs/", "every log in a folder and its folders, as one run"),
        ("scan 'logs/**/rank_*.log'", "every file that matches; ** also matches folders"),
        ("scan --follow train.log", "problems as they happen"),
        ("scan train.log --report", "an anonymized copy for a bug report"),
    ),
    "No account, token or setting is needed. Several files are read as the log of one run. Where lines state no rank, "
    "it comes from the file's name, such as rank_3.log or attempt_0/3/stderr.log.",
)


@dataclass(frozen=True, slots=True)
class ServeCommand:
    """Run the bot."""


@dataclass(frozen=True, slots=True)
class McpCommand:
    """Serve the commands to agents by the Model Context Protocol."""

    http: str | None = None
    """HOST:PORT; None serves standard input and output."""
    user: str = ""
    """The Slack user id whose roles count; empty for nobody's."""
    channel: str = ""
    """The Slack channel id that channel commands are about; empty for none."""
    hosts: tuple[str, ...] = ()
    """Further values of the HTTP header `Host` that are accepted."""


def _build_mcp(arguments: Arguments) -> McpCommand:
    user, channel = arguments.text("--as") or "", arguments.text("--channel") or ""
    if user and not re.fullmatch(r"[UW][A-Z0-9]{2,20}", user):
        raise UsageError(f"Invalid user `{user[:40]}` for `--as`. Use a Slack user id such as U0123ABCD.")
    if channel and not re.fullmatch(r"[CGD][A-Z0-9]{2,20}", channel):
        raise UsageError(f"Invalid channel `{channel[:40]}`. Use a Slack channel id such as C0123ABCD.")
    if arguments.has("--allow-host") and not arguments.has("--http"):
        raise UsageError("`--allow-host` applies only to `--http`.")
    return McpCommand(arguments.text("--http"), user, channel, arguments.texts("--allow-host"))


MCP = Subcommand(
    "mcp",
    "Serve these commands to agents by the Model Context Protocol",
    _build_mcp,
    options=(
        Option("--http", "Serve HTTP at this address instead of standard input and output: 127.0.0.1:8765.", "ADDRESS"),
        Option("--as", "Use the roles that the access file gives this Slack user; read-only without it.", "USER"),
        Option("--channel", "Also serve the commands of this Slack channel, such as `watch` and `list`.", "ID"),
        Option("--allow-host", "With --http, also accept requests to this host name.", "HOST", repeatable=True),
    ),
    examples=(
        ("mcp", "for an agent on this machine, which starts it"),
        ("mcp --channel C0TRAIN123 --as U0ADA1234", "with the commands of a channel, in the name of a person"),
        ("mcp --http 127.0.0.1:8765", "for several agents, at http://127.0.0.1:8765/mcp"),
    ),
    notes="Needs `uv tool install '.[mcp]'`. Beyond this machine, `--http` needs TRAINWATCH_MCP_TOKEN. "
    "docs/agents.md shows how to connect an agent.",
)

SERVE = Subcommand("serve", "Run the Slack bot and the watcher", lambda _: ServeCommand())


@dataclass(frozen=True, slots=True)
class InitCommand:
    """Ask for tokens and keys, verify them, and write `.env`."""


INIT = Subcommand(
    "init",
    "Connect a Slack workspace and training platforms, step by step",
    lambda _: InitCommand(),
    notes="Opens Slack's page that creates the app, verifies each token and key, writes `.env`, creates the tables of "
    "the database and sends a test message. Run it again to change or complete the setup. It keeps what works.",
)


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """Check this installation."""

    json: bool = False
    health: bool = False
    """Only check whether the running bot is alive."""


CHECK = Subcommand(
    "check",
    "Find configuration problems and show how to fix them: tokens, scopes, database, platforms",
    lambda arguments: CheckCommand(arguments.has("--json"), arguments.has("--health")),
    options=(JSON, Option("--health", "Only check whether the running bot is alive, for a container's health check.")),
)


@dataclass(frozen=True, slots=True)
class UpgradeCommand:
    """Bring the tables of the database up to date."""


def _build_upgrade(arguments: Arguments) -> UpgradeCommand:
    if arguments.positionals == ("upgrade",):
        return UpgradeCommand()
    raise UsageError("`db` needs an action. Use `trainwatch db upgrade`.")


DB = Subcommand("db", "Bring the tables of the database up to date", _build_upgrade, "upgrade")


SHELLS_WITH_COMPLETION = ("bash", "zsh", "fish")


@dataclass(frozen=True, slots=True)
class CompletionCommand:
    """Print a script that completes commands in a shell."""

    shell: str


def _build_completion(arguments: Arguments) -> CompletionCommand:
    words = arguments.at_most(1).positionals
    if words and words[0].lower() in SHELLS_WITH_COMPLETION:
        return CompletionCommand(words[0].lower())
    raise UsageError("`completion` needs a shell. Use bash, zsh or fish.")


COMPLETION = Subcommand(
    "completion",
    "Print a script that completes commands with Tab",
    _build_completion,
    "bash | zsh | fish",
    examples=(
        ("completion bash", "in ~/.bashrc: source <(trainwatch completion bash)"),
        ("completion zsh", "in ~/.zshrc, after compinit: source <(trainwatch completion zsh)"),
        ("completion fish", "in ~/.config/fish/config.fish: trainwatch completion fish | source"),
    ),
)


@dataclass(frozen=True, slots=True)
class VersionCommand:
    """Print the version."""


LocalCommand = InitCommand | ScanCommand | ServeCommand | McpCommand | CheckCommand | UpgradeCommand | CompletionCommand
LOCAL_COMMANDS: tuple[Subcommand[LocalCommand], ...] = (SCAN, INIT, SERVE, MCP, CHECK, DB, COMPLETION)
