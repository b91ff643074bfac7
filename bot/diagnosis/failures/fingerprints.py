"""What makes two failures the same failure: exception type, last frame of the user's code, masked message."""

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

MESSAGE = 160
"""Characters of a masked message that count."""


def mask(message: str) -> str:
    """A message without what changes from run to run: numbers, addresses, ids, paths."""
    return _BLANKS.sub(" ", _VOLATILE.sub("#", message)).strip()[:MESSAGE]


def is_library(path: str) -> bool:
    """Is a frame's file an installed package or Python itself, rather than the user's code?"""
    return path.startswith("<") or any(part in path for part in _LIBRARY)


def fingerprint(kind: str, frame: str, message: str) -> str:
    """Sixteen hexadecimal digits; the same for the same failure in another rank or run."""
    text = f"{kind}|{frame}|{mask(message)}"
    return hashlib.blake2s(text.encode(), digest_size=8).hexdigest()
