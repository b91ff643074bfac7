"""Conditions: trainwatch itself cannot see. They say "I cannot see", never "it failed"."""

from __future__ import annotations

from datetime import datetime

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.rules.rule import Context

_WHAT = {Part.STATUS: "status", Part.LOGS: "logs", Part.METRICS: "metrics"}
_HINTS = {
    GapReason.AUTH: "Give trainwatch a valid key for this platform and restart it; `trainwatch check` tells more.",
    GapReason.NOT_FOUND: "The job may have been deleted; `/train unwatch` ends the subscription.",
    GapReason.RATE_LIMITED: "Raise the poll interval or the platform's limit.",
}
_HINT = "Nothing to do if the platform is down: no line is skipped, and this message will say when I can see again."


def no_data(context: Context) -> tuple[Verdict, Memory]:
    """Holds while a part that this platform offers cannot be fetched. Its finding is the Gap."""
    observation = context.observation
    blind = [gap for gap in observation.gaps if _is_blind(gap)]
    if not blind:
        return Clear(), {}
    since = str(context.memory.get("since") or observation.at.isoformat())
    what = " and ".join(sorted({_WHAT[gap.part] for gap in blind}))
    evidence = Evidence(
        summary=f"I cannot see this job's {what} since {datetime.fromisoformat(since):%H:%M} UTC.",
        facts=tuple((_WHAT[gap.part].capitalize(), gap.public) for gap in blind),
        hint=_HINTS.get(blind[0].reason, _HINT),
        first_at=datetime.fromisoformat(since),
    )
    return Finding(evidence), {"since": since}


def _is_blind(gap: Gap) -> bool:
    return gap.reason not in (GapReason.NOT_SUPPORTED, GapReason.UNREACHABLE_LINES)


def unreachable_lines(context: Context) -> tuple[Verdict, Memory]:
    """Holds when lines exist that the platform's paging cannot give: said, not passed over."""
    observation = context.observation
    gaps = [gap for gap in observation.gaps if gap.reason is GapReason.UNREACHABLE_LINES]
    if not gaps:
        return (Unknown() if observation.gap(Part.LOGS) else Clear()), context.memory
    known = sum(gap.lines or 0 for gap in gaps)
    number = f"At least {known:,} log lines" if known else "Some log lines"
    moments = [datetime_from_ns(gap.start_ns) for gap in gaps if gap.start_ns is not None]
    evidence = Evidence(
        summary=f"{number} cannot be read: {gaps[0].public}",
        hint="Read that moment in the platform's own log viewer.",
        count=known,
        first_at=min(moments, default=None),
        last_at=max(moments, default=None),
    )
    return Finding(evidence, notify=True), {}
