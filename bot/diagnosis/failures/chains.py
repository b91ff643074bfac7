"""Choose between the exceptions of a chain: the one that says what happened, which is usually the first.

A later exception of a chain replaces the one before it if it says all of that and more, as a library's own exception
does for one of its HTTP client, or a wrapper that adds the name of the file.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from bot.diagnosis.failures.candidates import Candidate, announces_exception, is_near, says_as_much
from bot.diagnosis.failures.failure_events import FailureEvent
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.failures.stops import ENDED_FROM_OUTSIDE, SYSTEM_REPORTS
from bot.diagnosis.failures.subjects import names_subject
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.vague_lines import is_vague
from bot.diagnosis.precedence import Precedence

MESSAGE_LINES = 8
"""Number of lines that an exception's message may take."""
SUMMARY_LINES = 20
"""Number of lines in which a summary may follow an exception without a message."""
MIN_MESSAGE = 12
"""An outer exception whose message is shorter says less than any other."""

_PLUMBING = re.compile(
    r"(?:gaierror|herror|NewConnectionError|NameResolutionError|MaxRetryError|\w*Timeout(?:Error)?|\btimeout|ProtocolError"
    r"|RemoteDisconnected|ConnectError|HTTPError|HTTPStatusError|ClientConnectorError|ClientResponseError|CancelledError"
    r"|EndOfStream|_InactiveRpcError|AioRpcError|queue\.Empty)$|^(?:requests\.exceptions|urllib3|httpx|httpcore|aiohttp|http\.client)\."
)
"""Exceptions of the layers below a client: the client's own exception names what it wanted."""
_MULTILINE = frozenset({"python_exception", "rust_panic", "native_abort", "r_error"})
"""Failures whose message may take several lines."""
_EMPTY = re.compile(r"^\w+(?:Error|Exception):?\s*$")
_LOOKUP = re.compile(r"(?:KeyError|AttributeError|IndexError|LookupError)$")
_QUOTED = re.compile(r"'([^']{3,120})'")
_KIND = re.compile(r"((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:\([A-Z]\w+\))?: ?(.*)$")


def says_more(outer: RaisedException, text: str, row: str) -> bool:
    """Does an exception say more than the one it followed from?

    Args:
        outer: the later exception.
        text: its line.
        row: the line of the exception before it, with or without its prefixes.
    """
    if not outer.follows:
        return False
    if outer.follows == "java":
        return True
    found = _KIND.search(row.rpartition("]: ")[2] or row) or _KIND.search(row)
    kind, message = (found.group(1), found.group(2).strip()) if found else (row.strip(), "")
    if outer.kind.rpartition(".")[2] == kind.rpartition(".")[2] and outer.message == message:
        return False
    if _PLUMBING.search(kind) and not _PLUMBING.search(outer.kind):
        return len(outer.message) >= MIN_MESSAGE
    names = _QUOTED.findall(message) if _LOOKUP.search(kind) else []
    if names and all(name in text for name in names):
        return True
    if names_subject("file", text) and not names_subject("file", row):
        return outer.follows == "cause" or (len(message) >= MIN_MESSAGE and message[:80] in text)
    is_named = f"({kind.rpartition('.')[2]})" in text
    return is_named and names_subject("name", text) and not names_subject("name", row)


def is_replaced(root: Candidate, event: FailureEvent, raised: RaisedException) -> bool:
    """Does an exception say more than the one that it followed from, or is it the one that was announced?"""
    if root.name == "python_exception" and announces_exception(root):
        return True
    return says_more(raised, event.text, f"{root.exception} {root.message_below}".rstrip())


def continues_message(root: Candidate, other: Candidate) -> bool:
    """Is `other` a known failure in a later line of the exception's message?"""
    is_empty = _EMPTY.search(root.exception) is not None
    return (
        0 < other.line - root.line <= (SUMMARY_LINES if is_empty else MESSAGE_LINES)
        and (is_empty or root.name in _MULTILINE)
        and other.precedence is Precedence.ROOT
        and other.name != root.name
        and not (other.has_exception and root.precedence is Precedence.ABORT)  # an exception of another process
        and next(iter(root.sources), "") == next(iter(other.sources), "")
    )


def with_first_line(root: Candidate, candidates: Iterable[Candidate]) -> Candidate:
    """Show the exception itself if a later line of its message is the known failure, unless it ends before that."""
    first = next((one for one in candidates if continues_message(one, root)), None)
    if first is None or first.precedence > root.precedence or root.exception:
        return root
    row = first.excerpt[first.root_index] if first.excerpt else ""
    if first.awaits_reason not in ("", "more") or announces_exception(first) or is_vague(row):
        return root
    if root.name in SYSTEM_REPORTS and grade(row) is Grade.OUTCOME:
        return root  # the kernel's lines follow those of the program
    return replace(
        root, excerpt=first.excerpt, root_index=first.root_index, decisive_line=first.decisive_line, line=first.line
    )


def with_known_reason(root: Candidate, candidates: Iterable[Candidate]) -> Candidate:
    """Return the failure with the meaning of the line that explains it, if that is known."""
    known = (one for one in candidates if root.reason_line and one.line == root.reason_line)
    one = next(known, None)
    if one is None:
        return root
    return replace(
        root, name=one.name, title=one.title, category=one.category, hint=one.hint, serving_hint=one.serving_hint,
        unnamed_hint=one.unnamed_hint, names=one.names, reason_line=0, statement=one.statement, usual=one.usual,
    )  # fmt: skip


def completed_candidates(
    event: FailureEvent, added: Iterable[tuple[Candidate, bool]], root: Candidate | None
) -> list[tuple[Candidate, bool]]:
    """Return the root cause, if it is an error line whose exception is this event, or an exception that this names."""
    if root is None or any(root is one for one, _ in added) or not is_near(event, root):
        return []
    is_decisive = (root.is_warning and says_as_much(event, root)) or announces_exception(root)
    is_named = root.has_subject or names_subject(root.names, root.message_below)
    is_decisive |= not is_named and names_subject(root.names, event.text) and not _says_less(event, root)
    return [] if root.has_exception and not is_decisive else [(root, is_decisive)]


def _says_less(event: FailureEvent, root: Candidate) -> bool:
    """Does an error fail because of a failure whose decisive line states its origin?

    A client's exception that names its host says more than that of the layers below it.
    """
    row = root.excerpt[root.root_index] if root.excerpt else ""
    return root.names != "host" and grade(row) is Grade.ORIGIN and grade(event.text) < Grade.ORIGIN


def fails_after_restart(root: Candidate, candidate: Candidate) -> bool:
    """Does an attempt that a scheduler started again after it had ended the run fail by itself?"""
    is_own = candidate.category != "collective" and candidate.precedence is Precedence.ROOT
    is_own &= candidate.name not in ENDED_FROM_OUTSIDE
    return is_own and (root.category == "scheduler" or root.name in ENDED_FROM_OUTSIDE)


def evict_weakest(group: dict[str, Candidate], precedence: Precedence) -> bool:
    """Drop the least likely candidate, if it is less likely than one of `precedence`."""
    key, weakest = max(group.items(), key=lambda item: (item[1].precedence, item[1].line))
    if weakest.precedence <= precedence:
        return False
    del group[key]
    return True
