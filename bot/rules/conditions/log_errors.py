"""Condition: the log has lines at level ERROR or above.

The level is the platform's, or the one in the line itself (`bot.domain.levels`). A Python traceback has no level;
`log_diagnosis.py` covers failures that are not logged as errors.
"""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec

from bot.diagnosis.reading.line_sources import source_of
from bot.domain.alerts import Clear, Evidence, ExcerptLine, Finding, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Part
from bot.domain.levels import reaches
from bot.domain.logs import Level, LogLine
from bot.domain.wording import plural
from bot.rules.rule import Context, with_state

MAX_LINES = 20
"""Lines of evidence in one notification."""
MAX_FINGERPRINTS = 200
"""Different messages kept while the alert fires; further ones are counted without a notification."""
MAX_SOURCES = 6

_HARMLESS = re.compile(
    r"_is_a_lwp: open\(\)|Unable to register cu\w+ factory|No Aggregation Manager \(sharp_am\)"
    r"|mca_coll_hcoll_comm_query\(\)|PMIX ERROR: ERROR in file gds_|failed call to cuInit: .*CUDA_ERROR_NO_DEVICE"
)
"""Lines that Slurm, TensorFlow and MPI log as errors in healthy jobs."""
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\d+")


class ErrorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What this rule keeps while errors arrive."""

    count: int = 0
    fingerprints: list[str] = msgspec.field(default_factory=list, name="prints")
    """Of the messages that were notified."""
    first_at: datetime | None = None
    last_poll_at: datetime | None = msgspec.field(default=None, name="at")
    """The last poll with an error."""


is_error = reaches(Level.ERROR)


@with_state(ErrorState)
def error_lines(context: Context, state: ErrorState) -> tuple[Verdict, ErrorState]:
    """Holds at polls with new error lines; notifies when one of them has a message not seen before."""
    observation = context.observation
    ignored = context.text("ignore")
    errors = [line for line in observation.lines if is_error(line) and not _is_ignored(line.message, ignored)]
    if not errors:
        return (Unknown() if observation.gap(Part.LOGS) else Clear()), state
    last_at = state.last_poll_at
    if last_at is None or observation.at - last_at >= context.span("quiet_after"):
        state = ErrorState()
    new: dict[str, LogLine] = {}
    for line in errors:
        new.setdefault(error_fingerprint(line.message), line)
    for fingerprint in state.fingerprints:
        new.pop(fingerprint, None)
    fingerprints = [*state.fingerprints, *new][:MAX_FINGERPRINTS]
    first_at = state.first_at or datetime_from_ns(errors[0].timestamp_ns)
    after = ErrorState(state.count + len(errors), fingerprints, first_at, observation.at)
    evidence = Evidence(
        summary=_summary(after.count, errors),
        lines=_first_and_last([*new.values()] or errors),
        count=after.count,
        facts=_sources(errors),
        first_at=first_at,
        last_at=datetime_from_ns(errors[-1].timestamp_ns),
    )
    return Finding(evidence, notify=bool(new) and len(fingerprints) < MAX_FINGERPRINTS), after


def _is_ignored(message: str, ignored: str) -> bool:
    return bool(ignored and ignored in message) or _HARMLESS.search(message) is not None


def error_fingerprint(message: str) -> str:
    """Mask the numbers of a message and cut it: messages that differ only in a counter are the same."""
    return _VOLATILE.sub("#", message[:300])[:120]


def _summary(count: int, errors: Sequence[LogLine]) -> str:
    newest = next((text for text in errors[-1].message.splitlines()[::-1] if text.strip()), "").strip()
    return f"{plural(count, 'error line')}, newest: {newest[:200]}"


def _sources(errors: Sequence[LogLine]) -> tuple[tuple[str, str], ...]:
    names = sorted({source for line in errors if (source := source_of(line))})
    if not names:
        return ()
    more = f" and {len(names) - MAX_SOURCES} more" if len(names) > MAX_SOURCES else ""
    return (("From", ", ".join(names[:MAX_SOURCES]) + more),)


def _first_and_last(lines: Sequence[LogLine]) -> tuple[ExcerptLine, ...]:
    """Quote the first lines, which show where it began, and the last ones, which show the current state."""
    half = MAX_LINES // 2
    chosen = lines if len(lines) <= MAX_LINES else [*lines[:half], *lines[-half:]]
    return tuple(ExcerptLine.of(line, max_chars=2000) for line in chosen)
