"""Judge how severe a failure is, by what the run reported before and after it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.ends.last_words import states_survival
from bot.diagnosis.failures.failed_requests import is_of_one_request
from bot.diagnosis.failures.notes import WAITS
from bot.diagnosis.failures.recovery import Recovery
from bot.diagnosis.failures.stops import ENDED_FROM_OUTSIDE
from bot.diagnosis.precedence import Precedence
from bot.domain.alerts import Severity

MANY_ROUNDS = 3
"""Number of times that a run trained on after a failure that show that it does so again."""
LAST_LINES = 20
"""A bare exception within this number of lines from the log's end is what ended the run."""
_REASONS = {
    Precedence.ROOT: "The first error that does not follow from another.",
    Precedence.WEAK: "No better explanation in this log.",
    Precedence.STOP: "A person, the scheduler or a launcher ended the run; no failure in the log precedes it.",
    Precedence.CASCADE: "Usually a side effect of another rank failing, but this log does not show that failure.",
    Precedence.ABORT: "The process aborted; no other line in the log explains why.",
    Precedence.TEARDOWN: "The log contains only the launcher's report, not the cause.",
}
_LASTING = frozenset({"gpu_fault", "storage", "numerics"})
"""Categories of failures that may matter although the run goes on: until it has ended well."""
_REPEATED = frozenset({"data", "numerics", "gpu_memory"})
"""Categories of failures for which a run leaves out a part of its work."""
_ENDS_RUN = frozenset({"storage", "data", "gpu_fault", "gpu_memory", "host_memory", "numerics", "launch"})
"""Categories of failures that end a process by themselves."""
_QUEUED_AGAIN = frozenset({"preempted", "evicted", "evicted_reason"})
"""Signatures of ends after which a scheduler that started the job again once does so each time."""
_EXITS = frozenset({"sigterm", "worker_failed"})
"""Signatures of launchers that end the other processes after one failed."""
_EXIT_CODE = re.compile(r"(?i)\bexit(?:ed)?\b.{0,12}\bcode:? [1-9]")
_UNLOADING = re.compile(r"driver shutting down|cudaErrorCudartUnloading|CUDA_ERROR_DEINITIALIZED")
"""What the driver reports to a process that is at its end."""
_DAMAGED_CHECKPOINT = re.compile(
    r"(?i)(?=.*(?:check-?point|ckpt|\bresum|\brestor)).*(?:truncated|incomplete|damaged|corrupt|checksum|crc"
    r"|unexpected e|short read|magic|mismatch|cannot|could not|unable|failed to (?:load|read|restore|resume))"
)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What is known about the run when a failure is judged."""

    recovery: Recovery
    candidates: Mapping[str, Candidate]
    notes: Mapping[str, Candidate]
    success: str
    """The newest success that the run reported: none, soft or hard."""
    has_ended: bool
    """Did it report its end, or does its log end as that of a run that ended well?"""
    has_exited_well: bool
    """Do its last lines state that all is done, or that the program ended with code 0?"""
    end: int | None
    """Number of the log's last line if no more lines are expected soon, else None."""

    def judge_survived(self, candidate: Candidate) -> Severity:
        """Judge a failure after which the run went on: a note once that no longer matters."""
        is_counted = self.recovery.life.is_in_study and self.success != "hard"
        if (candidate.is_part or is_counted) and not candidate.is_handled and candidate.precedence <= Precedence.WEAK:
            return min(Severity.WARN, candidate.severity, key=lambda severity: severity.rank)
        is_lasting = candidate.category in _REPEATED and candidate.repeats.persists(candidate.count, self.end)
        is_lasting &= not (self.has_ended or self.success == "hard")
        is_harmless = not (candidate.is_refused_copy or is_lasting) and (
            candidate.is_handled
            or self.recovery.is_handled(candidate)
            or candidate.precedence >= Precedence.STOP
            or candidate.category == "launch"
            or candidate.name in WAITS
            or self.success == "hard"
            or self.has_ended
            or (candidate.is_overcome and candidate.category not in _LASTING)
        )
        severity = Severity.WARN if candidate.severity is Severity.PAGE else candidate.severity
        return Severity.INFO if is_harmless else severity

    def judge(self, root: Candidate, *, is_contradicted: bool) -> tuple[Severity, str]:
        """Judge the failure that explains the others, and say why."""
        is_exit = root.precedence > Precedence.WEAK or (root.precedence is Precedence.WEAK and root.category == "code")
        if root.prior_success == "hard" or (root.prior_success and is_exit):
            is_notable = root.precedence in (Precedence.ROOT, Precedence.WEAK, Precedence.ABORT)
            is_notable = is_notable and not any(map(_UNLOADING.search, root.excerpt))
            return Severity.WARN if is_notable else Severity.INFO, "The run had already reported success."
        if root.precedence is Precedence.STOP and self._is_orderly(root):
            return Severity.INFO, "Its work was done, or it is a server that stopped in order."
        is_cascade = root.precedence is Precedence.CASCADE and root.name == "python_exception"
        if (is_cascade and self.has_exited_well) or (self.success == "hard" and not root.prior_success):
            severity = Severity.WARN if root.is_part else Severity.INFO
            return severity, "The run completed anyway."
        if self.end is None and self.recovery.is_retried(root) and not is_contradicted:
            return Severity.INFO, "The run reports that it retries, skips or ignores it."
        explained = self.notes.get(root.explained_by) or self.candidates.get(root.explained_by)
        if explained is not None:
            return Severity.WARN, f"{explained.title}."
        if root.precedence in (Precedence.STOP, Precedence.TRACE) and self._follows_failure(root):
            return Severity.PAGE, "It failed before the signal, which only ended what was left."
        if root.precedence is Precedence.TRACE:
            return self._judge_trace(root)
        if root.precedence is Precedence.BARE_EXCEPTION:
            return self._judge_bare_exception(root)
        if reason := self._reason_for_warning(root, is_contradicted=is_contradicted):
            return Severity.WARN, reason
        if root.count < root.min_repeats and self.end is None:
            return Severity.WARN, "Possibly temporary: it becomes a page if the log repeats it."
        return root.severity, _REASONS[root.precedence]

    def _reason_for_warning(self, root: Candidate, *, is_contradicted: bool) -> str:
        """Why the whole goes on although a failure ended a part or an attempt; "" if it does not."""
        if self.recovery.routine.learned().is_of_one_trial:
            return "It is printed from one trial; most others went well."
        if not is_contradicted and is_of_one_request(root, self.recovery):
            return "The server caught it while it handled one request."
        has_come_back = root.name in _QUEUED_AGAIN and self.recovery.relapses > 0
        if root.name in ENDED_FROM_OUTSIDE and (self.recovery.starts or has_come_back):
            return "Its scheduler starts it again."
        if self.recovery.trained_rounds >= MANY_ROUNDS and not is_contradicted and root.precedence is Precedence.ROOT:
            return "The run has gone on after the same failure several times."
        return ""

    def _is_orderly(self, stop: Candidate) -> bool:
        return self.recovery.routine.learned().is_complete or (stop.is_in_server and self.has_ended)

    def _follows_failure(self, stop: Candidate) -> bool:
        """Did a launcher stop the run because of the failure that the line before states?

        A stop alone is not evidence: what a program logs before a person's stop is rarely the reason. A process that
        had ended before is, and so is a checkpoint that cannot be read.
        """
        if stop.reason_line == 0 or stop.is_warning or stop.is_in_server or stop.category not in _ENDS_RUN:
            return False
        reason = stop.excerpt[stop.root_index] if stop.excerpt else ""
        if states_survival(reason):
            return False
        earlier = [one for one in self.candidates.values() if one is stop or one.line < stop.line]
        has_exited = any(one.name in _EXITS or any(map(_EXIT_CODE.search, one.excerpt)) for one in earlier)
        return has_exited or _DAMAGED_CHECKPOINT.search(reason) is not None

    def _judge_trace(self, root: Candidate) -> tuple[Severity, str]:
        goes_on = self.success or self.recovery.life.commands
        if root.category == "launch" and self.end is not None and not goes_on:
            return Severity.PAGE, "A process ended with an error, and nothing in the log has trained since the start."
        return Severity.INFO, "The log contains only an exit code, with no failure near it."

    def _judge_bare_exception(self, root: Candidate) -> tuple[Severity, str]:
        if any(one.precedence in (Precedence.TEARDOWN, Precedence.TRACE) for one in self.candidates.values()):
            return Severity.PAGE, "The log contains an exception, and processes that exited with an error."
        if self.recovery.reaches_end(is_stated=bool(self.success)):
            return Severity.INFO, "The run continued after it."
        if self.end is not None and self.end - root.line <= LAST_LINES and not self.recovery.steps_since_event:
            return Severity.PAGE, "The log ends with this exception."
        return Severity.WARN, "The exception has no traceback."


def recategorize(root: Candidate, recovery: Recovery) -> Candidate:
    """Return the candidate with the category that depends on whether the run had trained before it."""
    if root.name == "task_exit" and not recovery.failed_at.samples and not recovery.steps_since_event:
        return replace(root, category="launch")  # of a process that did not get as far as training
    if root.name == "rendezvous" and recovery.failed_at.samples:
        return replace(root, category="collective")  # the processes had met before
    return root
