"""Condition: the log holds lines at level ERROR or worse.

The level is the platform's, or the one the line states itself (`bot.domain.levels`). A Python traceback has no level:
what broke without saying ERROR is for `log_failure.py`, which asks what the lines mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.domain.alerts import Clear, Evidence, ExcerptLine, Finding, Memory, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Part
from bot.domain.levels import level_of
from bot.domain.logs import Level, LogLine
from bot.rules.rule import Context

MAX_LINES = 20
"""Lines of evidence in one notification."""
MAX_PRINTS = 200
"""Different messages remembered in one episode; beyond it new ones are counted and not told again."""

_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\d+")


def is_error(line: LogLine) -> bool:
    """Whether a line says of itself that something went wrong."""
    level = level_of(line)
    return level is not None and level >= Level.ERROR


def error_lines(context: Context) -> tuple[Verdict, Memory]:
    """Holds at the polls that bring new error lines; news when one of them says something not yet told."""
    observation = context.observation
    ignored = context.text("ignore")
    errors = [line for line in observation.lines if is_error(line) and not (ignored and ignored in line.message)]
    if not errors:
        return (Unknown() if observation.gap(Part.LOGS) else Clear()), context.memory
    episode = _episode(context.memory, observation.at, context.span("quiet_after"))
    count = _count(episode) + len(errors)
    prints = _prints(episode)
    new = list(_unseen(errors, set(prints)))
    prints = [*prints, *(fingerprint(line.message) for line in new)][:MAX_PRINTS]
    first_at = _moment(episode.get("first_at")) or datetime_from_ns(errors[0].timestamp_ns)
    shown = _first_and_last(new or errors)
    memory = {"count": count, "prints": prints, "first_at": first_at.isoformat(), "at": observation.at.isoformat()}
    evidence = Evidence(
        summary=_summary(count, errors),
        lines=shown,
        count=count,
        facts=_sources(errors),
        first_at=first_at,
        last_at=datetime_from_ns(errors[-1].timestamp_ns),
    )
    return Finding(evidence, notify=bool(new) and len(prints) < MAX_PRINTS), memory


def fingerprint(message: str) -> str:
    """A message with its numbers masked, cut: two messages that differ in a counter are one piece of news."""
    return _VOLATILE.sub("#", message[:300])[:120]


def _summary(count: int, errors: Sequence[LogLine]) -> str:
    first = next((text for text in errors[-1].message.splitlines()[::-1] if text.strip()), "").strip()
    number = "1 error line" if count == 1 else f"{count:,} error lines"
    return f"{number}, newest: {first[:200]}"


def _sources(errors: Sequence[LogLine]) -> tuple[tuple[str, str], ...]:
    names = sorted({line.source for line in errors if line.source})
    if not names:
        return ()
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return (("From", ", ".join(names[:6]) + more),)


def _unseen(errors: Iterable[LogLine], seen: set[str]) -> Iterable[LogLine]:
    for line in errors:
        mark = fingerprint(line.message)
        if mark not in seen:
            seen.add(mark)
            yield line


def _first_and_last(lines: Sequence[LogLine]) -> tuple[ExcerptLine, ...]:
    """The first lines are where it began; the last ones are where it stands."""
    if len(lines) <= MAX_LINES:
        chosen = list(lines)
    else:
        half = MAX_LINES // 2
        chosen = [*lines[:half], *lines[-half:]]
    return tuple(ExcerptLine.of(line, max_chars=2000) for line in chosen)


def _episode(memory: Memory, now: datetime, quiet_after: timedelta) -> Memory:
    at = _moment(memory.get("at"))
    return memory if at is not None and now - at < quiet_after else {}


def _count(memory: Memory) -> int:
    count = memory.get("count")
    return count if isinstance(count, int) else 0


def _prints(memory: Memory) -> list[str]:
    prints = memory.get("prints")
    return [str(one) for one in prints] if isinstance(prints, list) else []


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
