"""Condition: the log has lines at level ERROR or above.

The level is the platform's, or the one in the line itself (`bot.domain.levels`). A Python traceback has no level;
`log_diagnosis.py` covers failures that are not logged as errors.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from bot.diagnosis.harmless_lines import is_harmless
from bot.diagnosis.reading.line_sources import source_of
from bot.diagnosis.reading.plain_message import plain_message
from bot.diagnosis.reading.prefixes import unwrap_json
from bot.domain.alerts import Clear, CountedMessage, Evidence, ExcerptLine, Finding, Unknown, Verdict
from bot.domain.durations import datetime_from_ns
from bot.domain.gaps import Part
from bot.domain.levels import reaches
from bot.domain.logs import Level, LogLine
from bot.domain.wording import plural, times
from bot.rules.rule import Context, with_state

MAX_LINES = 20
"""Lines of evidence in one notification."""
MAX_FINGERPRINTS = 200
"""Different messages counted while the alert fires; further ones are counted together, without a notification."""
MAX_TEXTS = 8
"""Messages whose text is kept because they were the first, and the same number because they are the most frequent."""
MAX_MESSAGES = 5
"""Distinct messages in the evidence."""
MESSAGE_CHARS = 300
SUMMARY_CHARS = 200
MAX_SOURCES = 6
MAX_KEPT_SOURCES = 64

MAX_COMPARED = 20
"""Lines of one message compared at one poll, to find the numbers in which they differ."""
_ELLIPSIS = "\u2026"
_NUMBER = re.compile(r"(\d+(?:\.\d+)?|\u2026)")
_VOLATILE = re.compile(r"0x[0-9a-fA-F]+|\d+")


class ErrorGroup(msgspec.Struct, frozen=True, omit_defaults=True):
    """Errors whose messages differ only in numbers."""

    count: int
    first_at: datetime
    text: str = ""
    """The first message; "" if the group is neither among the first nor among the most frequent ones."""


class ErrorState(msgspec.Struct, frozen=True, omit_defaults=True):
    """What this rule keeps while errors arrive."""

    count: int = 0
    fingerprints: list[str] = msgspec.field(default_factory=list, name="prints")
    """Of messages that an earlier version notified and did not count."""
    first_at: datetime | None = None
    last_poll_at: datetime | None = msgspec.field(default=None, name="at")
    """The last poll with an error."""
    groups: dict[str, ErrorGroup] = msgspec.field(default_factory=dict)
    """By fingerprint, in order of their first line."""
    sources: list[str] = msgspec.field(default_factory=list)
    """Ranks and replicas of all errors, at most `MAX_KEPT_SOURCES`."""


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
    prints = [(error_fingerprint(line.message), line) for line in errors]
    known = {*state.groups, *state.fingerprints}
    new: dict[str, LogLine] = {}
    for fingerprint, line in prints:
        if fingerprint not in known:
            new.setdefault(fingerprint, line)
    room = MAX_FINGERPRINTS - len(known)
    groups = _counted(state.groups, prints, room)
    first_at = state.first_at or datetime_from_ns(errors[0].timestamp_ns)
    sources = sorted({*state.sources, *(source for line in errors if (source := source_of(line)))})[:MAX_KEPT_SOURCES]
    after = ErrorState(state.count + len(errors), state.fingerprints, first_at, observation.at, groups, sources)
    messages = _messages(groups)
    evidence = Evidence(
        summary=_summary(after.count, messages, len(groups))
        if messages
        else plain_message(errors[0].message, MESSAGE_CHARS),
        lines=_first_and_last([*new.values()] or errors),
        count=after.count,
        facts=_sources(sources),
        first_at=first_at,
        last_at=datetime_from_ns(errors[-1].timestamp_ns),
        messages=messages,
    )
    return Finding(evidence, notify=bool(new) and room > 0), after


def _is_ignored(message: str, ignored: str) -> bool:
    return bool(ignored and ignored in message) or is_harmless(message)


def error_fingerprint(message: str) -> str:
    """Mask the numbers of a message and cut it: messages that differ only in a counter are the same."""
    text = unwrap_json(message[:4000]) if "{" in message[:64] else message
    return _VOLATILE.sub("#", text[:300])[:120]


def _counted(
    groups: Mapping[str, ErrorGroup], prints: Iterable[tuple[str, LogLine]], room: int
) -> dict[str, ErrorGroup]:
    """Add lines to their groups, and at most `room` new groups; keep the texts that the evidence may show."""
    counted = dict(groups)
    texts: dict[str, LogLine] = {}
    compared: Counter[str] = Counter()
    for fingerprint, line in prints:
        group = counted.get(fingerprint)
        if group is not None:
            compared[fingerprint] += 1
            text = _in_common(group.text, line) if compared[fingerprint] <= MAX_COMPARED else group.text
            counted[fingerprint] = ErrorGroup(group.count + 1, group.first_at, text)
        elif room > 0:
            text = plain_message(line.message, MESSAGE_CHARS)
            counted[fingerprint] = ErrorGroup(1, datetime_from_ns(line.timestamp_ns), text)
            room -= 1
        texts.setdefault(fingerprint, line)
    frequent = sorted(counted, key=lambda fingerprint: -counted[fingerprint].count)[:MAX_TEXTS]
    shown = {*list(counted)[:MAX_TEXTS], *frequent}
    return {
        fingerprint: _with_text(one, fingerprint in shown, texts.get(fingerprint))
        for fingerprint, one in counted.items()
    }


def _in_common(text: str, line: LogLine) -> str:
    """The text of a group without the numbers that differ in another of its lines."""
    if not text:
        return text
    parts, others = (_NUMBER.split(one) for one in (text, plain_message(line.message, MESSAGE_CHARS)))
    if len(parts) != len(others):
        return text
    return "".join(part if part == other else _ELLIPSIS for part, other in zip(parts, others, strict=True))


def _with_text(group: ErrorGroup, is_shown: bool, line: LogLine | None) -> ErrorGroup:
    text = group.text or (plain_message(line.message, MESSAGE_CHARS) if line else "")
    return ErrorGroup(group.count, group.first_at, text if is_shown else "")


def _messages(groups: Mapping[str, ErrorGroup]) -> tuple[CountedMessage, ...]:
    """The first message, then the most frequent others."""
    named = [group for group in groups.values() if group.text]
    chosen = [*named[:1], *sorted(named[1:], key=lambda group: -group.count)[: MAX_MESSAGES - 1]]
    return tuple(CountedMessage(one.text, one.count, one.first_at) for one in chosen)


def _summary(count: int, messages: Sequence[CountedMessage], kinds: int) -> str:
    """Quote the first and the most frequent message, each with its count."""
    quoted = [_shortened(one.message) + times(one.count) for one in messages[:2]]
    others = [plural(kinds - len(quoted), "other message")] if kinds > len(quoted) else []
    return (f"{plural(count, 'error')}: " if count > 1 else "") + "; ".join([*quoted, *others])


def _shortened(text: str) -> str:
    return text if len(text) <= SUMMARY_CHARS else f"{text[: SUMMARY_CHARS - 1]}…"


def _sources(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    if not names:
        return ()
    more = f" and {len(names) - MAX_SOURCES} more" if len(names) > MAX_SOURCES else ""
    return (("From", ", ".join(names[:MAX_SOURCES]) + more),)


def _first_and_last(lines: Sequence[LogLine]) -> tuple[ExcerptLine, ...]:
    """Quote the first lines, which show where it began, and the last ones, which show the current state."""
    half = MAX_LINES // 2
    chosen = lines if len(lines) <= MAX_LINES else [*lines[:half], *lines[-half:]]
    return tuple(ExcerptLine.of(line, max_chars=2000) for line in chosen)
