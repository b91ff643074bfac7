"""Find the category of a failure that does not make it clear in the rows of its excerpt, which may have the reason."""

from dataclasses import replace

from bot.diagnosis.failures.candidates import Candidate
from bot.diagnosis.failures.category_evidence import weigh_category
from bot.diagnosis.failures.category_hints import HINTS
from bot.diagnosis.failures.frames import LineKind, line_kind
from bot.diagnosis.failures.subjects import is_complaint
from bot.diagnosis.reading.prefixes import split_prefix


def with_category_of_excerpt(root: Candidate) -> Candidate:
    """Return the failure with the category that its excerpt makes clear: the rows after its own, then errors before."""
    if root.unclear is None:
        return root
    rows = [split_prefix(row).text for row in root.excerpt]
    after = rows[root.root_index : root.root_index + 1] + _statements(rows[root.root_index + 1 :])
    before = [row for row in _statements(rows[: root.root_index]) if is_complaint(row)]
    for stated in (after, [*after, *before]):
        text = root.unclear._replace(message="\n".join([root.unclear.message, *stated]))
        weighed = weigh_category(text, "code" if root.name == "python_exception" else root.category)
        if weighed.is_clear and weighed.category != root.category:
            return replace(
                root, category=weighed.category, hint=HINTS.get(weighed.category, root.hint), names="", unnamed_hint="",
                unclear=None,
            )  # fmt: skip
        if weighed.is_clear:
            return replace(root, unclear=None)
    return root


def _statements(rows: list[str]) -> list[str]:
    return [row for row in rows if line_kind(row) is LineKind.OTHER]
