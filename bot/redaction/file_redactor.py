"""Redact a file that arrives in chunks, in bounded memory: every byte but the hidden values stays as it is. Pure.

A secret may be cut by a chunk or continue on later lines. So the last `HELD_CHARS` are held back until more has
arrived, and what was returned last is searched again as context.
"""

import codecs
import re
from bisect import bisect_left

from bot.redaction.redactor import HIDDEN, Redactor
from bot.redaction.text_lines import Span

HELD_CHARS = 64 * 1024
"""More than the longest secret, a private key with other lines in between."""
_CONTEXT_CHARS = 16 * 1024
_SEARCHED_CHARS = 1024 * 1024
_MAX_PENDING_CHARS = 8 * 1024 * 1024
"""A value longer than this is returned in parts, all hidden."""
_VALUE_REST = re.compile(r"[^\s\"',;]*")
_BOMS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_PROBED_BYTES = 4096


class FileRedactor:
    """Feed chunks of a file; each call returns the bytes to write. `hidden` counts the secrets."""

    def __init__(self, redactor: Redactor, *, searched_chars: int = _SEARCHED_CHARS) -> None:
        """Search whenever `searched_chars` characters more than those held back have arrived."""
        self.hidden = 0
        self._redactor = redactor
        self._searched_chars = searched_chars
        self._first = b""
        self._encoding = ""
        self._errors = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._text = ""
        self._done = 0
        """Characters at the beginning of the text that were returned before and are only context."""
        self._in_value = False
        """Whether the last character returned is inside a value that was too long to be held back."""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk; return what is certain by now, which may be nothing."""
        if self._decoder is None:
            self._first += chunk
            if len(self._first) < _PROBED_BYTES:
                return b""
            chunk = self._begin()
        assert self._decoder is not None
        self._text += self._decoder.decode(chunk)
        if len(self._text) - self._done < self._searched_chars + HELD_CHARS:
            return b""
        return self._search(is_end=False)

    def finish(self) -> bytes:
        """Return the rest of the file."""
        if self._decoder is None:
            chunk = self._begin()
            assert self._decoder is not None
            self._text += self._decoder.decode(chunk)
        undecoded = self._decoder.getstate()[0]
        return self._search(is_end=True) + undecoded

    def _begin(self) -> bytes:
        chunk, self._first = self._first, b""
        self._encoding, self._errors = _BOMS.get(chunk[:2]) or _unmarked_utf16(chunk) or "utf-8", "surrogatepass"
        if self._encoding == "utf-8":
            self._errors = "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(self._encoding)(self._errors)
        return chunk

    def _search(self, *, is_end: bool) -> bytes:
        text, done = self._text, self._done
        spans = [span for span in self._redactor.spans(text) if span[1] > done]
        if self._in_value:
            rest = _VALUE_REST.match(text, done)
            spans = [(done - 1, rest.end() if rest else done), *spans]
        cut = len(text) if is_end else self._cut(spans)
        spans = [span for span in spans if span[0] < cut]
        self.hidden += sum(start >= done for start, _ in spans)
        self._in_value = not is_end and bool(spans) and spans[-1][1] == cut == len(text)
        parts, position = list[str](), done
        for start, end in spans:
            parts += text[position:start], HIDDEN if end > position else ""
            position = max(position, min(end, cut))
        parts.append(text[position:cut])
        begin = max(0, cut - _CONTEXT_CHARS)
        header = self._redactor.open_header(text[:cut]) if spans else None
        if header is not None and header[0] < begin:
            begin = text.find("\n", begin, cut) + 1 or cut
            self._text = f"{text[slice(*header)]}\n{text[begin:]}"
        else:
            self._text = text[begin:]
        self._done = len(self._text) - (len(text) - cut)
        return "".join(parts).encode(self._encoding, self._errors)

    def _cut(self, spans: list[Span]) -> int:
        """Return where to cut: at a line end, and not inside a secret."""
        text, done = self._text, self._done
        limit = len(text) - HELD_CHARS
        cut = text.rfind("\n", done, limit) + 1 or limit
        index = bisect_left(spans, cut, key=lambda span: span[1])
        if index == len(spans) or spans[index][0] >= cut:
            return cut
        start, end = spans[index]
        if end < len(text):
            return end
        return len(text) if start < done or len(text) - start > _MAX_PENDING_CHARS else start


def _unmarked_utf16(chunk: bytes) -> str | None:
    """Return the UTF-16 that text without a byte order mark is in; None for anything else."""
    probe = chunk[: _PROBED_BYTES & ~1]
    even, odd = probe[::2].count(0), probe[1::2].count(0)
    if len(probe) < 8 or min(even, odd) * 10 > max(even, odd) or max(even, odd) * 4 < len(probe):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
