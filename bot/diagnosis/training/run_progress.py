"""Build a run's progress from the newest lines of its log."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace

from bot.diagnosis.training.checkpoints import Checkpoints
from bot.diagnosis.training.newest_lines import NewestLine, NewestLines
from bot.diagnosis.training.progress import Sample
from bot.diagnosis.training.progress_lines import parse_progress_line
from bot.diagnosis.training.step_pace import StepPace, stated_step_s
from bot.domain.logs import LogLine
from bot.domain.progress import RunProgress

_PIECES = re.compile(r"[\r\n\b]+")
"""What separates the states of a progress bar in one message."""


def build_progress(newest: NewestLines, pace: StepPace, base: RunProgress, clock: str) -> RunProgress:
    """Take each number from the newest line that states it.

    A total belongs to the step on its line. A loss of NaN of an earlier attempt is left out.

    Args:
        newest: the lines.
        pace: the steps of the current attempt.
        base: what is known beside them.
        clock: the clock of its time.
    """
    progress = base
    for line in newest.in_order():
        progress = _with_rates(progress, line.sample)
    loss = newest.loss_line
    if loss is not None and (value := loss.sample.loss) is not None:
        is_current = math.isfinite(value) or loss.end > pace.fell_at
        progress = replace(progress, loss=value) if is_current else progress
    step = newest.step_line
    return progress if step is None else _with_step(progress, step, newest.main_total, pace, clock)


def recent_progress(lines: Iterable[LogLine]) -> RunProgress:
    """Return how far a run got according to the newest lines of its log, oldest first."""
    newest, pace, checkpoints = NewestLines(), StepPace(), Checkpoints()
    end = samples = 0
    for line in lines:
        for piece in _PIECES.split(line.message):
            end += len(piece) + 1
            raw = piece.encode("utf-8", "replace")
            split, logged = parse_progress_line(raw, (line.rank, line.replica, line.timestamp_ns), 0)
            counter = newest.step_line
            step = counter.sample.step if counter is not None and "sav" in piece else None
            checkpoints.feed(split.text, line.timestamp_ns, step, samples)
            if logged is None:
                continue
            samples += 1
            key = newest.read(logged, raw, end, is_dense=True)
            if key and key == (newest.main or key):
                pace.feed(key, logged, end)
    base = RunProgress(lines=samples, checkpoint=checkpoints.last(samples))
    return build_progress(newest, pace, base, "")


def _with_rates(progress: RunProgress, sample: Sample) -> RunProgress:
    names = ("epoch", "grad_norm", "learning_rate", "tokens_per_s", "samples_per_s")
    stated = {name: value for name in names if (value := getattr(sample, name)) is not None}
    return replace(progress, **stated) if stated else progress


def _with_step(
    progress: RunProgress, line: NewestLine, main_total: int | None, pace: StepPace, clock: str
) -> RunProgress:
    sample = line.sample
    known = line.total or main_total
    total = known if sample.total is None and known is not None and (sample.step or 0) <= known else sample.total
    last_ns = progress.last_ns
    if line.time_ns is not None and line.clock == (clock or line.clock):
        last_ns = max(line.time_ns, last_ns or line.time_ns)
    step_s = pace.step_s or stated_step_s(line.text)
    return replace(progress, step=sample.step, total_steps=total, step_s=step_s, last_ns=last_ns)
