"""Find the root cause among many error lines.

One failing run logs hundreds of error lines. All lines from the first one until the run continues, or the log ends,
belong together. Their candidates are ordered by precedence, then by line; the first is the root cause and the others
are grouped with it. Failures after the run reported success are part of its teardown.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Signature
from bot.diagnosis.failures.candidates import Candidate, is_more_decisive, is_near
from bot.diagnosis.failures.category_of_excerpt import with_weighed_category
from bot.diagnosis.failures.chains import (
    completed_candidates,
    continues_message,
    evict_weakest,
    fails_after_restart,
    is_replaced,
    with_first_line,
    with_known_reason,
)
from bot.diagnosis.failures.endings import ends_well, is_complete
from bot.diagnosis.failures.event_candidates import (
    build_candidate,
    build_note,
    candidate_from_cleanup,
    closes_after_work,
)
from bot.diagnosis.failures.failure_events import FailureEvent
from bot.diagnosis.failures.life_signs import LifeKind, LifeSign
from bot.diagnosis.failures.notes import DELAYS, is_delay, is_resolved, may_be_delay, report_notes, settle_notes
from bot.diagnosis.failures.prior_success import INFERRED, find_prior_success
from bot.diagnosis.failures.quotations import is_quoted
from bot.diagnosis.failures.rank_evidence import RankEvidence
from bot.diagnosis.failures.recovery import (
    CERTAIN_ANSWERS,
    LIVE_SAMPLES,
    LIVE_SAMPLES_TIMED,
    MAX_LIFE_LINES,
    MAX_RELAPSES,
    MIN_NEW_STEPS,
    LinesSince,
    ProgressEvent,
    Recovery,
    is_contradicted,
    passes_once_ready,
)
from bot.diagnosis.failures.routine import GoneOn
from bot.diagnosis.failures.series import NEXT_PART, SERIES_FAILED, NextRun, is_start
from bot.diagnosis.failures.severities import RunOutcome, recategorize
from bot.diagnosis.failures.stops import ENDED_FROM_OUTSIDE, explaining_candidate
from bot.diagnosis.failures.supporting_signs import signs_around
from bot.diagnosis.failures.tracebacks import RaisedException
from bot.diagnosis.failures.windows import Place
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.sourced_lines import SourcedLine, is_logged

MAX_CANDIDATES = 16
MAX_RECOVERED = 6

_OF_SEVERAL_RANKS = frozenset(("collective", "hang"))
"""Categories of failures that one rank logs and another one may have caused."""


@dataclass(slots=True)
class RootCauseTracker:
    """The failures of a run: the current one, and those it recovered from."""

    candidates: dict[str, Candidate] = field(default_factory=dict)
    notes: dict[str, Candidate] = field(default_factory=dict)
    recovered: list[Candidate] = field(default_factory=list)
    ranks: RankEvidence = field(default_factory=RankEvidence)
    recovery: Recovery = field(default_factory=Recovery)
    success: str = ""
    """The newest success that the run reported: none, soft or hard."""
    has_ended: bool = False
    """Did it report its end, and no failure since?"""
    notes_at: int = -1
    """Number of samples before the newest note that may be of a start; -1 if there is none."""
    success_line: int = 0
    success_samples: int = 0
    """Number of progress samples before it."""
    next_run: NextRun = field(default_factory=NextRun)
    """What shows that another run began after it."""

    def observe(
        self, event: FailureEvent, signature: Signature | None, raised: RaisedException | None, place: Place
    ) -> list[tuple[Candidate, bool]]:
        """Read one event; return the candidates whose excerpt ends with it, and whether it is their decisive line."""
        if self.ranks.read_table(event.text):
            return []
        if signature is not None and signature.role in UNREPORTED_ROLES:
            self._record_success(event, signature)
            return []
        if signature is not None and signature.role == "note":
            note = build_note(self.notes.get(signature.name), event, signature, raised)
            self.notes_at = event.position.samples if may_be_delay(note, event.text) else self.notes_at
            return self._add(self.notes, event, note, raised)
        done = bool(self.success_at(event.position.samples))
        is_start = signature is not None and signature.category == "launch"  # not what fails while a process ends
        if (
            raised is not None
            and not is_start
            and (raised.is_cleanup or closes_after_work(raised, lambda: self._own_texts(place), has_completed=done))
        ):
            return self._add(self.notes, event, candidate_from_cleanup(event, raised), raised)
        candidate = build_candidate(event, signature, raised)
        if candidate is None:
            return []
        if candidate.name == SERIES_FAILED and not self.candidates and not self._reopen():
            return []
        reported, own_run = self.success_at(event.position.samples), None if self.candidates else self.next_run
        candidate.prior_success = find_prior_success(candidate, raised, place, own_run, reported)
        if candidate.prior_success and not reported:
            self.success, self.success_line = INFERRED, event.line - 1
            self.success_samples = event.position.samples
        self.ranks.observe(event, is_waiting=candidate.shows_waiting)
        root = self._replaced(event, candidate, raised)
        is_new = candidate.key not in self.candidates and candidate.precedence < Precedence.BARE_EXCEPTION
        if root is not None and is_new and candidate.precedence <= Precedence.STOP:
            self._close_survived(root, candidate, place.lines_since)
        if not self.recovery.routine.is_known:
            texts = [*place.parts_before, event.text]
            self.recovery.routine.learn_later(place.unread_lines(), place.own_source, texts)
        self.recovery.record_failure(event, is_new=is_new)
        self.has_ended = False
        self.recovery.has_exited |= candidate.precedence in (Precedence.TEARDOWN, Precedence.TRACE)
        if candidate.key not in self.candidates:
            candidate.is_quoted = is_quoted(place.newest_lines(), event.text, is_logged=is_logged(place.line))
        added = self._add(self.candidates, event, candidate, raised)
        if raised is None or not raised.has_traceback or candidate.precedence > Precedence.WEAK:
            return added
        return [*added, *completed_candidates(event, added, self.root())]

    def _replaced(self, event: FailureEvent, candidate: Candidate, raised: RaisedException | None) -> Candidate | None:
        """Return the root cause; drop it first if a later exception of its chain says more."""
        root = self.root()
        if (
            root is None
            or raised is None
            or not (root.has_exception and is_near(event, root))
            or candidate.precedence > root.precedence
            or not is_replaced(root, event, raised)
        ):
            return root
        if candidate.name == "python_exception" and (root.name != candidate.name or candidate.category == "code"):
            candidate.category, candidate.hint, candidate.names = root.category, root.hint, root.names
            candidate.serving_hint, candidate.unnamed_hint = root.serving_hint, root.unnamed_hint
        for label in root.labels():
            candidate.record_source(label, root.first_ns)
        del self.candidates[root.key]
        return root

    def record_retry(self, line: int) -> None:
        """Record a retry notice: the run retries, skips or ignores a failure."""
        self.recovery.retry_line = line

    def record_progress(self, progress: ProgressEvent) -> None:
        """Record a progress line; close the failure once the run has certainly continued."""
        if self.notes_at >= 0 and progress.position.samples - self.notes_at >= LIVE_SAMPLES_TIMED:
            self._settle_delays()
        if self.next_run.begins(
            progress.step if progress.epoch is None else progress.epoch, after_success=self.success
        ):
            self.success = ""
        if self.success == INFERRED and progress.position.samples - self.success_samples >= MIN_NEW_STEPS:
            self.success = ""
        root = self.root()
        if root is None or root.is_final:
            return
        self.recovery.record_progress(progress, root)
        if self.recovery.is_certain(progress, root):
            self._close(root)

    @property
    def awaits_outcome(self) -> bool:
        """Is it open whether the program went on after the newest failure?"""
        return (bool(self.candidates) or self.notes_at >= 0) and self.recovery.life.lines < MAX_LIFE_LINES

    def record_life(self, sign: LifeSign | None, line: SourcedLine, *, is_local: bool) -> None:
        """Record a line that may show that the program goes on.

        Args:
            sign: what it shows; None for nothing.
            line: with the name of the process that wrote it.
            is_local: whether processes of other names belong to the same program.
        """
        life = self.recovery.life
        life.lines += 1
        if self.notes_at >= 0 and sign is not None and sign.kind is LifeKind.ANSWERED:
            self._settle_delays(is_served=True)
        root, name = self.root(), line.source.name
        if (
            root is None
            or root.is_final
            or sign is None
            or (name and root.source_name and name != root.source_name and not is_local)
        ):
            return
        if not self.recovery.routine.is_own_sign(sign, line, is_server=root.is_in_server):
            return
        life.record(sign)
        if (
            (life.has_verdict or max(life.answered, life.trials) >= CERTAIN_ANSWERS)
            and self.recovery.survives(root)
            and not self._is_contradicted(root)
        ):
            self._close(root)

    def _settle_delays(self, *, is_served: bool = False) -> None:
        """What delayed the start has passed."""
        settle_notes(note for note in self.notes.values() if is_delay(note, is_served=is_served))
        self.notes_at = -1

    def expire(self) -> None:
        """Close a failure of a log without training steps whose newest line is much later."""
        self._close(self.root(), is_overcome=False)

    def success_at(self, samples: int) -> str:
        """Return the success that applies after a number of samples: it lasts until training clearly resumes."""
        return self.success if samples - self.success_samples < LIVE_SAMPLES else ""

    @property
    def is_stopped(self) -> bool:
        """Did a person or the scheduler end the run?"""
        root = self.root()
        return root is not None and (root.precedence is Precedence.STOP or root.explained_by in self.candidates)

    def all_candidates(self) -> Iterator[Candidate]:
        """Iterate over the candidates, notes and failures that the run recovered from."""
        return chain(self.candidates.values(), self.notes.values(), self.recovered)

    def root(self) -> Candidate | None:
        """Return the candidate that explains the others."""
        if not self.candidates:
            return None
        root = explaining_candidate(list(self.candidates.values()), self.notes.values())
        return next((one for one in self.candidates.values() if continues_message(root, one)), root)

    def failures(self, end: int | None, lines_since: LinesSince, last_words: LinesSince) -> list[Failure]:
        """Report each failure once.

        Args:
            end: number of the log's last line if no more lines are expected soon, else None.
            lines_since: reads the lines from a position in the log on.
            last_words: reads the last few of them.
        """
        root = self.root()
        lines = last_words(self.recovery.failed_at.offset) if root or self.recovered or self.notes else ()
        has_ended = self.has_ended or ends_well(lines)
        outcome = RunOutcome(
            self.recovery, self.candidates, self.notes, self.success, has_ended, is_complete(lines), end
        )
        found = [_survived(candidate, outcome) for candidate in self.recovered]
        if root is not None:
            goes_on = self.recovery.new_steps_since_event > 0 or self.recovery.survives(root)
            has_recovered = self._has_recovered(root) and (goes_on or end is None)
            gone_on = "" if has_recovered else self._goes_on(root, lines_since, has_ended=has_ended)
            if (has_recovered or gone_on) and not root.is_final:
                is_overcome = root.is_overcome or self.recovery.is_overcome or gone_on == "long"
                found.append(_survived(replace(root, is_overcome=is_overcome), outcome))
            else:
                found.append(self._current(root, outcome))
        ended_at = root.line if root is not None and root.precedence < Precedence.BARE_EXCEPTION else None
        return found + report_notes(self.notes.values(), found, ended_at, end, has_ended=has_ended)

    def _record_success(self, event: FailureEvent, signature: Signature) -> None:
        if signature.role == "success":
            root = self.root()
            if root is not None and self.recovery.reaches_end(is_stated=True):
                self._close(root)
            self.has_ended = True
            if signature.strength == "end":
                return
            self._settle_delays()
            self.success = signature.strength or "soft"
            self.success_samples, self.success_line = event.position.samples, event.line
        elif signature.role == "start":
            self._resolve(signature.resolves, event.text)
            if not is_start(signature.name, event.text):
                return
            self.success, self.has_ended = "", False
            self.next_run.line = event.line if signature.name == NEXT_PART else self.next_run.line
            if signature.name == NEXT_PART and (root := self.root()) is not None and not self.recovery.starts:
                root.is_part = True
            self._record_start(event, is_ready=signature.strength == "hard")

    def _resolve(self, names: Container[str], text: str) -> None:
        """End failures that a start line resolves: at once those of a start, others once the run works on."""
        settle_notes(note for note in self.notes.values() if is_resolved(note, names, text))
        root = self.root()
        if root is not None and is_resolved(root, names, text):
            root.is_handled, root.is_final = True, False
            if root.category in DELAYS:
                self._close(root)

    def _record_start(self, event: FailureEvent, *, is_ready: bool) -> None:
        """Record that a program starts; one that is ready has got over what failed before."""
        root = self.root()
        if root is None:
            return
        is_of_other = event.label is not None and root.sources and str(event.label) not in root.sources
        if is_of_other and root.name not in ENDED_FROM_OUTSIDE:  # what replaces a lost node has another name
            return
        self.recovery.record_start(event)
        has_passed = passes_once_ready(root) or self.recovery.has_exited
        is_again = sum(one.key == root.key for one in self.recovered) >= MAX_RELAPSES
        if is_ready and has_passed and not is_again and (root.is_in_server or "Booting" not in event.text):
            self._close(root)
        self.recovery.routine.surroundings.is_server |= is_ready and not has_passed

    def _add(
        self, group: dict[str, Candidate], event: FailureEvent, candidate: Candidate, raised: RaisedException | None
    ) -> list[tuple[Candidate, bool]]:
        known = group.get(candidate.key)
        if known is not None:
            known.record_event(event)
            if is_more_decisive(event, raised, known, group.values()):
                known.put_first(event.label)
                known.count += known.has_exception  # else the line before only announced the exception
                return [(known, True)]
            known.count += 1
            return []
        if len(group) >= MAX_CANDIDATES and not evict_weakest(group, candidate.precedence):
            return []
        candidate.prior_success = candidate.prior_success or self.success_at(event.position.samples)
        candidate.record_event(event)
        group[candidate.key] = candidate
        return [(candidate, True)]

    def _close(self, root: Candidate | None, *, is_overcome: bool = True) -> None:
        if root is not None and root.precedence <= Precedence.BARE_EXCEPTION:
            root.is_handled |= self.recovery.is_handled(root)
            root.is_overcome |= is_overcome or self.recovery.is_overcome
            self.recovered = [*self.recovered[-(MAX_RECOVERED - 1) :], root]
        self.candidates = {}
        self.ranks = self.ranks.for_next_failure()
        self.recovery = Recovery(retry_line=self.recovery.retry_line)

    def _close_survived(self, root: Candidate, following: Candidate, lines_since: LinesSince) -> None:
        """Close a failure that the run survived before the following one."""
        has_recovered = self._has_recovered(root)
        gone_on = "" if has_recovered else self._goes_on(root, lines_since)
        if has_recovered or gone_on or (self.recovery.starts > 0 and fails_after_restart(root, following)):
            self._close(root, is_overcome=gone_on == "long")

    def _reopen(self) -> bool:
        """Let a job's failure that others went on after be that of the series; return whether there is one."""
        failed = next((one for one in self.recovered if one.is_part), None)
        if failed is not None:
            self.recovered = [one for one in self.recovered if one is not failed]
            self.candidates, self.success = {failed.key: failed}, ""
        return failed is not None

    def _own_texts(self, place: Place) -> Sequence[str]:
        return self.next_run.own_texts(place.texts_before(), place.cursor.line)

    def _is_contradicted(self, root: Candidate) -> bool:
        return not self.recovery.is_restarted and is_contradicted(root, self.candidates.values(), self.recovery.life)

    def _goes_on(self, root: Candidate, lines_since: LinesSince, *, has_ended: bool = False) -> GoneOn:
        lines = lines_since(self.recovery.failed_at.offset)
        is_stated = has_ended and self.recovery.states_end(lines)
        if has_ended and self.recovery.reaches_end(is_stated=is_stated) and not self._is_contradicted(root):
            return "briefly"
        if not self.recovery.goes_on(root, lines_since, is_contradicted=self._is_contradicted(root)):
            return ""
        return "long" if self.recovery.routine.read_after(lines).is_long else "briefly"

    def _has_recovered(self, root: Candidate) -> bool:
        return self.recovery.is_likely(root) and not self._is_contradicted(root)

    def _current(self, root: Candidate, outcome: RunOutcome) -> Failure:
        root = recategorize(root, self.recovery)
        severity, why = outcome.judge(root, is_contradicted=self._is_contradicted(root))
        is_explained = root.reason_line > 0 and root.is_blaming
        root = with_known_reason(with_first_line(root, self.candidates.values()), self.all_candidates())
        is_waiting = root.shows_waiting or root.precedence is Precedence.TEARDOWN
        is_waiting |= root.category in _OF_SEVERAL_RANKS and self.ranks.blamed_rank is not None
        ranks, sentence = self.ranks.choose_ranks(
            root, self.candidates.values(), is_waiting=is_waiting and not is_explained
        )
        why += sentence
        others = [one.title for one in self.candidates.values() if one.precedence > root.precedence][:3]
        if others:
            why += f" Also seen as a consequence: {'; '.join(others)}."
        times = [one.last_ns for one in self.candidates.values() if one.last_ns is not None]
        last_ns = max(times, default=None)
        signs = signs_around(root, self.candidates.values(), self.recovery, ranks)
        failure = root.to_failure(severity, why, ranks=ranks, last_ns=last_ns, signs=signs)
        return with_weighed_category(failure, root.statement, root.usual, keeps_hint=root.keeps_hint)


def _survived(candidate: Candidate, outcome: RunOutcome) -> Failure:
    severity = outcome.judge_survived(candidate)
    return candidate.to_failure(severity, "The run continued after it.", signs=("survived",))
