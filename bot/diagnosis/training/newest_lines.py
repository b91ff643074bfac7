"""Keep the newest line of each kind that states a step, a loss or an epoch, although most progress lines are skipped.

A kind is the fixed text beside the number, such as `'loss':` or `/50000 [` of a bar. Kinds are learned from the lines
that are read. At the end of each page, a search from its end for that text finds the newest line of each known kind.
So the newest line of a kind depends on the log alone, never on how it was cut into pages or how dense it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.diagnosis.reading.cursor import NO_ORIGIN, LineCursor, Origin
from bot.diagnosis.training.progress import EVALUATION_WORD, LoggedSample, Sample
from bot.diagnosis.training.progress_lines import parse_progress_line

MAX_KINDS = 4
"""Kinds kept of steps, and as many of losses; the one not read for longest is replaced."""
MAX_TRIES = 64
"""Lines with a kind's text that are read in one page before the search for its newest line ends."""
MAX_TEXT = 4000
MAX_AGREEMENTS, DISAGREEMENT = 10, 3
"""A counter that agrees with the run's is another name for it, also after a restart, when they disagree for a line."""
_EVALUATION, _HEAD = re.compile(EVALUATION_WORD.encode()), 120
SURE_LOSSES = 3
"""Losses in a row beside another counter that make it the run's, where lines are skipped; otherwise one suffices."""

STEP, BAR, LOSS, OTHER, EPOCH = "step ", "bar ", "loss ", "other", "epoch"
"""First word of a key. A bar is a counter with a name, which counts as training only if losses belong to it."""


class PageView(NamedTuple):
    """A page of whole lines and its place in the log."""

    text: bytes
    offset: int
    first_line: int
    """Number of its first line, from 0."""
    origins: Sequence[Origin] | None


@dataclass(slots=True)
class NewestLine:
    """The newest line of one kind."""

    text: str
    """Without its prefixes."""
    search: str
    """What to search pages for, as Latin-1; "" if the kind cannot be searched for."""
    end: int
    """Offset of the line's end in the log."""
    read_at: int
    """Offset of the end of the newest such line that was read rather than found by a search."""
    time_ns: int | None = None
    clock: str = ""
    total: int | None = None
    """The newest total of this counter."""
    read_step: int = 0
    """The newest step read."""
    stride: int = 1
    """Number of steps between the newest two."""
    agreements: int = 0
    """How often, up to a limit, a counter without a total agreed with the run's counter; it may be the same under
    another name."""

    parsed: Sample | None = None
    """Its numbers if it was parsed in this process; not stored, because JSON has no NaN."""

    @property
    def sample(self) -> Sample:
        """The numbers of the line."""
        if self.parsed is None:
            logged = parse_progress_line(self.text.encode(), NO_ORIGIN, 0).logged
            self.parsed = Sample() if logged is None else logged.sample
        return self.parsed

    def update(self, logged: LoggedSample, end: int, read_at: int) -> None:
        """Replace the line by a newer one of the same kind."""
        sample, time = logged.sample, logged.time
        self.text, self.end, self.read_at, self.parsed = logged.text[-MAX_TEXT:], end, read_at, sample
        if time is not None:
            self.time_ns, self.clock = time.ns, time.clock
        if sample.total is not None:
            self.total = sample.total


