"""Say in words which lines a page or stream of a log leaves out, for both frontends. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands.subcommands.logs import Cut, CutReason
from bot.domain.wording import plural

_REASONS = {
    CutReason.NO_LEVEL: "had no level",
    CutReason.BELOW_LEVEL: "did not reach --level",
    CutReason.OTHER_REQUEST: "came from other requests",
    CutReason.NO_REPLICA: "had no replica; try --rank",
    CutReason.OTHER_REPLICA: "came from other replicas",
    CutReason.NO_RANK: "had no rank; try --replica",
    CutReason.OTHER_RANK: "came from other ranks",
    CutReason.NOT_INCLUDED: "lacked an --include text",
    CutReason.EXCLUDED: "contained an --exclude text",
    CutReason.NOT_MATCHED: "did not match --grep",
    CutReason.FILTERED_BY_PLATFORM: "may have been dropped by the platform",
    CutReason.OLDER: "are older; narrow with --since or --grep",
    CutReason.NEWER: "are newer; narrow with --since or --grep",
    CutReason.OLDER_UNREAD: "are older and not searched yet; page on, or narrow the window",
    CutReason.NEWER_UNREAD: "are newer and not searched yet; page on, or narrow the window",
    CutReason.SAME_NANOSECOND: "have the same timestamp as the last one shown; the command line shows them all",
}


def cut_text(cut: Cut, pushed_down: Sequence[str]) -> str:
    """How many lines are left out and why; `pushed_down` are the options that the platform applied."""
    number = "some lines" if cut.lines is None else plural(cut.lines, "line")
    options = f" ({', '.join(pushed_down)})" if cut.reason is CutReason.FILTERED_BY_PLATFORM else ""
    return f"{number} {_REASONS[cut.reason]}{options}"
