"""Recognise the failed parts in the display of a workflow whose header states that the whole succeeded.

Such a display has the status of the whole in its header, and a row for each part, drawn as a tree. A part that failed
was run again.
"""

import re
from collections.abc import Callable, Iterator

_ROW = re.compile(r"^\s*(?:[│├└|`+─┬ -]{1,40}\s*)?[✖✗✘x]\s|^\s*[│├└]")
_HEADER = re.compile(r"(?i)^\s*(?:status|phase|state|conclusion)\s*:\s+(\w+)")
_GOOD = ("succeeded", "success", "completed", "successful")


def is_in_good_tree(text: str, newest_texts: Callable[[], Iterator[str]]) -> bool:
    """Is a line a row of a tree whose header states success?

    Args:
        text: the line without its prefixes.
        newest_texts: reads the lines before it, newest first.
    """
    if _ROW.match(text) is None:
        return False
    found = next((one for line in newest_texts() if (one := _HEADER.match(line)) is not None), None)
    return found is not None and found.group(1).lower() in _GOOD
