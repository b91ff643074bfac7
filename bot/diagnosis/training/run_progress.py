"""Build a run's progress from the newest lines of its log."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from bot.diagnosis.training.checkpoints import Checkpoints
from bot.diagnosis.training.curves import TrainingCurves
from bot.diagnosis.training.newest_lines import EPOCH, NewestLine, NewestLines
from bot.diagnosis.training.progress import Sample
from bot.diagnosis.training.progress_lines import parse_progress_line
from bot.diagnosis.training.step_pace import StepPace, stated_step_s
from bot.domain.logs import LogLine
from bot.domain.metrics import MetricSeries
from bot.domain.progress import RunProgress

_PIECES = re.compile(r"[\r\n\b]+")
"""What separates the states of a progress bar in one message."""
_EPOCH_NAME = re.compile(r"epoch|\btrain: \d+ \[")


def build_progress(newest: NewestLines, pace: StepPace, base: RunProgress, clock: str) -> RunProgress:
    """Take each number from the newest line that states it.

    A total belongs to the step on its line. A loss of NaN of an earlier attempt is left out.

    Args:
        newest: the lines.
        pace: the steps of the current attempt.
        base: what is known beside them.
        clock: the clock of its time.
    """
    values: dict[str, Any] = {}
    for line in newest.in_order():
        _add_rates(values, line.sample)
    loss = newest.loss_line
    value = loss.sample.loss if loss is not None else None
    if loss is not None and value is not None and (math.isfinite(value) or loss.end > pace.fell_at):
        values["loss"] = value
    step = newest.step_line
    if step is not None:
        values |= _step_values(step, newest.main_total, pace)
        values["is_epoch_total"] = values["total_steps"] is not None and (EPOCH in newest.lines or _is_in_epoch(step))
        if step.time_ns is not None and step.clock == (clock or step.clock):
            values["last_ns"] = max(step.time_ns, base.last_ns or step.time_ns)
    return replace(base, **values) if values else base


def recent_progress(lines: Iterable[LogLine]) -> tuple[RunProgress, tuple[MetricSeries, ...]]:
    """Return how far a run got according to the newest lines of its log, oldest first, with the curves in them."""
    curves = TrainingCurves()
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
            curves.feed(logged.sample, line.timestamp_ns)
            key = newest.read(logged, raw, end, is_dense=True)
            if key and key == (newest.main or key):
                pace.feed(key, logged, end)
    base = RunProgress(lines=samples, checkpoint=checkpoints.last(samples))
    return build_progress(newest, pace, base, ""), curves.series()


def _add_rates(values: dict[str, Any], sample: Sample) -> None:
    if sample.epoch is not None:
        values["epoch"] = sample.epoch
    if sample.grad_norm is not None:
        values["grad_norm"] = sample.grad_norm
    if sample.learning_rate is not None:
        values["learning_rate"] = sample.learning_rate
    if sample.tokens_per_s is not None:
        values["tokens_per_s"] = sample.tokens_per_s
    if sample.samples_per_s is not None:
        values["samples_per_s"] = sample.samples_per_s


def _is_in_epoch(line: NewestLine) -> bool:
    """Does the line name its epoch before a counter such as `30/1000`, which then starts again in each epoch?"""
    mark, text = line.sample.step_mark, line.text.lower()
    if not mark.startswith("/"):
        return False
    named = _EPOCH_NAME.search(text)
    return named is not None and named.start() < text.find(mark)


def _step_values(line: NewestLine, main_total: int | None, pace: StepPace) -> dict[str, Any]:
    sample, known = line.sample, line.total or main_total
    total = known if sample.total is None and known is not None and (sample.step or 0) <= known else sample.total
    return {"step": sample.step, "total_steps": total, "step_s": pace.step_s or stated_step_s(line.text)}
