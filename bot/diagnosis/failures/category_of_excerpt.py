"""Decide the category of a failure by all that its excerpt says, which may have the reason."""

import re
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from bot.diagnosis.categories import Category
from bot.diagnosis.failures.category_evidence import CATEGORIES, FailureText, sum_terms
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.category_words import Counts, word_evidence, words_of
from bot.diagnosis.failures.epilogues import is_of_others
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.prefixes import split_prefix
from bot.domain.levels import stated_level

CLEAR_MARGIN = 2.0
"""With less more than another category, none is clear."""
REPORT_MARGIN = 4.0
"""By how much more another category must speak than that of a failure that only reports an end."""
WITHOUT_TERM = -4.0
"""The evidence for a category that is always named by a term, where none was found."""

_REPORTS = (Precedence.TEARDOWN, Precedence.TRACE)
_NAMED: frozenset[Category] = frozenset(CATEGORIES) - {"code", "data", "launch", "storage"}

_NAME = re.compile(
    r"(?<![\w:])(?:[\w.@~-]*/)+[\w.@~-]*|\b[\w-]+\.(?:log|txt|out|err|pyx?|sh|cc|cpp|cu|hh?|so|ya?ml|json|cfg)\b[\w.]*"
)
_FRAME = re.compile(r"(?:\[\d+\] )?#\d+ +\S")
"""A frame of a native stack without an address."""
_BANNER = "Error executing job with overrides: "
"""What Hydra writes above any exception, with the arguments of the run."""
_SETTING = r"(?:cfg|config|settings|hparams|hyper_?param)"
_READS_CONFIGURATION = re.compile(
    rf"(?i)^\s*[\w.]*{_SETTING}\w*(?:: [^=\n]{{1,40}})? ?= ?json\.loads?\("
    rf"|\bjson\.loads?\([^\n]{{0,120}}(?:{_SETTING}|\benviron\b)"
)
"""The statement of a traceback that reads a configuration, rather than data."""
_WARNING = "Warning: "
"""In a warning of Python, whose place looks like a frame."""


def with_weighed_category(
    failure: Failure, statement: FailureText, usual: Category | None, *, keeps_hint: bool = False
) -> Failure:
    """Return a failure of a kind that can have any category with the one that the excerpt suggests.

    Args:
        failure: with its excerpt, and the category that its own line suggests.
        statement: what it says.
        usual: the category of such failures without further evidence; None if theirs is known.
        keeps_hint: whether its hint holds in any category.
    """
    if usual is None:
        return failure
    if _cannot_read_configuration(failure, statement):
        return replace(failure, category="launch")
    before, after = statements_around(failure)
    scores = weigh_category_of_excerpt(statement, usual, before, after)
    (category, score), (_, next_score), *_ = sorted(scores.items(), key=itemgetter(1), reverse=True)
    signs = failure.signs if score - next_score >= CLEAR_MARGIN else (*failure.signs, "unclear")
    is_lacking = category == "code" != usual
    is_report = failure.precedence in _REPORTS
    needed = REPORT_MARGIN if is_report else CLEAR_MARGIN
    is_stated = (
        not is_report or sum_terms(statement._replace(message="\n".join([*before, *after])), usual)[category] > 0
    )
    if is_lacking or not is_stated or score - scores[failure.category] < needed:
        return replace(failure, signs=signs)
    hint = failure.hint if keeps_hint else HINTS.get(category, failure.hint)
    return replace(failure, category=category, hint=hint, signs=signs)


def _cannot_read_configuration(failure: Failure, statement: FailureText) -> bool:
    """Is the JSON that cannot be read, before any step, a configuration?"""
    if failure.category != "data" or statement.has_trained or not statement.kind.endswith("JSONDecodeError"):
        return False
    return any(
        _READS_CONFIGURATION.search(split_prefix(row).text) for row in failure.excerpt[: failure.root_index or 0]
    )


def statements_around(failure: Failure) -> tuple[list[str], list[str]]:
    """Return the statements of its excerpt before the root line, and from it on; a report of an end says nothing."""
    index = failure.root_index or 0
    is_report = failure.precedence in _REPORTS
    own = [] if is_report else [split_prefix(row).text for row in failure.excerpt[index : index + 1]]
    return _statements(failure.excerpt[:index]), [*own, *_statements(_own_rows_after(failure.excerpt, index))]


def weigh_category_of_excerpt(
    statement: FailureText, usual: Category, before: Sequence[str], after: Sequence[str], counts: Counts | None = None
) -> dict[Category, float]:
    """Return the evidence for each category: terms in the failure and in what follows, words in all.

    Args:
        statement: what the failure says.
        usual: the category of such failures without further evidence.
        before: the statements before it.
        after: those after it.
        counts: of words; those of the shipped table if None.
    """
    terms = sum_terms(statement._replace(message="\n".join([statement.message, *after])), usual)
    rows_before, rows_after = map(_without_names, before), list(map(_without_names, after))
    near = words_of(statement, [*rows_before, *rows_after])
    words = word_evidence(words_of(statement, rows_after[:1]), near, counts)
    scores = {category: terms[category] + evidence for category, evidence in zip(CATEGORIES, words, strict=True)}
    for category in _NAMED:
        scores[category] += 0.0 if terms[category] > 0 else WITHOUT_TERM
    return scores


def _own_rows_after(rows: Sequence[str], index: int) -> list[str]:
    """Return the rows after the root line that its program may have printed."""
    level = stated_level(rows[index]) if index < len(rows) else None
    return [row for row in rows[index + 1 :] if not is_of_others(row, split_prefix(row).text, level)]


def _without_names(text: str) -> str:
    """Leave out paths and names of files: they do not show what happened."""
    return _NAME.sub(" ", text)


def _statements(rows: Sequence[str]) -> list[str]:
    texts = (split_prefix(row).text for row in rows)
    return [text for text in texts if _WARNING in text or _is_statement(text)]


def _is_statement(text: str) -> bool:
    if text.startswith(_BANNER):
        return False
    return line_kind(text) is LineKind.OTHER and text[:1] != "…" and _FRAME.match(text) is None
