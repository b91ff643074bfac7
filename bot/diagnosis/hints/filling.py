"""Choose the hint of a reported failure by its excerpt, and fill in what the log shows.

Only failures that are reported get here, never the lines of a log as they are read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from bot.diagnosis.findings import Failure
from bot.diagnosis.hints.choices import COMPARISON, PLACEHOLDER, HintChoice
from bot.diagnosis.reading.prefixes import split_prefix
from bot.diagnosis.reading.required_literals import filter_pattern
from bot.domain.progress import Checkpoint, RunProgress
from bot.domain.regex import Pattern, compile_pattern

MAX_VALUE = 64
"""Longest value filled in. Longer ones are left out whole: half of a secret could not be redacted."""
GROUP_SIZE = 12
"""Number of patterns that are first searched together."""
_AMOUNT = re.compile(r"(\d[\d,]*(?:\.\d+)?)\s*([KMGT]?)")
_FACTOR = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NATIVE = frozenset({"glog_fatal", "lightgbm_fatal", "native_abort", "r_error", "rust_panic"})
_ANY_FAILURE = _NATIVE | {"failed_end", "fatal_words", "model_not_loaded"}
"""Failures that say what an exception of Python would say, in another language."""
_UNPRINTABLE = "\N{REPLACEMENT CHARACTER}"

HintValues = Mapping[str, str | None]


def choose_hints(
    failures: Sequence[Failure], hints: Mapping[str, Sequence[HintChoice]], progress: RunProgress
) -> list[Failure]:
    """Return the failures, each with the first hint whose evidence its excerpt and the run show."""
    return [_with_hint(failure, _choices(failure, hints), progress) for failure in failures]


def _choices(failure: Failure, hints: Mapping[str, Sequence[HintChoice]]) -> Sequence[HintChoice]:
    own = hints.get(failure.signature, ())
    return (*own, *hints.get("python_exception", ())) if failure.signature in _ANY_FAILURE else own


def _with_hint(failure: Failure, choices: Sequence[HintChoice], progress: RunProgress) -> Failure:
    if not choices:
        return failure
    text, facts, known = _evidence(failure), _facts(failure, progress), _known_values(failure, progress)
    for choice in _possible(choices, text):
        if not facts.issuperset(choice.facts):
            continue
        values = _matched(choice, text)
        hint = fill_hint(choice.text, {**known, **values}) if values is not None else None
        if hint is not None:
            return replace(failure, hint=hint if " https://" in hint else f"{hint}{_url(failure.hint)}")
    return failure


def _possible(choices: Sequence[HintChoice], text: str) -> Iterator[HintChoice]:
    """Iterate over the hints, without groups of them of which none has its pattern in the text."""
    for start in range(0, len(choices), GROUP_SIZE):
        group = choices[start : start + GROUP_SIZE]
        patterns = tuple([choice.when for choice in group])
        if not all(patterns) or _filter(patterns).contains(text):
            yield from group


def fill_hint(text: str, values: HintValues) -> str | None:
    """Fill in the placeholders of a hint; None if a value without a fallback is missing."""
    shown = {name: _shown(values.get(name)) or fallback for name, fallback in PLACEHOLDER.findall(text)}
    if not all(shown.values()):
        return None
    return PLACEHOLDER.sub(lambda found: shown[found[1]], text)


def _evidence(failure: Failure) -> str:
    """The decisive row of the excerpt and then all its rows, without their prefixes."""
    rows = [split_prefix(row).text for row in failure.excerpt]
    if failure.root_index is not None and failure.root_index < len(rows):
        rows.insert(0, rows[failure.root_index])
    return "\n".join(rows)


def _facts(failure: Failure, progress: RunProgress) -> set[str]:
    return {
        "server" if failure.is_in_server else "training",
        "checkpoint" if progress.checkpoint is not None else "no_checkpoint",
        "steps" if progress.is_known else "no_steps",
    }


def _known_values(failure: Failure, progress: RunProgress) -> HintValues:
    return {
        "rank": str(failure.root_rank) if isinstance(failure.root_rank, int) else None,
        "step": None if progress.step is None else f"{progress.step:,}",
        "checkpoint": _name_checkpoint(progress.checkpoint),
    }


def _name_checkpoint(saved: Checkpoint | None) -> str | None:
    if saved is None:
        return None
    return f"step {saved.step:,}" if saved.step is not None else saved.path


def _matched(choice: HintChoice, text: str) -> HintValues | None:
    """Return the groups of a hint's pattern in the evidence; None if a condition does not hold."""
    found = _compiled(choice.when).search(text) if choice.when else None
    if (choice.when and found is None) or (choice.unless and _compiled(choice.unless).search(text) is not None):
        return None
    values = found.groupdict() if found is not None else {}
    return values if not choice.compare or _exceeds(choice.compare, values) else None


def _exceeds(comparison: str, values: HintValues) -> bool:
    found = COMPARISON.fullmatch(comparison)
    if found is None:
        return False
    left, right = _amount(values.get(found[1])), _amount(values.get(found[3]))
    return left is not None and right is not None and left > float(found[2] or 1) * right


def _amount(text: str | None) -> float | None:
    """Read an amount of memory as bytes, or a plain number."""
    found = _AMOUNT.match(text or "")
    return float(found[1].replace(",", "")) * _FACTOR[found[2]] if found else None


def _shown(value: str | None) -> str:
    """A value as one line of printable text; of a long path only the last part, and "" for anything else too long."""
    line = " ".join((value or "").split()).strip("'\"`")
    if len(line) > MAX_VALUE:
        line = line.rstrip("/").rsplit("/", 1)[-1]
    if len(line) > MAX_VALUE:
        return ""
    return "".join(sign if sign.isprintable() else _UNPRINTABLE for sign in line)


def _url(hint: str) -> str:
    last = hint.rpartition(" ")[2]
    return f" {last}" if last.startswith("https://") else ""


@cache
def _filter(patterns: tuple[str, ...]) -> Pattern[str]:
    """Compile a pattern that matches wherever one of these might."""
    return compile_pattern(filter_pattern(patterns))


@cache
def _compiled(pattern: str) -> Pattern[str]:
    return compile_pattern(f"(?m){pattern}")
