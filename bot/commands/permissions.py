"""The role that each command needs. Pure."""

from typing import assert_never

from bot.commands.subcommands.audit import AuditCommand
from bot.commands.subcommands.channel_check import ChannelCheckCommand
from bot.commands.subcommands.digest import DigestCommand
from bot.commands.subcommands.jobs import DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.notify import NotifyCommand, NotifyMeCommand
from bot.commands.subcommands.patterns import UnwatchPatternCommand, WatchPatternCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UndoUnwatchCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)
from bot.commands.subcommands.table import HelpCommand, SlackCommand
from bot.domain.access import AccessRole


def required_role(command: SlackCommand) -> AccessRole:
    """The role that a command needs for its job, or for all jobs if it names none."""
    match command:
        case HelpCommand() | ChannelCheckCommand():
            return AccessRole.NONE
        case LogsCommand() | MetricsCommand() | StatusCommand() | DiagnoseCommand() | JobsCommand():
            return AccessRole.READ
        case RulesCommand() | ReplayCommand() | ListCommand() | NotifyMeCommand():
            return AccessRole.READ
        case NotifyCommand():
            return AccessRole.ADMINISTER if command.change is not None else AccessRole.READ
        case DigestCommand():
            return AccessRole.OPERATE if command.changes else AccessRole.READ
        case (
            WatchCommand() | WatchPatternCommand() | UnwatchPatternCommand() | UndoUnwatchCommand() | UnsilenceCommand()
        ):
            return AccessRole.OPERATE
        case UnwatchCommand():
            return AccessRole.ADMINISTER if command.ref is None else AccessRole.OPERATE
        case SilenceCommand():
            is_narrow = command.ref is not None or command.rule is not None or command.severity is not None
            return AccessRole.OPERATE if is_narrow else AccessRole.ADMINISTER
        case AuditCommand():
            return AccessRole.ADMINISTER
        case _:
            assert_never(command)
