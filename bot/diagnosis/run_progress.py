"""Build a run's progress from the newest lines of its log."""

import math
from dataclasses import replace

from bot.diagnosis.state import DiagnoserState
from bot.diagnosis.training.newest_lines import NewestLine, NewestLines
from bot.diagnosis.training.progress import Sample
from bot.diagnosis.training.step_pace import stated_step_s
from bot.domain.progress import RunProgress


def build_progress(state: DiagnoserState, newest: NewestLines, *, finished: bool) -> RunProgress:
    """Take each number from the newest line that states it.

    A total belongs to the step on its line. A loss of NaN of an earlier attempt is left out.
    """
    pace, saved = state.step_pace, state.checkpoints.last(state.samples)
    progress = RunProgress(
        gap_s=state.pace.gap_s, last_ns=state.pace.last_ns, lines=state.samples, finished=finished, checkpoint=saved
    )
    for line in newest.in_order():
        progress = _with_rates(progress, line.sample)
    loss = newest.loss_line
    if loss is not None and (value := loss.sample.loss) is not None:
        is_current = math.isfinite(value) or loss.end > pace.fell_at
        progress = replace(progress, loss=value) if is_current else progress
    step = newest.step_line
    return progress if step is None else _with_step(progress, step, state)


def _with_rates(progress: RunProgress, sample: Sample) -> RunProgress:
    names = ("epoch", "grad_norm", "learning_rate", "tokens_per_s", "samples_per_s")
    stated = {name: value for name in names if (value := getattr(sample, name)) is not None}
    return replace(progress, **stated) if stated else progress


def _with_step(progress: RunProgress, line: NewestLine, state: DiagnoserState) -> RunProgress:
    sample = line.sample
    total = sample.total
    if total is None and line.total is not None and (sample.step or 0) <= line.total:
        total = line.total
    step_s = state.step_pace.step_s or stated_step_s(line.text)
    last_ns = progress.last_ns
    if line.time_ns is not None and line.clock == state.pace.clock:
        last_ns = max(line.time_ns, last_ns or line.time_ns)
    return replace(progress, step=sample.step, total_steps=total, step_s=step_s, last_ns=last_ns)
