"""Recognise the search of a learning rate, which raises the rate until the loss diverges, on purpose."""

import re

_SEARCHES = re.compile(
    rb"(?i)\blr[_ -]?find|\blr[_ -]?range|\brange[_ -]test|learning[- _]rate (?:finder|search|range)"
    rb"|(?:finding|searching for) (?:the )?(?:best|optimal|initial) (?:initial )?(?:lr|learning rate)"
)
_ENDS = re.compile(
    rb"(?i)suggest|(?:rate|lr) (?:is )?set to|\b(?:finder|test|search) (?:is |was )?(?:done|finished|completed|stopped)"
    rb"|\bfit\w*\(|\btrain\w*\(|\bepoch\b"
)


def is_rate_search(text: str, before: bytes) -> bool:
    """Does a line belong to the search of a learning rate?

    Args:
        text: the line.
        before: the log before it.
    """
    if _SEARCHES.search(text.encode()):
        return True
    last = 0
    for found in _SEARCHES.finditer(before):
        last = found.end()
    return last > 0 and _ENDS.search(before, last) is None
