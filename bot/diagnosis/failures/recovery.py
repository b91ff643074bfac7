"""Decide whether the run continued after a failure, from the steps it logs afterwards.

A step may be older than the failure before it in the log: standard output is flushed late, and other ranks take time
to notice. So one step proves little. How many are needed depends on which process logs them, and how.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.failure_events import FailureEvent, ReadPosition
from bot.diagnosis.failures.life_signs import LifeKind, LifeSign
from bot.diagnosis.failures.notes import WAITS
from bot.diagnosis.failures.quotations import ends_quotation
from bot.diagnosis.failures.routine import Routine
from bot.diagnosis.failures.summaries import SummaryKind, read_summary
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.attempts import is_given_up
from bot.diagnosis.reading.labels import Label
from bot.diagnosis.reading.sourced_lines import SourcedLine

LIVE_SAMPLES, LIVE_BYTES = 40, 8192
"""Progress after a failure that shows, without timestamps, that the run continued; buffers hold less.

Steps before a failure in the log's first bytes were not held in a buffer of that size, so fewer bytes suffice then.
"""
LIVE_SAMPLES_ALONE = 200
"""The number of samples that suffices for lines so short that their bytes mean little."""
LIVE_SAMPLES_FROM_START = 20
"""The number of samples that suffices where the run had none before the failure, or says that it starts again."""
LIVE_SAMPLES_TIMED = 5
LIVE_NS = 120 * 1_000_000_000
EXPIRY_NS = 720 * 1_000_000_000
"""Without training steps, a failure has ended if the log continues for this long without another event.

