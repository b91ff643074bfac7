"""Conditions: trainwatch cannot observe the job. Their wording never suggests that the job failed."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from bot.domain.alerts import Clear, Evidence, Finding, Memory, Unknown, Verdict
from bot.domain.digests import METRICS, PLATFORM
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobRef
from bot.rules.rule import Context, with_state

_PART_NAMES = {Part.STATUS: "status", Part.LOGS: "logs", Part.METRICS: "metrics"}
_HINTS = {
    GapReason.AUTH: "Set a valid key for this platform and restart trainwatch. Run `trainwatch check` for details.",
    GapReason.NOT_FOUND: "Stop watching with `/train unwatch` if the job was deleted.",
    GapReason.INTERNAL: "This is a bug of trainwatch: report it with the lines of trainwatch's log.",
    GapReason.RATE_LIMITED: "Raise the poll interval or the platform's limit.",
}
_HINT = "Wait if the platform is down. No log line will be skipped, and this alert resolves when it answers again."


class OutageState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Since when a part of the job cannot be fetched."""

    since: datetime | None = None


@with_state(OutageState)
def no_data(context: Context, state: OutageState) -> tuple[Verdict, OutageState]:
    """Holds while a part that this platform offers cannot be fetched."""
    observation = context.observation
    gaps = [gap for gap in observation.gaps if gap.is_outage]
    if not gaps:
        return Clear(), OutageState()
    since = state.since or observation.at
    parts = " and ".join(sorted({_PART_NAMES[gap.part] for gap in gaps}))
    evidence = Evidence(
        summary=f"Unable to read this job's {parts}.",
        facts=tuple((_PART_NAMES[gap.part].capitalize(), gap.public) for gap in gaps),
        hint=_HINTS.get(gaps[0].reason, _HINT),
        first_at=since,
        group=platform_group(observation.ref, gaps),
    )
    return Finding(evidence), OutageState(since)


def platform_group(job: JobRef, gaps: Sequence[Gap]) -> str:
    """What the job shares with others when its platform is the reason; "" when the reason concerns the job alone."""
    if not all(gap.is_of_platform for gap in gaps):
        return ""
    is_metrics = all(gap.part is Part.METRICS for gap in gaps)
    return f"{METRICS if is_metrics else PLATFORM}{job.platform}"


def unreachable_lines(context: Context) -> tuple[Verdict, Memory]:
    """Holds when the log has lines that the platform's paging cannot return."""
    observation = context.observation
    gaps = [gap for gap in observation.gaps if gap.reason is GapReason.UNREACHABLE_LINES]
    if not gaps:
        return (Unknown() if observation.gap(Part.LOGS) else Clear()), context.memory
    known = sum(gap.lines or 0 for gap in gaps)
    number = f"At least {known:,} log lines" if known else "Some log lines"
    times = [datetime_from_ns(gap.start_ns) for gap in gaps if gap.start_ns is not None]
    evidence = Evidence(
        summary=f"{number} cannot be read: {gaps[0].public}",
        hint="Read that part of the log in the platform's own log viewer.",
        count=known,
        first_at=min(times, default=None),
        last_at=max(times, default=None),
    )
    return Finding(evidence, notify=True), {}
