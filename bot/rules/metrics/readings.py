"""Read the numbers that a rule names, such as `loss` or `eval/accuracy`, from log lines and from a platform's metrics.

Only the keys of rules are read, so a job without such rules costs nothing. A name that trainwatch reads in every
framework, such as `loss`, is read as for the progress of a run; any other is searched as `key=value`, `key: value`,
`| key | value |` or a JSON field. In a key, `/`, `_`, `.`, `-` and a space are the same.
"""

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.diagnosis.training.progress import PROGRESS, Sample
from bot.diagnosis.training.progress_lines import parse_progress_line
from bot.diagnosis.training.step_pace import stated_step_s
from bot.domain.logs import LogLine
from bot.domain.metrics import ALL_METRICS, MetricSeries
from bot.domain.regex import compile_pattern
from bot.rules.rule import INFINITE, NumberReading

MAX_PIECES = 50
"""States of a progress bar read in one message: the newest."""
MAX_TEXT = 4000
"""Characters of a line that are searched; of a JSON object, ten times as many."""

_PIECES = re.compile(r"[\r\n\b]+")
_SEPARATORS = re.compile(r"[ /_.:-]+")
_VALUE = (
    r"(?P<value>[-+]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,])|(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf(?:inity)?))"
    r"(?:(?P<percent> ?%)|(?P<scale>[kmgb])(?![a-z]))?"
)
_SCALES = {"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9}
_SUFFIXES = re.compile(r"_(?:ratio|used_bytes|usage_cores|seconds)$")
_BY_NAME = {name: metric for metric in ALL_METRICS for name in (metric, _SUFFIXES.sub("", metric))}

_FIELDS: Mapping[str, Callable[[Sample], float | None]] = {
    "loss": lambda sample: sample.loss,
    "grad norm": lambda sample: sample.grad_norm,
    "learning rate": lambda sample: sample.learning_rate,
    "lr": lambda sample: sample.learning_rate,
    "tokens per second": lambda sample: sample.tokens_per_s,
    "tokens per s": lambda sample: sample.tokens_per_s,
    "samples per second": lambda sample: sample.samples_per_s,
    "samples per s": lambda sample: sample.samples_per_s,
    "epoch": lambda sample: sample.epoch,
}
STEP_TIME = "step time"
"""Seconds per step, as a line states them."""
_PROGRESS = compile_pattern(f"(?m){PROGRESS}".encode())


def metric_named(key: str) -> str | None:
    """Return the platform's metric that a key means, such as `gpu_utilization`; None for a number in the log."""
    return _BY_NAME.get(key.lower())


def read_log(lines: Iterable[LogLine], keys: Iterable[str]) -> dict[str, list[NumberReading]]:
    """Return the values of each key in the lines, in their order, with the newest step that was read beside them.

    Of evaluations, only a key that names them counts.
    """
    readers = {key: _reader_of(key) for key in keys}
    found: dict[str, list[NumberReading]] = {key: [] for key in readers}
    step: int | None = None
    for line in lines if readers else ():
        for piece in _PIECES.split(line.message)[-MAX_PIECES:]:
            lower = piece.lower()
            wanted = [(key, reader) for key, reader in readers.items() if reader.may_contain(lower)]
            if not wanted:
                continue
            sample = _sample_of(piece, line)
            step = sample.step if sample is not None and sample.is_training_step else step
            for key, reader in wanted:
                value, is_percent = reader.read(piece, sample)
                if value is not None and not math.isnan(value):
                    bounded = max(-INFINITE, min(value, INFINITE))
                    found[key].append(NumberReading(line.timestamp_ns / 1e9, bounded, step, is_percent))
    return found


def read_series(series: Iterable[MetricSeries], metric: str, *, is_upward: bool, of_limit: bool) -> list[NumberReading]:
    """Return the highest of all GPUs and nodes at each time, or the lowest; as a share of their limits if asked."""
    extremes: dict[float, float] = {}
    choose = max if is_upward else min
    for one in series:
        if one.name != metric or (of_limit and not one.limit):
            continue
        scale = one.limit if of_limit and one.limit else 1.0
        for value, at, _ in one.points:
            if at is not None and math.isfinite(value):
                at_s = at.timestamp()
                extremes[at_s] = choose(extremes.get(at_s, value / scale), value / scale)
    return [NumberReading(at_s, extremes[at_s]) for at_s in sorted(extremes)]


class _KeyReader(NamedTuple):
    """How one key is read."""

    words: tuple[str, ...]
    """The parts of the key, in lower case."""
    field: Callable[[Sample], float | None] | None
    pattern: re.Pattern[str]

    def may_contain(self, lower: str) -> bool:
        """Whether a line in lower case may have a value; a cheap test."""
        if self.field is not None or " ".join(self.words) == STEP_TIME:
            return _PROGRESS.search(lower.encode()) is not None or self.words[-1] in lower
        return all(word in lower for word in self.words)

    def read(self, text: str, sample: Sample | None) -> tuple[float | None, bool]:
        """Read the value in a line, the last one if there are several, and whether it is printed with `%`."""
        name = " ".join(self.words)
        is_training = sample is not None and not sample.is_evaluation and not sample.is_summary
        if name == "loss":
            return (sample.loss if sample is not None and is_training else None), False
        if self.field is not None and sample is not None and (value := self.field(sample)) is not None:
            return (value if is_training else None), False
        if name == STEP_TIME and is_training and (stated := stated_step_s(text)) is not None:
            return stated, False
        newest = deque(self.pattern.finditer(text[-MAX_TEXT:]), maxlen=1)
        for found in newest:
            value = _float(found["value"]) * _SCALES.get((found["scale"] or "").lower(), 1.0)
            return (value / 100, True) if found["percent"] else (value, False)
        return (_json_field(text, self.words) if len(self.words) > 1 and "{" in text else None), False


@lru_cache(maxsize=256)
def _reader_of(key: str) -> _KeyReader:
    words = tuple(word for word in _SEPARATORS.split(key.lower()) if word)
    if words == ("train", "loss"):
        words = ("loss",)
    body = "[ /_.:-]".join(map(re.escape, words))
    pattern = re.compile(
        rf"(?i)(?<![\w/.-]){body}['\"]?\s*(?:(?:::|:=|[:=|])+|\s)\s*['\"]?(?:tensor\()?\s*{_VALUE}(?![\d])"
    )
    return _KeyReader(words, _FIELDS.get(" ".join(words)), pattern)


def _sample_of(piece: str, line: LogLine) -> Sample | None:
    origin = (line.rank, line.replica, line.timestamp_ns)
    logged = parse_progress_line(piece.encode("utf-8", "replace"), origin, 0).logged
    return None if logged is None else logged.sample


def _float(text: str) -> float:
    return float(text.replace(",", ""))


def _json_field(text: str, words: Sequence[str]) -> float | None:
    """Read a nested field, such as `accuracy` in `{"eval": {"accuracy": 0.9}}`."""
    try:
        document = json.loads(text[text.index("{") : text.rindex("}") + 1][: 10 * MAX_TEXT])
    except (ValueError, RecursionError):
        return None
    for path, value in _numbers_in(document):
        if tuple(word for word in _SEPARATORS.split(path.lower()) if word) == tuple(words):
            return value
    return None


def _numbers_in(document: object, before: str = "", depth: int = 0) -> Iterator[tuple[str, float]]:
    if isinstance(document, dict) and depth < 5:
        for name, value in document.items():
            yield from _numbers_in(value, f"{before}{name}/", depth + 1)
    elif isinstance(document, int | float) and not isinstance(document, bool):
        yield before, float(document)
