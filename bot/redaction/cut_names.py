"""Find secrets whose name a console or a logger broke over two lines: `export DB_PASS` and `WORD=…`. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator

from bot.domain.regex import compile_pattern
from bot.redaction.text_lines import Span, start_of_line
from bot.redaction.value_grammar import LINE_PREFIX

_NAMES = ("password", "passwd", "passphrase", "secret", "api_key", "apikey", "access_key", "private_key", "token", "credential")  # fmt: skip  # noqa: E501
_MIN_HEAD_CHARS = 3
_CONTEXT_CHARS = 512
_RE2_BREAK = r"\r?\n(?:\x01\n)?(?:[^\n]*[ \t])?"
_ASSIGNED = r"[\"']?[ \t]{0,2}[=:]"
_BREAK = re.compile(rf"\r?\n(?:\x01\n)?{LINE_PREFIX}")


def _cut_anywhere(name: str) -> str:
    """Return an RE2 pattern for a name that is broken after any of its characters but the first ones and the last."""
    pattern = ""
    for at in range(len(name) - 1, _MIN_HEAD_CHARS - 1, -1):
        rest = f"{_RE2_BREAK}{name[at:]}"
        pattern = f"{name[at - 1]}(?:{rest}|{pattern})" if pattern else f"{name[at - 1]}{rest}"
    return name[: _MIN_HEAD_CHARS - 1] + pattern


CUT_NAME_PREFILTER = f"(?i:(?:{'|'.join(_cut_anywhere(name) for name in _NAMES)}){_ASSIGNED})"
_CUT_NAME = compile_pattern(CUT_NAME_PREFILTER)


def secrets_after_cut_names(text: str, searched: str, search: Callable[[str], Iterable[Span]]) -> Iterator[Span]:
    """Yield the values after names that are broken over two lines.

    `searched` is the text as RE2 accepts it; `search` finds the secrets of a text.
    """
    for match in _CUT_NAME.finditer(searched):
        line_end = text.index("\n", match.start()) - (text[match.start() : match.end()].find("\r\n") >= 0)
        gap = _BREAK.match(text, line_end)
        if gap is None or gap.end() >= match.end():
            continue
        begin = max(start_of_line(text, match.start()), match.start() - _CONTEXT_CHARS)
        end = gap.end() + _CONTEXT_CHARS
        joint, moved = line_end - begin, gap.end() - line_end
        for start, stop in search(text[begin:line_end] + text[gap.end() : end]):
            if start > joint:
                yield begin + start + moved, begin + stop + moved
