"""Read one progress line of a log, and pass its numbers to what follows the run."""

import math

from bot.diagnosis.failures.failure_events import ReadPosition
from bot.diagnosis.failures.recovery import ProgressEvent
from bot.diagnosis.reading.cursor import Origin
from bot.diagnosis.reading.sourced_lines import is_logged
from bot.diagnosis.state import DiagnoserState
from bot.diagnosis.training.failed_steps import is_bare_step, is_failure_detail, states_failed_step
from bot.diagnosis.training.progress_lines import parse_progress_line
from bot.diagnosis.training.rate_search import is_rate_search


def read_sample(
    state: DiagnoserState, raw: bytes, origin: Origin, line: int, *, end: int, is_dense: bool, before: bytes = b""
) -> bool:
    """Read a line; return whether it may be progress, rather than the step at which something failed.

    Args:
        state: of the log.
        raw: the line, numbered from 0 by `line`.
        origin: what the provider states for it.
        line: its number.
        end: offset of its end in the log.
        is_dense: whether all progress lines are read.
        before: the log before it, as far as it shows what the line belongs to.
    """
    split, logged = parse_progress_line(raw, origin, line)
    state.loss.observe_text(split.text)
    state.root_cause.ranks.roster.read_name(split.source.name)
    if logged is None:
        return False
    sample = logged.sample
    if sample.is_training:
        state.quotation.close()
    counter_line = state.newest.step_line if is_bare_step(sample) else None
    is_failed = states_failed_step(split.text) or (
        is_bare_step(sample)
        and is_failure_detail(split.text, before, "" if counter_line is None else counter_line.text)
    )
    counter = state.newest.read(logged, raw, end, is_dense=is_dense)
    if counter and counter == (state.newest.main or counter) and not is_failed:
        state.step_pace.feed(counter, logged, end)
    if sample.epoch is None and sample.step is not None and state.epoch is not None:
        sample = sample._replace(epoch=state.epoch)  # a progress bar starts again in each epoch
        logged = logged._replace(sample=sample)
    is_lost = sample.loss is not None and not math.isfinite(sample.loss)
    if not (is_lost and is_rate_search(split.text, before)):
        state.loss.feed(logged)
    if is_failed:
        return False
    if sample.step is not None or sample.epoch is not None or sample.loss is not None:
        if state.pace.feed(logged, is_dense=is_dense):
            state.throughput.feed(logged)
        position = ReadPosition(state.samples, end)
        is_immediate = "it/s" in logged.text or "s/it" in logged.text
        is_ordered = bool(state.root_cause.candidates) and is_logged(logged.text)
        state.root_cause.record_progress(
            ProgressEvent(position, origin[-1], logged.label, sample.step, is_immediate, sample.epoch, is_ordered)
        )
    state.step = state.step if sample.step is None else sample.step
    state.epoch = state.epoch if sample.epoch is None else sample.epoch
    return True
