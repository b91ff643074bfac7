"""Recognise model output in a log: samples, completions and answers, which may quote any failure.

A line such as `Completion: ...` or `--- sample generation ---` opens a quotation; the next progress line closes it.
Quotations within one line, such as source code and tables, are in `noise`.
"""

import re
from dataclasses import dataclass

MAX_LINES = 60
"""Maximum number of lines of a quotation."""

_OPENING_WORDS = (
    r"(?:prompts?|completions?|responses?|generat(?:ed|ion)s?|samples?|assistant|user|human|questions?|answers?"
    r"|model outputs?|chosen|rejected|src|ref|hyp)"
    r"(?: (?:text|sample|output|generation|\d+))?[^\w\n]*(?::|-{2}|={2}|$)"
)
_CHAT_TOKENS = r"<\|[a-z_]{2,24}\|>|\[/?INST\]|<start_of_turn>|^text: "
"""Tokens that chat templates put between turns."""
OPENING = rf"(?i:(?:^|[\]|:>)-] ?|- |= )[^\w\n]*{_OPENING_WORDS})|{_CHAT_TOKENS}"
"""Part of the page filter: such words at the start of a line or after a prefix."""
_OPENING = re.compile(rf"(?i)^\W*(?:\[[\w -]{{1,20}}\][ :-]*|step \d+[ :-]+)?{_OPENING_WORDS}|{_CHAT_TOKENS}")


@dataclass(slots=True)
class Quotation:
    """The newest quotation of model output."""

    first_line: int = -1
    """-1 if no quotation is open."""

    def observe(self, text: str, line: int) -> None:
        """Read a line without its prefixes; it may open a quotation."""
        if _OPENING.search(text):
            self.first_line = line

    def close(self) -> None:
        """End the quotation: the run logs progress again."""
        self.first_line = -1

    def contains(self, line: int, *, has_timestamp: bool) -> bool:
        """Is this line part of the quotation? A line with a timestamp was logged, not quoted."""
        return self.first_line >= 0 and line - self.first_line <= MAX_LINES and not has_timestamp
