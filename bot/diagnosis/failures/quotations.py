"""Recognise model output in a log: samples, completions and answers, which may quote any failure.

A line such as `Completion: ...` or `--- sample generation ---` opens a quotation; the next progress line, or the next
line of a logger, closes it. What looks like the end of a process counts unless the log goes on after the quotation.
Quotations within one line, such as source code and tables, are in `noise` and `mentions`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from bot.diagnosis.failures.subjects import is_complaint, is_progress
from bot.diagnosis.reading.sourced_lines import SourcedLine

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
_TOKEN_ID = re.compile(
    r"(?i)\btokens?\b[^<\n]{0,40}\d[^<\n\w]{1,4}<\|[a-z_]{2,24}\|>\W*$|<\|[a-z_]{2,24}\|>['\"]?\s*[:=]\s*\d{1,7}\W*$"
)
"""A line of a vocabulary, which states the number of such a token."""
_OTHER_WORDS = (
    r"q|a|prompt|response|chosen|rejected|context|instruction|observation|input_?ids"
    r"|(?:training |eval\w* )?example(?: \d+)?(?: of \w+)?"
    r"|generating (?:a )?(?:sample|text|completion)s?(?: \([^()]*\))?"
    r"|beispiel\w*|stichprobe\w*|frage|antwort|vorhersage|ausgabe|eingabe|ejemplo\w*|muestra\w*|pregunta|respuesta"
    r"|predicci\u00f3n|salida|\u00e9chantillon\w*|r\u00e9ponse|pr\u00e9diction|sortie|exempl[eo]\w*|amostra\w*"
    r"|pergunta|resposta|esempio|campione|domanda|risposta"
    r"|\u043f\u0440\u0438\u043c\u0435\u0440\w*|\u0432\u043e\u043f\u0440\u043e\u0441|\u043e\u0442\u0432\u0435\u0442"
)
_OTHER_OPENING = re.compile(
    rf"(?i)^\W*(?:\[[\w:. -]{{1,30}}\]\W*)?(?:\w+ )?(?:{_OTHER_WORDS})(?: \w+)?\s*(?:[:\uff1a>]|-{{2,}}|={{2,}}|$)"
    r"|(?:[\u4f8b\u6837\u6a23][\u672c\u5b50\u4f8b]?\d*|\u751f\u6210\w*|\u95ee\u9898|\u56de\u7b54|\u8cea\u554f|\u8f93\u5165"
    r"|\u8f93\u51fa|\u5165\u529b|\u51fa\u529b|\uc608\uc2dc|\uc9c8\ubb38|\ub2f5\ubcc0)\s*[:\uff1a\u3011\u300d]"
    r"|\*{3} example \*{3}|(?-i:\[(?:INPUT|LABELS|INPUT_IDS|PROMPT|OUTPUT)\])"
)
"""Openings that are searched only in the lines before a failure: these words are common, or of other languages."""
_FENCE = re.compile(r"^\s*```|^<\|[a-z_]{2,24}\|>")
_INDENTED = re.compile(r"^\s+\S")
_OF_FAILURE = re.compile(r"(?i)\bcaused?\b|\breasons?\b|\bstderr\b|\bdetails\b|\bexit status\b")
"""In a heading, shows that what follows explains a failure."""
_HEADING = re.compile(r"[:\uff1a]\s*$")


@dataclass(slots=True)
class Quotation:
    """The newest quotation of model output."""

    first_line: int = -1
    """-1 if no quotation is open."""

    def observe(self, text: str, line: int) -> None:
        """Read a line without its prefixes; it may open a quotation."""
        if _OPENING.search(text) and not _TOKEN_ID.search(text):
            self.first_line = line

    def close(self) -> None:
        """End the quotation: the run logs progress again."""
        self.first_line = -1

    def contains(self, line: int, *, has_timestamp: bool) -> bool:
        """Is this line part of the quotation? A line with a timestamp was logged, not quoted."""
        return self.first_line >= 0 and line - self.first_line <= MAX_LINES and not has_timestamp


def is_quoted(before: Iterable[SourcedLine], text: str, *, is_logged: bool) -> bool:
    """Is a line part of a quotation, by the lines before it?

    Args:
        before: the lines before it, newest first.
        text: the line, without its prefixes.
        is_logged: whether it starts as a logger's lines do; such a line is not quoted.
    """
    if is_logged:
        return False
    for line in islice(before, MAX_LINES):
        if is_progress(line.text):
            return False
        if not line.text.startswith("    ") and _opens(line.text):
            return True
        is_heading = _HEADING.search(line.text) is not None and _OF_FAILURE.search(line.text) is None
        if _INDENTED.match(text) and is_heading and not is_complaint(line.text):
            return True
        if line.is_logged:
            return False
    return False


def ends_quotation(after: Sequence[SourcedLine]) -> bool:
    """Do the lines after a quoted failure show that the log goes on: with more of the quotation, or as before it?"""
    return any(
        _FENCE.search(line.text)
        or _opens(line.text)
        or is_progress(line.text)
        or (line.is_logged and not is_complaint(line.text))
        for line in after
    )


def _opens(text: str) -> bool:
    return _OPENING.search(text) is not None or _OTHER_OPENING.search(text) is not None
