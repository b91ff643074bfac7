"""Read one raw progress line: its source, its time and its numbers."""

from typing import NamedTuple

from bot.diagnosis.reading.cursor import Origin
from bot.diagnosis.reading.prefixes import LogTime, SplitLine, parse_timestamp, split_prefix, unwrap_json
from bot.diagnosis.training.progress import LoggedSample, parse_sample


class ProgressLine(NamedTuple):
    """A line that the page filter found; `logged` is None if it states no numbers."""

    split: SplitLine
    logged: LoggedSample | None


def parse_progress_line(raw: bytes, origin: Origin, line: int) -> ProgressLine:
    """Parse a line, numbered from 0; `origin` is what the provider states for it."""
    rank, replica, provider_ns = origin
    text = raw.decode("utf-8", "replace")
    unwrapped = unwrap_json(text)
    split = split_prefix(unwrapped, rank, replica)
    sample = parse_sample(split.text)
    if unwrapped is not text and (sample is None or (sample.step is None and sample.loss is None)):
        split = split_prefix(text, rank, replica)  # structured logging whose fields hold the numbers
        sample = parse_sample(split.text)
    if sample is None:
        return ProgressLine(split, None)
    time = parse_timestamp(text) if provider_ns is None else LogTime(provider_ns, "provider")
    return ProgressLine(split, LoggedSample(sample, line + 1, time, split.source.label, text))
