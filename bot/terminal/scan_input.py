"""In which forms `trainwatch scan` takes a log: as UTF-8 or UTF-16, as it is or packed. Pure; the file is in `scan.py`.

What we cannot unpack is refused rather than searched: a report on noise would say that all is well.
"""

from __future__ import annotations

import bz2
import codecs
import lzma
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from bot.diagnosis.diagnoser import PAGE
from bot.errors import ConfigError

_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = bytes(code for code in range(32) if code not in b"\b\t\n\v\f\r\x1b")
"""What text does without; progress bars and colours need the others."""
_MOST_CONTROLS = 0.05
"""Share of a page; noise has twice as many."""


class BrokenOff(Exception):
    """A packed file is damaged or ends too early; what came before was given."""


class _Unpacker(Protocol):
    """What bz2 and lzma offer, for one stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def text_of(first: bytes, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The log's UTF-8 text, page by page; `first` is the first of the chunks, and tells the form.

    Raises:
        ConfigError: it is no text, nor packed in a way that we can unpack.
        BrokenOff: it is packed and damaged.
    """
    if first.startswith(_GZIP):
        chunks = _inflated(chunks)
    elif first.startswith(_BZIP2):
        chunks = _unpacked(chunks, bz2.BZ2Decompressor)
    elif first.startswith(_XZ):
        chunks = _unpacked(chunks, lzma.LZMADecompressor)
    return _decoded(chunks)


def refuse_noise(page: bytes) -> None:
    """Let a log's first page pass when it is UTF-8, or something near it.

    Raises:
        ConfigError: it is packed, or no text.
    """
    text = page.lstrip(b"\0")  # left where a log was emptied under a writer that kept its place
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if page.startswith((_GZIP, _BZIP2, _XZ, _ZSTD)) or controls > len(text) * _MOST_CONTROLS:
        raise ConfigError("This is no text log; unpack it first.")


def _decoded(pages: Iterable[bytes]) -> Iterator[bytes]:
    """UTF-8 as it is; UTF-16, which names itself, as UTF-8."""
    decoder: codecs.IncrementalDecoder | None = None
    begun = False
    for page in pages:
        if not begun and page:
            begun = True
            if page.startswith(_UTF16):
                decoder = codecs.getincrementaldecoder("utf-16")("replace")
            else:
                refuse_noise(page)
        yield page if decoder is None else decoder.decode(page).encode()


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """What gzip packed, a page at a time, several members after another."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if inflater.eof:
                    if not rest.strip(b"\0"):  # padding, as tapes and some tools leave it
                        break
                    inflater = zlib.decompressobj(wbits=31)
                yield inflater.decompress(rest, PAGE)
                rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    except zlib.error as problem:
        raise BrokenOff(problem) from problem
    if not inflater.eof:
        raise BrokenOff("its end is missing")


def _unpacked(chunks: Iterable[bytes], make: Callable[[], _Unpacker]) -> Iterator[bytes]:
    """What bzip2 or xz packed, a page at a time, several streams after another."""
    unpacker = make()
    try:
        for chunk in chunks:
            rest = chunk
            while rest or not (unpacker.needs_input or unpacker.eof):
                if unpacker.eof:
                    if not rest.strip(b"\0"):
                        break
                    unpacker = make()
                yield unpacker.decompress(rest, PAGE)
                rest = unpacker.unused_data if unpacker.eof else b""
    except (OSError, EOFError, lzma.LZMAError) as problem:
        raise BrokenOff(problem) from problem
    if not unpacker.eof:
        raise BrokenOff("its end is missing")
