"""How many requests and how much time a command may use."""

from dataclasses import replace

from bot.commands.subcommands.jobs import DiagnoseCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand
from bot.commands.subcommands.table import SlackCommand
from bot.providers.budget import BudgetLimits

_WHOLE_LOG_FACTOR = 10
"""How much more a command may use that reads a whole log."""


def limits_of(command: SlackCommand, limits: BudgetLimits) -> BudgetLimits:
    """Return the limits of one command, from those of a short one."""
    reads_all = isinstance(command, LogsCommand) and command.needs_file
    is_long = reads_all or isinstance(command, DiagnoseCommand | ReplayCommand)
    limits = limits.times(_WHOLE_LOG_FACTOR) if is_long else limits
    # A file has the lines on both sides of an empty time, however long that is.
    return replace(limits, empty_s=None) if reads_all else limits
