"""Collapse text that a terminal would have overwritten, such as a progress bar, to its final state. Pure.

Progress bars go back to the start of their line with a carriage return, with backspaces, or by moving the cursor up,
and write the next state over the last one. A log stores all states. `collapse_overwritten` shows the last one and
counts the others. It differs from a terminal in three ways, so that nothing that matters is lost or invented:

- The next state replaces the whole line. A terminal would leave the end of a longer state after a shorter one.
- A state that was erased at the end, or overwritten by blanks, stays.
- A state that reports a problem stays, on a separate line.

A carriage return before a line feed is a line end, and one at the end of the text is ignored.
"""

import re
from dataclasses import dataclass, field

from bot.domain.wording import plural

_CODES = re.compile(r"(\r*\n|\r+|\x08+|\x1b\[\d{0,4}[ABDEFGJK])")
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_LONGEST_CODE = 40
_CODE_BEFORE = re.compile(_ANSI.pattern + r"\Z")
_PROBLEM = re.compile(
    r"(?i)(?:error|exception|warning)(?![a-z_]*\s?[=:]\s?0\b)|"
    r"\b(?:traceback|fatal|failed|failure|warn|killed|abort(?:ed)?|panic|out of memory|oom)\b"
)
_DIGITS = re.compile(r"[\d.,:/|#█▏▎▍▌▋▊▉=>\s-]+")
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Collapsed:
    """Lines in their final state."""

    lines: tuple[str, ...]
    hidden: tuple[int, ...]
    """How many earlier states each line had that are not shown."""

    @property
    def text(self) -> str:
        """The lines without counts."""
        return "\n".join(self.lines)

    @property
    def noted(self) -> str:
        """The lines, with the number of hidden states where there are any."""
        notes = (f" ({plural(count, 'progress update')} hidden)" if count else "" for count in self.hidden)
        return "\n".join(line + note for line, note in zip(self.lines, notes, strict=True))


def is_overwritten(text: str) -> bool:
    """Whether the text goes back to what it has written before; false for nearly every text, and then fast."""
    if "\r" not in text and "\b" not in text and "\x1b" not in text:
        return False
    return any(not code[0].endswith("\n") for code in _CODES.finditer(text))


def collapse_overwritten(text: str) -> Collapsed:
    """Return the final state of each line of the text."""
    if not is_overwritten(text):
        lines = text.replace("\r\n", "\n").split("\n") if "\r" in text else text.split("\n")
        return Collapsed(tuple(lines), (0,) * len(lines))
    screen = _Screen()
    for part in _CODES.split(text):
        screen.take(part)
    return screen.result()


def shown_text(text: str) -> str:
    """Return the text in its final state, with the number of hidden states: "99/100 (99 progress updates hidden)"."""
    return collapse_overwritten(text).noted if is_overwritten(text) else text


@dataclass(slots=True)
class _Row:
    text: str = ""
    column: int = 0
    """Where the next text goes."""
    last: str = ""
    """The last state that was overwritten."""
    hidden: int = 0
    is_overwritten: bool = False
    problems: dict[str, str] = field(default_factory=dict)
    """States that report a problem, by their text without numbers."""

    def replace(self, text: str) -> None:
        """Write over the row from its column on."""
        if self.column < len(self.text):
            self.is_overwritten = True
            over = self.text[self.column :]
            is_overstruck = len(over) == 1 and over in (text[:1], "_")
            if over.strip() and not is_overstruck:
                self._hide()
        self.text = self.text[: self.column] + text
        self.column = len(self.text)

    def back(self, characters: int) -> None:
        """Move to the left; colour codes have no width."""
        if "\x1b" not in self.text:
            self.column = max(0, self.column - characters)
            return
        for _ in range(characters):
            while code := _CODE_BEFORE.search(self.text, max(0, self.column - _LONGEST_CODE), self.column):
                self.column = code.start()
            self.column = max(0, self.column - 1)

    def erase(self) -> None:
        """Erase the row."""
        self.column, self.is_overwritten = 0, True
        self._hide()
        self.text = ""

    def _hide(self) -> None:
        state = self.text.strip()
        if not _ANSI.sub("", state).strip():
            return
        self.last = state
        self.hidden += 1
        if _PROBLEM.search(state) and len(self.problems) < _MOST_PROBLEMS:
            self.problems[_shape(state)] = state

    def final(self) -> list[tuple[str, int]]:
        """The lines to show, with the number of states hidden at each."""
        if not self.is_overwritten:
            return [(self.text, 0)]
        text, hidden = self.text.strip(), self.hidden
        if not _ANSI.sub("", text).strip() and self.last:
            text, hidden = self.last, hidden - 1
        problems = [state for shape, state in self.problems.items() if shape != _shape(text)]
        return [*((state, 0) for state in problems), (text, max(0, hidden - len(problems)))]


@dataclass(slots=True)
class _Screen:
    rows: list[_Row] = field(default_factory=lambda: [_Row()])
    at: int = 0

    def take(self, part: str) -> None:
        """Take text, or a code that moves the cursor or erases."""
        row = self.rows[self.at]
        if part.endswith("\n"):
            self._down(1)
        elif part.startswith("\r"):
            row.column = 0
        elif part.startswith("\b"):
            row.back(len(part))
        elif part.startswith("\x1b[") and _CODES.fullmatch(part):
            self._control(int(part[2:-1] or 0), part[-1])
        elif part:
            row.replace(part)

    def _control(self, number: int, code: str) -> None:
        row = self.rows[self.at]
        if code in "AF":
            self.at = max(0, self.at - max(1, number))
            self.rows[self.at].column = 0
        elif code in "BE":
            self._down(max(1, number))
        elif code == "D":
            row.back(max(1, number))
        elif code == "G":
            row.column = len(row.text)
            row.back(len(_ANSI.sub("", row.text)) - max(1, number) + 1)
        elif code == "K" and (number == 2 or row.column == 0):
            row.erase()
        elif code == "K":
            row.replace("")
        else:  # J: this row from here on, and all rows below
            if row.column == 0 or number == 2:
                row.erase()
            for below in self.rows[self.at + 1 :]:
                below.erase()

    def _down(self, rows: int) -> None:
        self.at = min(self.at + rows, len(self.rows))
        if self.at == len(self.rows):
            self.rows.append(_Row())
        self.rows[self.at].column = 0

    def result(self) -> Collapsed:
        """The final state of all rows. A row that was erased passes its count on."""
        shown, carried = list[tuple[str, int]](), 0
        for row in self.rows:
            lines = row.final()
            if row.is_overwritten and not lines[-1][0]:
                carried += lines[-1][1]
                continue
            lines[-1] = lines[-1][0], lines[-1][1] + carried
            carried = 0
            shown += lines
        if carried or not shown:
            shown = [*shown[:-1], (shown[-1][0], shown[-1][1] + carried)] if shown else [("", carried)]
        lines_only, hidden = zip(*shown, strict=True)
        return Collapsed(lines_only, hidden)


def _shape(state: str) -> str:
    """The state without numbers and bars: equal for the states of one progress bar."""
    return _DIGITS.sub("", state)