This exceeds the ten minutes after which NCCL's watchdog reports a rank's silent death.
"""
MIN_NEW_STEPS = 3
"""Number of new steps, logged immediately by the process that failed, that show that it lives."""
MIN_STEPS_TO_END = 5
"""Number of steps after a failure, of any process, with which a reported success shows that the run went on."""
RETRY_LINES = 15
"""A retry notice within this number of lines of a failure belongs to it."""

_CLIENT_ERROR = re.compile(
    r"^(?:\w+\.)*(?:ValueError|\w*ValidationError|BadRequest\w*|HTTPException|JSONDecodeError|TemplateError|InputError)\b"
)
"""Exceptions that servers raise for requests that they refuse."""
MIN_ROUNDS = 2
"""Number of failures with work after each that show that the program catches them."""
MIN_ANSWERS = 2
"""Number of answered requests or handled items that show that a program lives: one may have been under way before."""
MANY_TRIALS = 4
"""After this number of trials that ended well, one that failed is what studies allow for."""
CERTAIN_ANSWERS = 10
"""After this number, the next failure is a separate one."""
_OF_OTHERS = frozenset({"collective", "hang", "gpu_fault", "host_memory", "scheduler"})
"""Categories of failures that others may survive, so lines like those before do not show that the process does."""
_OF_PROGRAMS = (Precedence.ROOT, Precedence.WEAK, Precedence.STOP, Precedence.BARE_EXCEPTION)
"""What a program may survive without a restart."""
MAX_RELAPSES = 2
"""Number of restarts into the same failure after which a further one shows nothing."""
MAX_LIFE_LINES = 1000
"""Number of lines after a failure of which its outcome is read."""
_RESTARTS = re.compile(
    r"(?i)(?<!not )(?<!no )\b(?:restarting|re-?spawning|re-?launching|re-?scheduling)\b"
    r"|\bwill be (?:restarted|rescheduled)\b|(?<!after )\brestart #?[1-9]\d* ?(?:/|of) ?\d"
)
"""What the line of a failure says if a supervisor starts the process again."""
_ANNOUNCES = re.compile(r"(?i)re-?(?:queu|submit|submission|schedul)")
_COUNTED = re.compile(r"(?i)\b(?:restarts?|failure):? #?(\d{1,4}) ?(?:/|of) ?(?:max_?\w+ )?(\d{1,4})")
_TRIES_AGAIN = re.compile(r"(?i)\battempting\b|\brestor")
"""How many restarts there were of how many; the last one takes place only if the line announces it."""


LinesSince = Callable[[int], Sequence[SourcedLine]]
"""Returns the newest lines from an offset in the log on."""


class ProgressEvent(NamedTuple):
    """One progress line, as evidence that the run lives."""

    position: ReadPosition
    provider_ns: int | None
    """Its time, if the provider stated it."""
    label: Label | None
    step: float | None
    is_immediate: bool
    """Is it from a progress bar, which is written without delay?"""
    epoch: float | None = None
    is_logged: bool = False
    """Was it written by a logger, in order with what the same program logs as an error?"""


@dataclass(slots=True)
class Life:
    """What a program without training steps did since its newest failure."""

    lines: int = 0
    answered: int = 0
    trials: int = 0
    """Number of trials of a study that ended well."""
    is_in_study: bool = False
    """Did a study count it among the trials that failed, beside more that go well?"""
    passed: int = 0
    """Number of tests that passed."""
    judged: int = 0
    """Number of items that a harness judged."""
    has_failed_tests: bool = False
    """Did a suite of tests fail?"""
    refused: int = 0
    failed: int = 0
    items: int = 0
    """Number of different items handled after the one that failed."""
    item: int | None = None
    commands: int = 0
    """Number of commands that the script around the program ran."""
    has_complained: bool = False
    """Did it report that it could not handle one item?"""
    is_caught: bool = False
    """Was the failure the text of a warning, or was the first request after it refused?"""
    has_left_out: bool = False
    """Did the program leave out what failed?"""
    has_warned: bool = False
    """Was it the text of a warning?"""

    def record(self, sign: LifeSign) -> None:
        """Count one sign."""
        is_first_refused = sign.kind is LifeKind.REFUSED and self.answered == self.refused == self.failed == 0
        self.is_caught = self.is_caught or is_first_refused or sign.kind is LifeKind.WARNED
        self.has_left_out = self.has_left_out or sign.kind is LifeKind.LEFT_OUT
        self.has_warned = self.has_warned or sign.kind is LifeKind.WARNED
        self.answered += sign.kind in (LifeKind.ANSWERED, LifeKind.JOB)
        self.trials += sign.kind is LifeKind.TRIAL
        self.is_in_study |= sign.kind is LifeKind.STUDY
        self.passed += sign.kind is LifeKind.PASSED
        self.judged += sign.kind is LifeKind.JUDGED
        self.has_failed_tests |= sign.kind is LifeKind.UNPASSED
        self.refused += sign.kind is LifeKind.REFUSED
        self.failed += sign.kind is LifeKind.FAILED
        self.commands += sign.kind is LifeKind.COMMAND
        self.has_complained = self.has_complained or sign.kind is LifeKind.COMPLAINT
        self.items += sign.kind is LifeKind.ITEM and sign.item != self.item
        self.item = self.item if sign.item is None else sign.item

    @property
    def has_verdict(self) -> bool:
        """Did the test pass that failed on purpose, or does a harness go on with what it judges?"""
        return not self.has_failed_tests and (self.passed > 0 or self.judged >= MIN_ANSWERS)

    def shows_survival(self, root: Candidate) -> bool:
        """Did the program go on? An exception that it logged itself was caught, so less evidence suffices."""
        if (
            self.has_warned
            or self.has_verdict
            or root.is_in_warning
            or self.is_in_study
            or self.trials >= MIN_ANSWERS
            or (self.answered >= MIN_ANSWERS and self.answered >= self.failed)
        ):
            return True
        is_caught = root.is_logged or self.has_complained or root.is_in_cell
        return is_caught and (self.items >= MIN_ANSWERS or (root.is_logged and self.refused > self.failed))


@dataclass(slots=True)
class Recovery:
    """The progress of a run since its newest failure."""

    failed_at: ReadPosition = field(default_factory=ReadPosition)
    failed_ns: int | None = None
    step: float | None = None
    epoch: float | None = None
    """The newest epoch since the newest event."""
    new_steps: int = 0
    """Number of conclusive steps since a failure of another kind."""
    new_steps_since_event: int = 0
    """The same since the newest event."""
    steps_since_event: int = 0
    """Number of steps since the newest event, by any process and however late."""
    retry_line: int = 0
    """Number of the newest line with a retry notice; 0 if there is none."""
    life: Life = field(default_factory=Life)
    has_exited: bool = False
    """Did a launcher report that the process ended?"""
    failed_line: int = 0
    """Number of the line of the newest failure."""
    starts: int = 0
    """Number of times that a program started since the failure."""
    has_begun: bool = False
    """Did one of these starts take place, rather than being announced?"""
    start_offset: int = 0
    """Offset in the log after the first start."""
    work_at_start: int = 0
    """What the run had done after the failure, before the newest start."""
    started_at: int = 0
    """Number of samples before the newest start."""
    relapses: int = 0
    """Number of restarts after which the failure came back."""
    rounds: int = 0
    """Number of failures after which the program handled further items."""
    trained_rounds: int = 0
    """Number of failures after which the run trained on."""
    has_fallen: bool = False
    """Did the step number start again since the failure?"""
    routine: Routine = field(default_factory=Routine)
    """What the process wrote before it failed."""
    gap: int = 0
    """The largest number of lines between two events of the failure."""

    def record_failure(self, event: FailureEvent, *, is_new: bool) -> None:
        """Record an event; `is_new` for a failure that the log did not have before."""
        self.rounds = 0 if is_new else self.rounds + (self.life.items > 0)
        self.trained_rounds = 0 if is_new else self.trained_rounds + (self.steps_since_event >= MIN_STEPS_TO_END)
        self.gap = max(self.gap, event.line - self.failed_line) if self.failed_line else 0
        self.relapses = 0 if is_new else self.relapses + (self.starts > 0)
        self.failed_at, self.failed_line = event.position, event.line
        self.failed_ns = self.failed_ns if event.provider_ns is None else event.provider_ns
        self.step, self.epoch, self.new_steps_since_event, self.steps_since_event = event.step, None, 0, 0
        self.life, self.has_fallen, self.has_begun = Life(), False, False
        self.starts = int(_RESTARTS.search(event.text) is not None)
        self.retry_line = 0 if is_given_up(event.text) else self.retry_line
        self.start_offset = event.position.offset
        self.started_at, self.work_at_start = event.position.samples, 0
        if is_new:
            self.new_steps = 0

    def record_start(self, event: FailureEvent) -> None:
        """Record that a program starts, or that a start is announced."""
        if uses_up_restarts(event.text):
            return
        self.start_offset = self.start_offset if self.starts else event.position.offset
        self.starts += 1
        self.started_at, self.work_at_start = event.position.samples, self._work
        self.has_begun |= _ANNOUNCES.search(event.text) is None

    def record_progress(self, progress: ProgressEvent, root: Candidate) -> None:
        """Record a progress line."""
        if not self._advance(progress):
            return
        self.steps_since_event += 1
        is_own = (not root.sources and progress.label is None) or str(progress.label) in root.sources
        is_next_work = self.has_fallen and root.precedence is Precedence.STOP  # such as the next cell of a notebook
        is_in_order = progress.is_immediate or (progress.is_logged and root.is_logged)
        is_conclusive = (is_in_order and is_own) or is_next_work or root.is_in_cell or self._has_resumed
        if root.category == "hang" or root.is_of_copy or self.is_retried(root) or is_conclusive:
            self.new_steps += 1
            self.new_steps_since_event += 1

    def _advance(self, progress: ProgressEvent) -> bool:
        """Record step and epoch; return whether either is new: some bars show only the last step of each epoch."""
        step, epoch = self.step, self.epoch
        self.step = step if progress.step is None else progress.step
        self.epoch = epoch if progress.epoch is None else progress.epoch
        if step is not None and self.step is not None and self.step < (step if self.starts else step / 2):
            self.has_fallen = True
        return self.step != step or (epoch is not None and self.epoch != epoch)

    def is_retried(self, root: Candidate) -> bool:
        """Did the run report that it retries, skips or ignores this failure?"""
        lines = (root.line, self.failed_line)
        return self.retry_line > 0 and any(abs(line - self.retry_line) <= RETRY_LINES for line in lines)

    def is_handled(self, root: Candidate) -> bool:
        """Is the failure no problem of the program: retried, or caught as one client's or one fit's?"""
        is_one_trial = self.life.trials >= MANY_TRIALS
        is_caught = self.life.is_caught or root.is_in_warning
        is_one_request = is_caught or (self.life.answered >= MIN_ANSWERS and is_clients_fault(root))
        is_in_cell = root.is_in_cell and self.life.items >= MIN_ANSWERS  # one that may raise, if others are executed
        is_expected = root.is_quoted or self.life.has_verdict or is_in_cell
        is_one = is_one_trial or (is_one_request and self.life.failed == 0)
        return is_expected or self.is_retried(root) or is_one

    def survives(self, root: Candidate) -> bool:
        """Does the program go on: by what it does since the newest failure, or by its work between several?"""
        return self.life.shows_survival(root) or (self.rounds >= MIN_ROUNDS and self.life.items > 0)

    def is_likely(self, root: Candidate) -> bool:
        """Do enough new steps show that the run continues? A launcher may still contradict them."""
        if self.survives(root):
            return True
        return self.new_steps >= (1 if root.category == "hang" or self.is_retried(root) else MIN_NEW_STEPS)

    @property
    def is_overcome(self) -> bool:
        """Has the program gone on for so long that the failure no longer matters?"""
        return self.new_steps_since_event >= LIVE_SAMPLES_FROM_START or self.life.answered >= CERTAIN_ANSWERS

    def reaches_end(self, *, is_stated: bool) -> bool:
        """Did the run work on after the newest event of the failure?

        Args:
            is_stated: whether it now states its success, rather than that its last lines sound like an end.
        """
        has_worked = is_stated or self._work > self.work_at_start
        if self.is_restarted and self.has_begun and has_worked:
            return True
        is_answered = is_stated and self.retry_line >= self.failed_line - 1 > 0  # on the line above it, or later
        return is_answered or self.steps_since_event >= MIN_STEPS_TO_END or self.life.items >= MIN_STEPS_TO_END

    @property
    def _work(self) -> int:
        """Number of steps, items and answers since the newest event."""
        return self.steps_since_event + self.life.items + self.life.answered

    @property
    def _has_resumed(self) -> bool:
        """Did a start take place, so that what was logged before the failure does not come late?"""
        return self.has_begun and self.is_restarted

    def states_end(self, lines: Sequence[SourcedLine]) -> bool:
        """Do lines after the newest event close the run?"""
        return self.routine.states_end(lines, is_restarted=self.is_restarted)

    def is_next_attempt(self) -> bool:
        """Is what follows the failure another attempt: after the process ended, from the first step on?"""
        return (self.has_exited or self.starts > 0) and (self.failed_at.samples == 0 or self.has_fallen)

    @property
    def is_restarted(self) -> bool:
        """Is a restart reported after the newest event, and not one of many into the same failure?"""
        return self.starts > 0 and self.relapses < MAX_RELAPSES

    def is_certain(self, progress: ProgressEvent, root: Candidate) -> bool:
        """Is there more progress than buffered output, so that the next failure is a separate one?"""
        if root.is_quoted:
            return True
        since = progress.position.samples - self.failed_at.samples
        is_first = self.failed_at.samples == 0 and (
            root.category == "launch" or root.name in WAITS or since >= LIVE_SAMPLES_FROM_START
        )
        is_before_start = is_first or self.is_next_attempt()
        if progress.provider_ns is not None and self.failed_ns is not None:
            is_late = progress.provider_ns - self.failed_ns > LIVE_NS
            return since >= LIVE_SAMPLES_TIMED and (is_before_start or is_late)
        return (
            (since >= LIVE_SAMPLES and progress.position.offset - self.failed_at.offset >= LIVE_BYTES)
            or since >= LIVE_SAMPLES_ALONE
            or (is_before_start and since >= LIVE_SAMPLES_TIMED)
            or (self.starts > 1 and since >= LIVE_SAMPLES_TIMED)
            or (self.starts > 0 and progress.position.samples - self.started_at >= LIVE_SAMPLES_TIMED)
            or (since >= LIVE_SAMPLES and self.failed_at.samples > 0 and self.failed_at.offset < LIVE_BYTES)
        )

    def goes_on(self, root: Candidate, lines_since: LinesSince, *, is_contradicted: bool) -> bool:
        """Do the lines since the newest event show that the program, or the whole that `root` is a part of, goes on?"""
        lines = lines_since(max(self.failed_at.offset, self.start_offset if self.is_restarted else 0))
        if root.is_quoted:
            is_lost = any(read_summary(line.text) is SummaryKind.LOST for line in lines)
            return not is_contradicted and not is_lost and ends_quotation(lines)
        if (root.precedence not in _OF_PROGRAMS or root.name in WAITS) and not self.is_restarted:
            return False
        after = self.routine.read_after(lines, is_restarted=self.is_restarted, is_retried=self.is_retried(root))
        if self.is_restarted and after.follows_restart:
            return True
        if after.is_certain and (self.is_restarted or root.precedence is not Precedence.STOP):
            return True
        is_of_others = root.category in _OF_OTHERS and not (root.category == "host_memory" and root.has_exception)
        if is_contradicted or root.is_in_server or is_of_others or len(lines) <= self.gap:
            return False
        return after.resumes_routine(is_caught=root.is_logged or root.is_in_cell or self.life.has_left_out)

    def find_expiry(self, times_ns: Iterable[int | None]) -> int | None:
        """Return the index of the first line by which a log without training steps has gone on for long enough."""
        if self.failed_ns is None:
            return None
        expired = self.failed_ns + EXPIRY_NS
        return next((index for index, time in enumerate(times_ns) if time is not None and time > expired), None)


def uses_up_restarts(text: str) -> bool:
    """Does a line report the last of a number of restarts, and that nothing is started again?"""
    found = _COUNTED.search(text)
    return found is not None and int(found.group(1)) >= int(found.group(2)) and not _TRIES_AGAIN.search(text)


def is_clients_fault(root: Candidate) -> bool:
    """Did a server log that a request was wrong?"""
    return root.is_in_server and root.is_logged and _CLIENT_ERROR.search(root.exception) is not None


def passes_once_ready(root: Candidate) -> bool:
    """Has a failure passed once the program is ready? Not what keeps it from a start, nor a model that it lacks."""
    keeps_from_start = root.precedence is Precedence.ROOT and root.category == "launch" and not root.is_warning
    return not keeps_from_start and root.name != "model_not_loaded"


def is_contradicted(root: Candidate, others: Iterable[Candidate], life: Life) -> bool:
    """Do echoes, aborts or a launcher show that the failure ended the run after all?

    Not where a study ended other trials well since, or a suite of tests expected it.
    """
    return (
        life.trials < MIN_ANSWERS
        and not life.has_verdict
        and not life.is_in_study
        and any(Precedence.CASCADE <= other.precedence <= Precedence.TEARDOWN for other in others if other is not root)
    )
