"""`digest`: one message about all runs of a channel, edited in place or sent each day. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.commands.subcommands.arguments import Arguments, read_zone
from bot.commands.subcommands.spec import Effect, Positional, Subcommand
from bot.errors import UsageError

if TYPE_CHECKING:  # help and other commands start faster without them
    from bot.domain.boards import BoardKind, BoardSettings

_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})")
_USAGE = "Use `digest live`, `digest daily 09:00 Europe/Berlin` or `digest off`."


@dataclass(frozen=True, slots=True)
class DigestCommand:
    """Show or change the digest of a channel's runs."""

    kind: BoardKind | None = None
    """None: end it, or only show it."""
    minute: int = 0
    """Minutes after midnight, of a daily digest."""
    zone: str = "UTC"
    changes: bool = True
    """False: only show what is set."""


@dataclass(frozen=True, slots=True)
class DigestAnswer:
    """The digest of a channel's runs."""

    settings: BoardSettings | None
    """None: there is none."""
    has_changed: bool


def _build_digest(arguments: Arguments) -> DigestCommand:
    from bot.domain.boards import BoardKind  # noqa: PLC0415 - help must be fast

    words = [word.lower() for word in arguments.positionals]
    match words:
        case []:
            return DigestCommand(changes=False)
        case ["off"]:
            return DigestCommand()
        case ["live" | "on"]:
            return DigestCommand(BoardKind.LIVE)
        case ["daily", clock, *zones] if len(zones) <= 1:
            usual = str(getattr(arguments.context.zone, "key", "UTC"))
            zone = arguments.positionals[2] if zones else usual
            return DigestCommand(BoardKind.DAILY, _minute(clock), read_zone(zone))
        case _:
            raise UsageError(_USAGE)


def _minute(clock: str) -> int:
    found = _CLOCK.fullmatch(clock)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise UsageError(f"Invalid time `{clock[:40]}`. Use 00:00 to 23:59.")
    return int(found[1]) * 60 + int(found[2])


DIGEST = Subcommand(
    "digest",
    "Show all runs of this channel in one message, or in one each day",
    _build_digest,
    "[live | daily HH:MM [ZONE] | off]",
    examples=(
        ("digest", "show what is set"),
        ("digest live", "one message with the state, progress and alerts of every run, edited in place"),
        ("digest daily 09:00 Europe/Berlin", "the same as a new message each morning"),
    ),
    parameters=(Positional("words", "What to set, word by word; nothing shows what is set.", is_repeatable=True),),
    effect=Effect.REPLACE,
)
