"""Undoes the compression of an answer's body, piece by piece, and notices when it was cut off.

httpx would do it, but takes a body that ends in the middle for a whole one.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterable, AsyncIterator

ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
"""Values of `Content-Encoding` that are read."""
ACCEPTED = "gzip, deflate"
"""For `Accept-Encoding`."""
_PIECE = 1024 * 1024
"""The longest piece: what a few bytes may swell to before the caller sees their size."""


class BrokenBody(Exception):
    """A compressed body is damaged, or ends before its end."""


async def decompressed(body: AsyncIterable[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The body as it was before `Content-Encoding`, in pieces of at most a mebibyte.

    Raises:
        BrokenBody: it is not whole.
    """
    inflater = None
    try:
        async for chunk in body:
            rest = chunk
            while rest:
                inflater = inflater or _inflater(encoding, rest[0])
                piece = inflater.decompress(rest, _PIECE)
                while piece:
                    yield piece
                    piece = inflater.decompress(inflater.unconsumed_tail, _PIECE) if len(piece) == _PIECE else b""
                rest = inflater.unused_data  # Several gzip members make one body (RFC 1952, 2.2).
                inflater = None if inflater.eof else inflater
    except zlib.error as error:
        raise BrokenBody from error
    if inflater is not None:
        raise BrokenBody


def _inflater(encoding: str, first: int) -> zlib._Decompress:
    """For `deflate` two forms are in use; the one with a header, which is the right one, has an 8 in its first byte."""
    if encoding != "deflate":
        return zlib.decompressobj(wbits=31)
    return zlib.decompressobj(wbits=15 if first & 15 == 8 else -15)
