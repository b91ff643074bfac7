"""Text that a model wrote: samples, completions and answers that a run prints, which may quote any failure.

A line such as `Completion: ...` or `--- sample generation ---` opens a quotation; the next progress line ends it.
Forms of quotation within one line (source code, tables, advice) are in `benign`.
"""

import re
from dataclasses import dataclass

REACH = 60
"""Lines after its opening within which text without a clock of its own belongs to a quotation."""

_WORDS = (
    r"(?:prompts?|completions?|responses?|generat(?:ed|ion)s?|samples?|assistant|user|human|questions?|answers?"
    r"|model outputs?|chosen|rejected|src|ref|hyp)"
    r"(?: (?:text|sample|output|generation|\d+))?[^\w\n]*(?::|-{2}|={2}|$)"
)
_TOKENS = r"<\|[a-z_]{2,24}\|>|\[/?INST\]|<start_of_turn>|^text: "
"""What templates of chats put between turns."""
OPENING = rf"(?i:(?:^|[\]|:>)-] ?|- |= )[^\w\n]*{_WORDS})|{_TOKENS}"
"""For the page filter: such words at the front of a line, or behind a prefix."""
_OPENING = re.compile(rf"(?i)^\W*(?:\[[\w -]{{1,20}}\][ :-]*|step \d+[ :-]+)?{_WORDS}|{_TOKENS}")


@dataclass(slots=True)
class Quotes:
    """Where the newest quotation began."""

    opened: int = -1
    """Number of its line; -1 when none is open."""

    def hear(self, text: str, line: int) -> None:
        """Take a line without its prefixes; remember it where it opens a quotation."""
        if _OPENING.search(text):
            self.opened = line

    def close(self) -> None:
        """The run speaks for itself again."""
        self.opened = -1

    def hold(self, line: int, *, clocked: bool) -> bool:
        """Is this line a part of a quotation? One with a time of its own was logged, not quoted."""
        return self.opened >= 0 and line - self.opened <= REACH and not clocked
