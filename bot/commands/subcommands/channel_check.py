"""`check` in Slack: what is misconfigured in a channel, and who can fix it. Pure."""

from dataclasses import dataclass

from bot.commands.subcommands.spec import PUBLIC, Subcommand
from bot.domain.checks import CheckResult


@dataclass(frozen=True, slots=True)
class ChannelCheckCommand:
    """Check what alerts in this channel depend on."""

    public: bool = False


@dataclass(frozen=True, slots=True)
class ChannelCheckAnswer:
    """What was checked."""

    results: tuple[CheckResult, ...]
    shows_details: bool = False
    """Whether the person administers trainwatch, and so sees what the operator has to fix and how."""


CHANNEL_CHECK = Subcommand(
    "check",
    "Find what is misconfigured here, and who can fix it",
    lambda arguments: ChannelCheckCommand(arguments.at_most(0).has("--public")),
    options=(PUBLIC,),
    examples=(("check", "the bot, its permissions, platforms, subscriptions and mentions"),),
    notes="It sends one request to each platform. `trainwatch check` in a shell also checks tokens and files.",
)
