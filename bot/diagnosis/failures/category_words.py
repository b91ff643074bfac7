"""How often words occur in failures of each category: evidence on messages that no rule was written for.

`category_words.tsv` has the counts, over labelled failures of many frameworks; `tests.corpus.count_words` makes it.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cache
from importlib.resources import files

from bot.diagnosis.failures.category_evidence import CATEGORIES, FailureText

FAILURES = "(failures)"
"""Names the row with the number of failures of each category."""
SMOOTHING = 1.0
"""A word counts as if it had been in this number of other failures, whose categories are as frequent as among all."""
NEAR_SHARE = 0.5
"""What a word near a failure counts beside one of the failure itself."""

_WORD = re.compile(r"[a-z_]{2,}")
_CAPITAL_INSIDE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PATH_PARTS = re.compile(r"[/:._]")

Counts = Mapping[str, Sequence[int]]
"""The number of failures of each category that contain a word, in the order of `CATEGORIES`."""


def words_of(statement: FailureText, statements: Iterable[str]) -> frozenset[str]:
    """Return the words of a failure and of the statements near it; those of kind, place and stage are marked."""
    kinds = [statement.kind.rsplit(".", 1)[-1], *_split(statement.kind).replace(".", " ").split()]
    places = [part for part in _PATH_PARTS.split(statement.place.lower()) if part]
    return frozenset(
        [
            *_WORD.findall(_split(statement.message)),
            *(word for row in statements for word in _WORD.findall(_split(row))),
            *(f"kind_{word}" for word in kinds),
            *(f"place_{word}" for word in places),
            "stage_run" if statement.has_trained else "stage_start",
        ]
    )


def word_evidence(words: Set[str], near: Set[str], counts: Counts | None = None) -> list[float]:
    """Return the logarithm of how likely the words make each of `CATEGORIES` (a naive Bayes classifier).

    Args:
        words: of a failure.
        near: of the failure and of the statements around it.
        counts: of all words, and of `FAILURES`; those of the shipped table if None.
    """
    counts = _shipped_counts() if counts is None else counts
    totals = counts[FAILURES]
    usual = [total / sum(totals) for total in totals]
    sums = [math.log((total + 1) / (sum(totals) + len(totals))) for total in totals]
    for word in sorted((words | near) & counts.keys()):
        share = 1.0 if word in words else NEAR_SHARE
        sums = [known + share * weight for known, weight in zip(sums, _weigh(counts[word], usual), strict=True)]
    return sums


def _weigh(row: Sequence[int], usual: Sequence[float]) -> list[float]:
    seen = sum(row) + SMOOTHING
    return [math.log((count + SMOOTHING * share) / seen / share) for count, share in zip(row, usual, strict=True)]


@cache
def _shipped_counts() -> Counts:
    text = files("bot.diagnosis.failures").joinpath("category_words.tsv").read_text(encoding="utf-8")
    header, *rows = (line.split("\t") for line in text.splitlines())
    columns = [header.index(category) for category in CATEGORIES]
    return {row[0]: [int(row[column] or 0) for column in columns] for row in rows}


def _split(text: str) -> str:
    """In small letters, and with a space within names such as `FileNotFoundError`."""
    return _CAPITAL_INSIDE.sub(" ", text).lower()
