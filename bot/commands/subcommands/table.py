"""The command table: every subcommand of each frontend, and the commands they are read into. Pure."""

from __future__ import annotations

from bot.commands.subcommands.help import HELP, HelpCommand
from bot.commands.subcommands.jobs import JOB_QUERIES, JobQuery, JobQueryAnswer
from bot.commands.subcommands.logs import LOGS, LogsCommand
from bot.commands.subcommands.rules import RULES, RuleQuery, RuleQueryAnswer
from bot.commands.subcommands.shell import FOLLOW, LOCAL_COMMANDS, FollowCommand, LocalCommand, VersionCommand
from bot.commands.subcommands.spec import Frontend, Subcommand
from bot.commands.subcommands.subscriptions import CHANNEL_COMMANDS, ChannelCommand

Query = JobQuery | RuleQuery
"""A command with the same answer in both frontends."""
QueryAnswer = JobQueryAnswer | RuleQueryAnswer

SlackCommand = LogsCommand | Query | ChannelCommand | HelpCommand
ShellCommand = LogsCommand | Query | FollowCommand | LocalCommand | HelpCommand | VersionCommand

SLACK_TABLE: tuple[Subcommand[SlackCommand], ...] = (LOGS, *JOB_QUERIES, *CHANNEL_COMMANDS, RULES, HELP)
SHELL_TABLE: tuple[Subcommand[ShellCommand], ...] = (LOGS, *JOB_QUERIES, FOLLOW, RULES, *LOCAL_COMMANDS, HELP)


def subcommands(frontend: Frontend) -> tuple[Subcommand[SlackCommand | ShellCommand], ...]:
    """The subcommands that can be typed in a frontend, in the order of help."""
    return SLACK_TABLE if frontend is Frontend.SLACK else SHELL_TABLE
