"""Recognise the failed parts in the display of a workflow whose header states that the whole succeeded.

Such a display has the status of the whole in its header, and a row for each part, drawn as a tree. A part that failed
was run again.
"""

import re
from collections.abc import Sequence

_ROW = re.compile(r"^\s*(?:[│├└|`+─┬ -]{1,40}\s*)?[✖✗✘x]\s|^\s*[│├└]")
_HEADER = re.compile(r"(?i)^\s*(?:status|phase|state|conclusion)\s*:\s+(\w+)")
_GOOD = ("succeeded", "success", "completed", "successful")


def is_in_good_tree(text: str, before: Sequence[str]) -> bool:
    """Is a line a row of a tree whose header states success?

    Args:
        text: the line without its prefixes.
        before: the lines before it, oldest first.
    """
    if _ROW.match(text) is None:
        return False
    found = next((one for line in reversed(before) if (one := _HEADER.match(line)) is not None), None)
    return found is not None and found.group(1).lower() in _GOOD
