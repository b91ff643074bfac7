"""Compare diagnoses with labels: one check for each thing that a label asks, and figures over many logs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.commands.handlers.log_text import read_text_pages
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis, Failure
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.alerts import Severity
from tests.corpus.labels import Label

THRESHOLDS = {
    "recall": 0.97,
    "false alarms": 0.03,
    "severity": 0.90,
    "single page": 0.95,
    "category": 0.93,
    "root line": 0.92,
    "rank": 0.90,
    "hint useful": 0.80,
    "hint wrong": 0.05,
    "calibration error": 0.10,
}
"""Metric → the worst share that passes, in the order of the table."""
ERROR_RATES = frozenset({"false alarms", "hint wrong", "calibration error"})
"""Metrics that must be at most their threshold; the others must be at least theirs."""
MIN_ANSWERS = {"calibration error": 50}
"""Metric → the number of answers from which it is judged, if more than one."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question about one log, and whether the diagnosis answers it right."""

    metric: str
    is_right: bool
    miss: str
    """What was found and what was wanted, for the list of misses."""


@dataclass(frozen=True, slots=True)
class ScoredLog:
    """All checks of one log."""

    name: str
    note: str
    checks: tuple[Check, ...]
    confidence: float | None = None
    """Of the failure that was reported; None if none was."""

    @property
    def misses(self) -> list[str]:
        """One line for each wrong answer."""
        note = f"  ({self.note})" if self.note else ""
        return [f"{self.name}  {one.metric}: {one.miss}{note}" for one in self.checks if not one.is_right]

    @property
    def is_cause_right(self) -> bool:
        """Whether the cause that was reported is the right one; a false alarm never is."""
        return all(one.is_right for one in self.checks if one.metric in ("false alarms", "category", "root line"))


def diagnose_log(scanner: PageScanner, label: Label) -> Diagnosis:
    """Read and diagnose a log, as `trainwatch scan` does.

    Raises:
        ConfigError: the log cannot be read.
    """
    diagnoser = Diagnoser(scanner)
    with label.path.open("rb") as file:
        for page in read_text_pages(file, str(label.path)):
            diagnoser.feed_page(page)
    return diagnoser.report()


def score_log(label: Label, diagnosis: Diagnosis) -> ScoredLog:
    """Check a diagnosis against its label: of a failing log, the worst failure; of a healthy one, its warning."""
    worst = next(iter(diagnosis.failures), None)
    found = f"{worst.severity.value} {worst.signature} in line {worst.line}" if worst is not None else "nothing"
    miss = f"found {found}, wanted {label.severity.value}"
    rank = worst.severity.rank if worst is not None else 0
    if label.must_fail:
        checks = [Check("recall", rank >= label.severity.rank, miss)]
        is_answer = checks[0].is_right
    else:
        checks = [Check("false alarms", rank <= label.severity.rank, f"{miss} at most")]
        is_answer = Severity.WARN.rank <= rank
    if worst is None or not is_answer:
        return ScoredLog(label.name, label.note, tuple(checks))
    if label.must_fail:
        pages = [one.signature for one in diagnosis.failures if one.severity is Severity.PAGE]
        checks.append(Check("severity", worst.severity is label.severity, miss))
        checks.append(Check("single page", len(pages) <= 1, f"found {', '.join(pages)}"))
    checks += _check_cause(label, worst)
    return ScoredLog(label.name, label.note, tuple(checks), worst.confidence)


def _check_cause(label: Label, failure: Failure) -> Iterator[Check]:
    """Check what the label asks about the cause: category, line, rank and hint."""
    if label.categories:
        wanted = "|".join(label.categories)
        is_right = failure.category in label.categories
        yield Check("category", is_right, f"found {failure.category} ({failure.signature}), wanted {wanted}")
    if label.root_lines:
        lines = "|".join(map(str, label.root_lines))
        yield Check("root line", failure.line in label.root_lines, f"found {failure.line}, wanted {lines}")
    if label.ranks:
        ranks = tuple(map(str, failure.ranks))
        is_right = any(ranks[: len(one)] == one for one in label.ranks)
        wanted = "|".join(",".join(one) for one in label.ranks)
        yield Check("rank", is_right, f"found {','.join(ranks[:8]) or 'none'}, wanted {wanted}")
    advice = f"{failure.title} {failure.hint}".lower()
    wrong = [word for word in label.must_not if word in advice]
    if label.must:
        is_right = any(all(word in advice for word in words) for words in label.must) and not wrong
        wanted = "|".join(" & ".join(words) for words in label.must)
        yield Check("hint useful", is_right, f"wanted {wanted} in: {failure.title} {failure.hint}")
    if label.must or label.must_not:
        yield Check("hint wrong", not wrong, f"contains {'|'.join(wrong)}: {failure.title} {failure.hint}")


@dataclass(frozen=True, slots=True)
class Figure:
    """The result of one metric."""

    metric: str
    share: float
    """Right answers of all, or for an error rate the wrong ones; calibration error is a mean difference."""
    count: int
    """Number of answers."""

    @property
    def is_passed(self) -> bool:
        """Whether the threshold holds; with too few answers it does."""
        limit, share = THRESHOLDS[self.metric], round(self.share, 4)
        return self.count < MIN_ANSWERS.get(self.metric, 1) or (
            share <= limit if self.metric in ERROR_RATES else share >= limit
        )


@dataclass(frozen=True, slots=True)
class ConfidenceBin:
    """Answers that were stated with about the same confidence."""

    stated: float
    """Mean confidence."""
    right: int
    count: int


def measure(logs: Sequence[ScoredLog]) -> list[Figure]:
    """Return one figure for each metric."""
    answers = defaultdict[str, list[bool]](list)
    for check in (check for log in logs for check in log.checks):
        answers[check.metric].append(check.is_right)
    bins = confidence_bins(logs)
    figures = []
    for metric in THRESHOLDS:
        right, count = sum(answers[metric]), len(answers[metric])
        figures.append(Figure(metric, (count - right if metric in ERROR_RATES else right) / max(count, 1), count))
    figures[-1] = Figure("calibration error", calibration_error(bins), sum(one.count for one in bins))
    return figures


def confidence_bins(logs: Iterable[ScoredLog]) -> list[ConfidenceBin]:
    """Group the reported failures of failing logs, and the false alarms, by tenths of their confidence."""
    tenths = defaultdict[int, list[tuple[float, bool]]](list)
    for log in logs:
        is_answer = log.checks[0].metric == "recall" or not log.checks[0].is_right
        if log.confidence is not None and is_answer:
            tenths[min(int(log.confidence * 10 + 1e-9), 9)].append((log.confidence, log.is_cause_right))
    return [
        ConfidenceBin(sum(stated for stated, _ in found) / len(found), sum(right for _, right in found), len(found))
        for _, found in sorted(tenths.items())
    ]


def calibration_error(bins: Sequence[ConfidenceBin]) -> float:
    """The mean difference between stated confidence and share of right answers, weighted by answers."""
    total = sum(one.count for one in bins)
    return sum(abs(one.stated - one.right / one.count) * one.count for one in bins) / max(total, 1)
