"""Decompress response bodies piece by piece, and detect truncated ones.

httpx can decompress too, but accepts a compressed body that ends in the middle.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator

SUPPORTED_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""Values of `Content-Encoding` that `decompress` handles."""
ACCEPT_ENCODING = "gzip, deflate"
_MAX_PIECE_BYTES = 1024 * 1024
"""Limits how far a small compressed body expands before the caller can check its size."""


class BrokenBody(Exception):
    """A compressed body is damaged or truncated."""


async def decompress(body: AsyncIterable[bytes], encoding: str) -> AsyncIterator[bytes]:
    """Yield the decompressed body in pieces of at most one mebibyte.

    Raises:
        BrokenBody: the body is damaged or truncated.
    """
    inflater = None
    try:
        async for chunk in body:
            rest = chunk
            while rest:
                inflater = inflater or _make_inflater(encoding, rest[0])
                piece = inflater.decompress(rest, _MAX_PIECE_BYTES)
                while piece:
                    yield piece
                    is_full = len(piece) == _MAX_PIECE_BYTES
                    piece = inflater.decompress(inflater.unconsumed_tail, _MAX_PIECE_BYTES) if is_full else b""
                rest = inflater.unused_data  # Several gzip members make one body (RFC 1952, 2.2).
                inflater = None if inflater.eof else inflater
    except zlib.error as error:
        raise BrokenBody from error
    if inflater is not None:
        raise BrokenBody


def _make_inflater(encoding: str, first_byte: int) -> zlib._Decompress:
    """Servers send `deflate` with a zlib header, as specified, or without; a header's first byte ends in 8."""
    if encoding != "deflate":
        return zlib.decompressobj(wbits=31)
    return zlib.decompressobj(wbits=15 if first_byte & 15 == 8 else -15)
