"""The command table: every subcommand of each frontend, with `help`, which lists them. Pure.

`bot.commands.parsing.help` writes the text of help.
"""

from dataclasses import dataclass

from bot.commands.subcommands.audit import AUDIT, AuditCommand
from bot.commands.subcommands.channel_check import CHANNEL_CHECK, ChannelCheckCommand
from bot.commands.subcommands.digest import DIGEST, DigestCommand
from bot.commands.subcommands.jobs import JOB_COMMANDS, JobAnswer, JobCommand
from bot.commands.subcommands.logs import LOGS, LogsCommand
from bot.commands.subcommands.notify import NOTIFY, NotifyCommand, NotifyMeCommand
from bot.commands.subcommands.rules import RULES, RuleAnswer, RuleCommand
from bot.commands.subcommands.shell import (
    FOLLOW,
    LOCAL_COMMANDS,
    TOP,
    FollowCommand,
    LocalCommand,
    TopCommand,
    VersionCommand,
)
from bot.commands.subcommands.spec import Frontend, Positional, Subcommand
from bot.commands.subcommands.subscriptions import CHANNEL_COMMANDS, ChannelCommand


@dataclass(frozen=True, slots=True)
class HelpCommand:
    """Explain what can be typed."""

    topic: str | None = None
    """A subcommand or a topic; None for the overview."""


@dataclass(frozen=True, slots=True)
class HelpAnswer:
    """What can be typed."""

    topic: str | None
    usage: str
    description: str
    rows: tuple[tuple[str, str], ...]
    """(what to type, what it does)."""
    examples: tuple[tuple[str, str], ...] = ()
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    """(title, rows): what else there is to know, such as the rules."""
    topics: tuple[tuple[str, str], ...] = ()
    """(what follows `help`, title) of other pages."""
    pressable: tuple[str, ...] = ()
    """The examples that can be run as they are, and change nothing."""


HELP = Subcommand(
    "help",
    "List the subcommands, or explain one of them",
    lambda arguments: HelpCommand(arguments.positionals[0].lower() if arguments.positionals else None),
    "[SUBCOMMAND]",
    aliases=("?",),
    parameters=(Positional("topic", "A subcommand."),),
)

SharedCommand = JobCommand | RuleCommand
"""A command with the same answer in both frontends."""
SharedAnswer = JobAnswer | RuleAnswer

SlackCommand = (
    LogsCommand
    | SharedCommand
    | ChannelCommand
    | DigestCommand
    | NotifyCommand
    | NotifyMeCommand
    | AuditCommand
    | ChannelCheckCommand
    | HelpCommand
)
ShellCommand = (
    LogsCommand
    | SharedCommand
    | FollowCommand
    | TopCommand
    | LocalCommand
    | AuditCommand
    | HelpCommand
    | VersionCommand
)

SLACK_TABLE: tuple[Subcommand[SlackCommand], ...] = (
    LOGS,
    *JOB_COMMANDS,
    *CHANNEL_COMMANDS,
    DIGEST,
    NOTIFY,
    RULES,
    AUDIT,
    CHANNEL_CHECK,
    HELP,
)
SHELL_TABLE: tuple[Subcommand[ShellCommand], ...] = (
    LOGS,
    *JOB_COMMANDS,
    FOLLOW,
    TOP,
    RULES,
    AUDIT,
    *LOCAL_COMMANDS,
    HELP,
)


def subcommands(frontend: Frontend) -> tuple[Subcommand[SlackCommand | ShellCommand], ...]:
    """The subcommands that can be typed in a frontend, in the order of help."""
    return SLACK_TABLE if frontend is Frontend.SLACK else SHELL_TABLE
