"""What a stop explains: a person, a scheduler or a launcher ended the run, and much fails afterwards."""

import re
from collections.abc import Iterable

from bot.diagnosis.failures.candidates import Candidate, is_headless, states_crash
from bot.diagnosis.failures.reasons import Grade, grade
from bot.diagnosis.precedence import Precedence

ENDED_FROM_OUTSIDE = frozenset(
    {"preempted", "evicted", "evicted_memory", "evicted_storage", "evicted_reason", "node_failure", "recovery_failed"}
)
"""Signatures of what a scheduler does to a run that need not have failed: it may start the run again elsewhere."""
_FAILED_RECOVERY = "recovery_failed"
"""Signature of a scheduler that tried that in vain."""
_QUOTA, _NO_ROOM, _NO_OFFER = "quota_for_job", "no_capacity", "no_capacity_error"
"""Signatures of an offer of a cloud beyond a quota, of one without room, and of a search that found no other."""
_OF_CRASHES = (Precedence.WEAK, Precedence.ABORT)
_FAILED_BEFORE_STOP = (Precedence.ABORT, Precedence.TEARDOWN)
"""A process that ended with an error before a stop shows that something failed, unlike a lost connection."""

SYSTEM_REPORTS = frozenset({"xid_fatal", "kernel_oom", "storage_io"})
"""Signatures of what no failure of a program brings about. The kernel's lines often follow those of the program."""
_REPORT_LINES = 60
CRASH_DUMP = "crash_dump"
DUMP_LINES = 4
"""Number of lines after the head of a dump within which it names the signal."""
MIN_LOST_NS = 10 * 1_000_000_000
"""An interrupt this long after peers were lost is not what ended them."""
_EXITED_BY_ITSELF = re.compile(
    r"(?i)\b(?:exited with (?:exit )?(?:code|status)|exit ?code|return code|exit status)"
    r"[ :=]{1,3}(?!(?:0|15|129|130|143)\b)\d"
)
"""A process that no signal of a stop ended. A scheduler then ends the other processes of its step."""


def explaining_candidate(candidates: list[Candidate], notes: Iterable[Candidate] = ()) -> Candidate:
    """Return the candidate that explains the others.

    A stop explains what follows it, and the peers that lost their connection just before it was logged. It explains
    neither a failure before it nor what gives a reason for the stop, such as a time limit.

    Args:
        candidates: the failures.
        notes: what else the log reports.
    """
    stop = min((one for one in candidates if one.precedence is Precedence.STOP), key=_line, default=None)
    if stop is not None:
        own = [one for one in candidates if one.outranks_stop or _precedes(one, stop)]
        own = [one for one in own if not _is_dump_of(one, stop)]
        if _follows_lost_peers(candidates, stop):
            own += [one for one in candidates if _is_lost_peer(one) and one.line < stop.line]
        elif own and all(one.precedence is Precedence.TEARDOWN for one in own):  # the launcher ended what was left
            own += [one for one in candidates if one.shows_waiting and one.line < stop.line]
        candidates = own or [stop]
    lost = {one.decisive_line for one in candidates if one.precedence is Precedence.CASCADE}
    first = min(candidates, key=lambda one: (_order(one, lost), one.line))
    reports = (
        _failed_recovery(first, candidates), _system_report(first, candidates), _crash_before(first, candidates),
        _failed_search(first, candidates, notes),
    )  # fmt: skip
    return next((one for one in reports if one is not None), first)


def _failed_recovery(first: Candidate, candidates: list[Candidate]) -> Candidate | None:
    """The later report that a scheduler could not start a run again that it had ended; None without one."""
    if first.name not in ENDED_FROM_OUTSIDE:
        return None
    return next((one for one in candidates if one.name == _FAILED_RECOVERY and one.line > first.line), None)


def _failed_search(first: Candidate, candidates: list[Candidate], notes: Iterable[Candidate]) -> Candidate | None:
    """The later report that no offer of a cloud was left, if another one was refused for lack of room; None without."""
    if first.name != _QUOTA or not any(note.name == _NO_ROOM and note.line < first.line for note in notes):
        return None
    return next((one for one in candidates if one.name == _NO_OFFER and one.line > first.line), None)


def _follows_lost_peers(candidates: list[Candidate], stop: Candidate) -> bool:
    """Did processes lose their peers before an interrupt, and abort because of that?

    A person's Ctrl-C ends all processes by a signal, and none of them with a core dump. Where times are known, the
    interrupt can also be much later than the loss.
    """
    lost = [one for one in candidates if _is_lost_peer(one) and one.line < stop.line]
    if stop.name != "interrupted" or not lost:
        return False
    is_late = any(
        stop.first_ns - one.first_ns >= MIN_LOST_NS
        for one in lost
        if one.first_ns is not None and stop.first_ns is not None
    )
    return is_late or any(one.precedence is Precedence.ABORT for one in candidates)


def _is_lost_peer(candidate: Candidate) -> bool:
    return candidate.precedence is Precedence.CASCADE and candidate.category == "collective"


def _system_report(first: Candidate, candidates: list[Candidate]) -> Candidate | None:
    """The report of a kernel shortly after an exception that fails because of something else; None without one."""
    if first.precedence > Precedence.WEAK or not first.excerpt:
        return None
    if grade(first.excerpt[first.root_index]) is not Grade.OUTCOME:
        return None
    reports = [one for one in candidates if one.name in SYSTEM_REPORTS and one.precedence is Precedence.ROOT]
    later = [one for one in reports if not one.has_exception and 0 < one.line - first.line <= _REPORT_LINES]
    return min(later, key=_line, default=None)


def _order(candidate: Candidate, lost: set[int]) -> Precedence:
    """The precedence; of an exception whose message ends in a report of lost peers, that of the report.

    A frame of a stack without its head states less than any other line.
    """
    if candidate.precedence is Precedence.CASCADE and is_headless(candidate):
        return Precedence.TRACE
    is_lost = candidate.precedence < Precedence.CASCADE and candidate.decisive_line in lost
    return Precedence.CASCADE if is_lost else candidate.precedence


def _crash_before(first: Candidate, candidates: list[Candidate]) -> Candidate | None:
    """The last words of a process that crashed, before an exception of another that reports its end; None without."""
    if first.precedence is not Precedence.ROOT or not first.has_exception:
        return None
    if grade(first.excerpt[first.root_index]) is not Grade.OUTCOME:
        return None
    crashes = [one for one in candidates if one.precedence in _OF_CRASHES and states_crash(one)]
    return min((one for one in crashes if 0 < first.line - one.line <= _REPORT_LINES), key=_line, default=None)


def _precedes(candidate: Candidate, stop: Candidate) -> bool:
    """Did the run fail with `candidate` before it was stopped?"""
    is_failure = candidate.precedence <= Precedence.WEAK or candidate.precedence in _FAILED_BEFORE_STOP
    is_failure |= candidate.precedence is Precedence.TRACE and _exited_by_itself(candidate)
    return candidate.line < stop.line and (is_failure or candidate.identifies_missing_rank)


def _is_dump_of(candidate: Candidate, stop: Candidate) -> bool:
    """Is the candidate the head of the stack that a process prints when the signal of a stop reaches it?"""
    return candidate.name == CRASH_DUMP and 0 <= stop.line - candidate.line <= DUMP_LINES


def _exited_by_itself(candidate: Candidate) -> bool:
    """Does its first line report a process that ended by itself, with an error?"""
    return bool(candidate.excerpt) and _EXITED_BY_ITSELF.search(candidate.excerpt[candidate.root_index]) is not None


def _line(candidate: Candidate) -> int:
    return candidate.line
