"""Decide whether a value looks like a secret by itself."""

from __future__ import annotations

import base64
import binascii
import re

_UUID = re.compile(r"-(?<=[0-9A-Fa-f]{8}-)(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_ALNUM_RUN = re.compile(r"[A-Za-z0-9+/]{16,}")
_LONG_RUN = re.compile(r"[A-Za-z0-9+]{24,}")
_LETTER = re.compile(r"[A-Za-z]")
_TWO_DIGITS = re.compile(r"[0-9][^0-9]*[0-9]")


def looks_random(value: str) -> bool:
    """Whether it is a long run of mixed letters and digits, or a UUID; not a word, a path or a URL."""
    if len(value) < 16:
        return False
    if _UUID.search(value):
        return True
    if "://" in value:
        return False
    if value.count("/") < 3:
        runs = _ALNUM_RUN.findall(value)
    else:  # a path, or long base64
        runs = [run for run in _LONG_RUN.findall(value) if not run.islower() and not run.isupper()]
    return any(_LETTER.search(run) and _TWO_DIGITS.search(run) for run in runs)


def is_login(value: str) -> bool:
    """Whether it is `user:password` in base64, as Docker and HTTP Basic authentication write it."""
    if value.islower():
        return False
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded[1:] and decoded.isascii() and decoded.decode().isprintable()
