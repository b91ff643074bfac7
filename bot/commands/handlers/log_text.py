"""Read the text of a log file: UTF-8 or UTF-16, plain or compressed by gzip, bzip2, xz or zstd; refuse other data."""

import bz2
import codecs
import gzip
import itertools
import lzma
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BufferedReader
from typing import Protocol

from bot.anonymization.copy_format import COPY_MARK, expand_cuts
from bot.diagnosis.diagnoser import PAGE
from bot.errors import ConfigError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP, _BZIP2, _XZ, _ZSTD = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd"
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONTROLS = bytes(code for code in range(32) if code not in b"\b\t\n\v\f\r\x1b")
"""Control characters that do not occur in text. Progress bars and colours use the others."""
_HOLE = re.compile(rb"\0{8,}|^\0+")
"""What a log that was truncated under its writer contains: the writer keeps its offset, so the file has a hole."""
_MAX_XZ_MEMORY = 1 << 27
"""Bytes. `xz -9` needs half of it; zstd has the same limit by default."""
_MAX_CONTROLS_RATIO = 0.05
"""Share of control characters in a page of text. Random bytes have twice as many."""


class _Compressed(Protocol):
    def read1(self, size: int, /) -> bytes:
        """Return up to `size` bytes of text, without waiting for more."""


class _BoundedXz:
    """Reads xz with bounded memory, unlike `lzma.LZMAFile`: a small file can ask for gigabytes."""

    def __init__(self, file: BufferedReader) -> None:
        self._file, self._stream = file, _xz_stream()

    def read1(self, size: int, /) -> bytes:
        """Return up to `size` bytes of text.

        Raises:
            EOFError: the file ends too early.
            LZMAError: it is damaged, or needs too much memory.
        """
        while True:
            packed = b""
            if self._stream.eof:  # streams may follow each other, with NULs between them
                packed = self._stream.unused_data.lstrip(b"\0") or self._file.read(PAGE).lstrip(b"\0")
                if not packed and not self._file.peek(1):
                    return b""
                if not packed:
                    continue
                self._stream = _xz_stream()
            elif self._stream.needs_input and not (packed := self._file.read(PAGE)):
                raise EOFError("the file ends in the middle")
            if text := self._stream.decompress(packed, size):
                return text


def _xz_stream() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MAX_XZ_MEMORY)


_OPENERS: Mapping[bytes, Callable[[BufferedReader], _Compressed]] = {
    _GZIP: gzip.open,
    _BZIP2: bz2.open,
    _XZ: _BoundedXz,
    _ZSTD: zstd.ZstdFile,
}


class BinaryFile(ConfigError):
    """The file is not a text log."""


class TruncatedFile(Exception):
    """The compressed file is damaged or ends too early. The pages before this point were delivered."""


def read_text_pages(file: BufferedReader, name: str) -> Iterator[bytes]:
    """Yield the log as UTF-8, up to `PAGE` bytes at a time. An anonymized copy has empty lines for what was cut.

    Raises:
        BinaryFile: the file is not text, or uses an unsupported compression.
        TruncatedFile: the compressed data is damaged or incomplete.
    """
    pages = _pages(file)
    first = next(pages, b"")
    pages = itertools.chain((first,), pages)
    if first.startswith(_UTF16):
        yield from (text.encode() for text in codecs.iterdecode(pages, "utf-16", "replace"))
    else:
        require_text(first, name)
        yield from expand_cuts(pages) if first.startswith(COPY_MARK) else pages


def require_text(page: bytes, name: str) -> None:
    """Accept the first page of a log if it is close to UTF-8.

    Raises:
        BinaryFile: the page is compressed or binary.
    """
    text = _HOLE.sub(b"", page) if b"\0" in page else page
    controls = len(text) - len(text.translate(None, _CONTROLS))
    if page.startswith(tuple(_OPENERS)):
        raise BinaryFile(f"{name} is compressed. Decompress it first.")
    if controls > len(text) * _MAX_CONTROLS_RATIO:
        raise BinaryFile(f"{name} is a binary file, not a text log.")


def _pages(file: BufferedReader) -> Iterator[bytes]:
    magic = file.peek(len(_XZ))
    for prefix, opener in _OPENERS.items():
        if magic.startswith(prefix):
            return _decompressed(opener(file))
    return iter(lambda: file.read(PAGE), b"")


def _decompressed(file: _Compressed) -> Iterator[bytes]:
    try:
        # `read` would discard what it has collected when it meets damaged data.
        yield from iter(lambda: file.read1(PAGE), b"")
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError) as problem:
        raise TruncatedFile(problem) from problem
