"""Tell a restart that did not find its checkpoint from a first start, which has none."""

import re
from collections.abc import Callable, Iterator
from itertools import islice

LOST_RESUME = "lost_resume"
"""The name of the signature."""
MAX_LINES_BEFORE = 60
_RESTARTED = re.compile(
    r"(?i)\b(?:re-?starts?|re-?started|re-?starting|relaunch(?:ed|ing)?|attempt|incarnation|generation|retry|re-?run)"
    r"(?:[ _](?:count|counter|number|no\.?))?[ #:=(]{1,3}(?:[2-9]|[1-9]\d+)\b"
    r"|\brestart(?:ed|s|ing)?(?:[ _]count\w*)?[ #:=(]{1,3}1\b(?! ?(?:/|of) ?\d)"
    r"|\b\w*RESTART_COUNT=[1-9]"
    r"|\b(?:previous|last|prior|earlier|first) (?:attempt|run|incarnation|job)\b.{0,40}\b(?:reached|ended"
    r"|stopped|died|failed"
    r"|was|got|left|crashed|saved)"
    r"|\b(?:re-?queued|re-?submitted|re-?scheduled|preempted|evicted)\b(?!.{0,20}\b(?:0|never|no)\b)"
    r"|\b(?:resuming|continuing|restoring) (?:run|job|experiment|training|from)\b|\bresum(?:e|ing) (?:job|run) \S+"
    r"|\b(?:was|stopped|died|crashed|left off|killed) (?:at|after) (?:step|iteration|epoch|update) [1-9]"
    r"|\bauto-?resume\b.{0,30}\b(?:step|iteration|epoch) [1-9]"
)
"""What shows that the run had trained before."""


def follows_restart(newest_texts: Callable[[], Iterator[str]], text: str) -> bool:
    """Did the run that starts without a checkpoint have an earlier attempt?

    Args:
        newest_texts: reads the lines before it, newest first.
        text: of the line that states that there is none.
    """
    return any(map(_RESTARTED.search, (text, *islice(newest_texts(), MAX_LINES_BEFORE))))
