"""Every command that can be typed, as unions that a `match` must cover. Pure."""

from __future__ import annotations

from bot.commands.subcommands.help import HelpCommand
from bot.commands.subcommands.jobs import DiagnoseCommand, JobsCommand, MetricsCommand, StatusCommand
from bot.commands.subcommands.logs import LogsCommand
from bot.commands.subcommands.rules import ReplayCommand, RulesCommand
from bot.commands.subcommands.shell import CheckCommand, ScanCommand, ServeCommand, UpgradeCommand, VersionCommand
from bot.commands.subcommands.subscriptions import (
    ListCommand,
    SilenceCommand,
    UnsilenceCommand,
    UnwatchCommand,
    WatchCommand,
)

Reading = (
    LogsCommand
    | MetricsCommand
    | StatusCommand
    | DiagnoseCommand
    | RulesCommand
    | ReplayCommand
    | JobsCommand
    | WatchCommand
)
"""The commands that need platforms and nothing else."""

Command = Reading | UnwatchCommand | ListCommand | SilenceCommand | UnsilenceCommand | HelpCommand
ShellCommand = Command | ScanCommand | ServeCommand | CheckCommand | UpgradeCommand | VersionCommand
