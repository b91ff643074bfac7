"""Find the category of a failure that does not make it clear in the rows of its excerpt, which may have the reason."""

from dataclasses import replace

from bot.diagnosis.categories import Category
from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.category_evidence import weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.prefixes import split_prefix
from bot.domain.levels import stated_level
from bot.domain.logs import Level

_WARNING = "Warning: "
"""In a warning of Python, whose place looks like a frame."""


def with_category_of_excerpt(root: Candidate) -> Candidate:
    """Return the failure with the category that its excerpt suggests: its rows, then errors, then warnings before it.

    Only a failure that does not make its category clear is weighed again.
    """
    if root.unclear is None:
        return root
    usual: Category = "code" if root.name == "python_exception" else root.category
    start = root.root_index
    own = root.excerpt[start : start + 1] if root.precedence < Precedence.TEARDOWN else []  # a report has no reason
    after = [*own, *_statements(root.excerpt[start + 1 :])]
    before = _statements(root.excerpt[:start])
    errors = [row for row in before if stated_level(row) == Level.ERROR]
    warnings = [row for row in before if stated_level(row) == Level.WARNING or _WARNING in row]
    for rows in (after, [*after, *errors], [*after, *errors, *warnings]):
        message = "\n".join([root.unclear.message, *(split_prefix(row).text for row in rows)])
        weighed = weigh_category(root.unclear._replace(message=message), usual)
        if weighed.is_clear:
            return replace(_with_category(root, weighed.category), unclear=None)
        if weighed.category != usual:
            return _with_category(root, weighed.category)
    return root


def _with_category(root: Candidate, category: Category) -> Candidate:
    is_known = root.name != "python_exception" and category == "code"  # only a lack of evidence
    if category == root.category or is_known:
        return root
    return replace(root, category=category, hint=HINTS.get(category, root.hint), names="", unnamed_hint="")


def _statements(rows: list[str]) -> list[str]:
    return [row for row in rows if _WARNING in row or line_kind(split_prefix(row).text) is LineKind.OTHER]