@dataclass(slots=True)
class NewestLines:
    """The newest line of each kind, and which counter is that of the training run."""

    lines: dict[str, NewestLine] = field(default_factory=dict)
    main: str = ""
    """Key of the counter that losses belong to; "" if none does yet."""
    counter: str = ""
    """Key of the newest counter that is unfinished; "" after an evaluation."""
    is_preparing: bool = False
    """Is the newest bar one of preparation, such as of a model that is loaded? After it, another run may begin."""
    rival: str = ""
    rival_losses: int = 0

    def read(self, logged: LoggedSample, raw: bytes, end: int, *, is_dense: bool) -> str:
        """Read one progress line; return the key of its step, "" if it states none."""
        sample, lines = logged.sample, self.lines
        step_key = "" if sample.step is None else key_of_step(sample)
        loss_key = "" if sample.loss is None else key_of_loss(sample)
        if step_key:
            (lines.get(step_key) or self._add(step_key, sample.step_mark, raw, end)).update(logged, end, end)
        if loss_key:
            (lines.get(loss_key) or self._add(loss_key, sample.loss_mark, raw, end)).update(logged, end, end)
        if not step_key and not loss_key and not sample.is_evaluation and sample.step is None:
            key, mark = (OTHER, "") if sample.epoch is None else (EPOCH, "epoch")
            (lines.get(key) or self._add(key, mark, raw, end)).update(logged, end, end)
        if step_key and sample.step is not None and is_dense:
            self._compare(step_key, sample.step)
        self._assign(sample, step_key, loss_key, is_dense=is_dense)
        return step_key

    def search(self, page: PageView, end: int) -> None:
        """Find the newest line of each known kind before the byte `end` of a page."""
        for key, newest in self.lines.items():
            low = max(0, newest.end - page.offset)
            for cursor, logged in _lines_with(newest.search.encode("latin-1"), page, low, end) if newest.search else ():
                if key in (key_of_step(logged.sample), key_of_loss(logged.sample), key_of_epoch(logged.sample)):
                    newest.update(logged, page.offset + cursor.end, newest.read_at)
                    break
        if self.loss_line is None:
            self._learn_loss(page, end)

    def _learn_loss(self, page: PageView, end: int) -> None:
        """Find the first kind of loss, which so far was only on lines that were skipped, and its counter."""
        for cursor, logged in _lines_with(b"loss", page, 0, end):
            key, raw = key_of_loss(logged.sample), cursor.raw()
            if not key:
                continue
            at = page.offset + cursor.end
            self._add(key, logged.sample.loss_mark, raw, at).update(logged, at, at)
            before = {
                one: page.text.rfind(newest.search.encode("latin-1"), 0, cursor.end)
                for one, newest in self.lines.items()
                if one.startswith(STEP) and newest.search
            }
            if not self.main and before:
                self.main = max(before, key=lambda one: before[one])
            return

    def forget_parsed(self) -> None:
        """Keep the text of the lines only."""
        for newest in self.lines.values():
            newest.parsed = None

    def with_lines(self, found: Iterable[tuple[LoggedSample, bytes, int]]) -> "NewestLines":
        """Return a copy that has read more lines: those at the end of the log whose kind is not known."""
        copy = replace(self, lines={key: replace(newest) for key, newest in self.lines.items()})
        for logged, raw, end in found:
            sample = logged.sample
            keys = [key for key in (key_of_step(sample), key_of_loss(sample)) if key]
            if any(key not in copy.lines or copy.lines[key].end < end for key in keys):
                copy.read(logged, raw, end, is_dense=False)
        return copy

    @property
    def step_line(self) -> NewestLine | None:
        """The newest line of the training run's counter; without losses, of any counter."""
        counters = [newest for key, newest in self.lines.items() if key.startswith(STEP)]
        if self.main in self.lines:
            counters = [self.lines[self.main], *(one for one in counters if one.agreements and not one.total)]
        return max(counters, key=lambda newest: newest.end, default=None)

    @property
    def main_total(self) -> int | None:
        """The newest total of the run's counter; other names of it may state none.

        Where no counter is known to be the run's, two that differ by one step at most are taken as the same.
        """
        if self.main in self.lines:
            return self.lines[self.main].total
        line = self.step_line
        step = None if line is None else line.sample.step
        if step is None:
            return None
        others = (one for key, one in self.lines.items() if key.startswith(STEP) and one.total)
        return next((one.total for one in others if abs((one.sample.step or 0) - step) <= 1), None)

    @property
    def loss_line(self) -> NewestLine | None:
        """The newest line with a training loss."""
        losses = [newest for key, newest in self.lines.items() if key.startswith(LOSS)]
        return max(losses, key=lambda newest: newest.end, default=None)

    def in_order(self) -> Iterator[NewestLine]:
        """Iterate over the lines, oldest first."""
        yield from sorted(self.lines.values(), key=lambda newest: newest.end)

    def _assign(self, sample: Sample, step_key: str, loss_key: str, *, is_dense: bool) -> None:
        """Learn which counter losses belong to: the one on the same line, or else the newest unfinished one."""
        if sample.is_evaluation:
            self.counter = ""
        elif step_key.startswith(BAR) and not loss_key:
            self.is_preparing = step_key != self.main
            self.counter = step_key if sample.step != sample.total else ""
        elif step_key and self.is_preparing and step_key != self.main:
            self.main, self.counter, self.is_preparing = "", step_key, False
        elif step_key and loss_key:
            self.main, self.counter, self.is_preparing = step_key, step_key, False
        elif step_key:
            is_finished = sample.total is not None and sample.step is not None and sample.step >= sample.total
            self.counter, self.is_preparing = ("" if is_finished and step_key != self.main else step_key), False
        elif loss_key and self.counter and self.counter != self.main:
            self.rival_losses = self.rival_losses + 1 if self.rival == self.counter else 1
            self.rival = self.counter
            if not self.main or self.rival_losses >= (1 if is_dense else SURE_LOSSES):
                self.main, self.rival, self.rival_losses = self.counter, "", 0
        elif loss_key and self.counter:
            self.rival, self.rival_losses = "", 0

    def _compare(self, key: str, step: int) -> None:
        """Learn whether a counter is the run's under another name."""
        newest, main = self.lines[key], self.lines.get(self.main)
        newest.stride, newest.read_step = max(1, step - newest.read_step), step
        if main is None or main is newest:
            return
        if main.read_step <= step <= main.read_step + main.stride:
            newest.agreements = min(MAX_AGREEMENTS, newest.agreements + 1)
        else:
            newest.agreements = max(0, newest.agreements - DISAGREEMENT)

    def _add(self, key: str, mark: str, raw: bytes, end: int) -> NewestLine:
        self._make_room(key)
        newest = self.lines[key] = NewestLine("", _search_text(raw, mark), end, end)
        return newest

    def _make_room(self, key: str) -> None:
        """Drop the kind that was not read for longest, except the run's own counter."""
        first = key.partition(" ")[0]
        group = [one for one in self.lines if one.partition(" ")[0] == first and one != self.main]
        if len(group) >= MAX_KINDS:
            del self.lines[min(group, key=lambda one: self.lines[one].read_at)]


