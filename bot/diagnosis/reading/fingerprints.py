"""Fingerprints: equal for the same failure in another rank or run.

They are made from the exception type, the last frame of the user's code and the masked message.
"""

import hashlib
import re

_VOLATILE = re.compile(
    r"0x[0-9a-fA-F]+"
    r"|\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}\b"
    r"|(?:/[\w.@+-]+){2,}/?"
    r"|\d+(?:\.\d+)?(?:e[-+]?\d+)?",
)
_BLANKS = re.compile(r"\s+")
_LIBRARY = ("site-packages", "dist-packages", "/lib/python", "<frozen", "<string>", "/lib64/python", "importlib._boot")

MAX_MESSAGE = 160
"""Number of characters of the masked message that count."""


def mask_message(message: str) -> str:
    """Mask what changes from run to run: numbers, addresses, ids and paths."""
    return _BLANKS.sub(" ", _VOLATILE.sub("#", message)).strip()[:MAX_MESSAGE]


def is_library(path: str) -> bool:
    """Is a frame's file an installed package or Python itself, rather than the user's code?"""
    is_compiled = path.endswith((".pyx", ".pxi")) and not path.startswith("/")
    return is_compiled or path.startswith("<") or any(part in path for part in _LIBRARY)


def failure_fingerprint(kind: str, frame: str, message: str) -> str:
    """Return sixteen hexadecimal digits that identify a failure."""
    text = f"{kind}|{frame}|{mask_message(message)}"
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()