def key_of_step(sample: Sample) -> str:
    """Return the key of the counter that a line states; "" without one."""
    if sample.step is None or sample.is_evaluation:
        return ""
    return (STEP if sample.is_training_step else BAR) + sample.step_mark


def key_of_loss(sample: Sample) -> str:
    """Return the key of the training loss that a line states; "" without one."""
    return "" if sample.loss is None or sample.is_evaluation or sample.is_summary else LOSS + sample.loss_mark


def key_of_epoch(sample: Sample) -> str:
    """Return the key of a line that states an epoch, but neither a step nor a loss; "" for others."""
    is_alone = sample.epoch is not None and sample.step is None and sample.loss is None
    return EPOCH if is_alone and not sample.is_evaluation else ""


def _lines_with(needle: bytes, page: PageView, low: int, end: int) -> Iterator[tuple[LineCursor, LoggedSample]]:
    """Read the lines of a page with this text, newest first; those of evaluations are passed over."""
    tries = 0
    while tries < MAX_TRIES and (found := page.text.rfind(needle, low, end)) >= 0:
        before = page.text[max(0, found - _HEAD) : found].rpartition(b"\n")[2].rpartition(b"\r")[2].lower()
        if _EVALUATION.search(before) and b"train" not in before:
            end = found  # not a try: evaluations log thousands of lines
            continue
        tries += 1
        # Only origins need the number of the line, and counting reads the page from its start.
        start = 0 if page.origins is not None else page.text.rfind(b"\n", 0, found) + 1
        cursor = LineCursor(page.text, page.origins, page.first_line, page.first_line, start)
        cursor.move_to(found)
        end = cursor.start
        logged = parse_progress_line(cursor.raw(), cursor.origin(), cursor.line).logged
        if logged is not None:
            yield cursor, logged


def _search_text(raw: bytes, mark: str) -> str:
    """Return the mark as the line has it, without spaces that vary with the number."""
    mark = mark.rstrip().lstrip(" ") if mark.strip() else ""
    at = raw.lower().find(mark.encode("utf-8", "replace")) if mark else -1
    return raw[at : at + len(mark.encode())].decode("latin-1") if at >= 0 else ""
