"""A file name from a header, made safe to write: a bare name, never a path, never empty. Pure."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

LONGEST_NAME_BYTES = 180

_EXTENDED = re.compile(r";\s*filename\*\s*=\s*\"?([\w-]*)'[^']*'([^;\"]*)", re.IGNORECASE)
_QUOTED = re.compile(r';\s*filename\s*=\s*"((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_BARE = re.compile(r";\s*filename\s*=\s*([^;\"]+)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)", re.IGNORECASE)


def filename_of(disposition: str, fallback: str) -> str:
    """The name a Content-Disposition header gives (RFC 6266, with the form of RFC 8187 first), made safe.

    Args:
        disposition: the header's value, "" when there is none.
        fallback: the name when the header gives none that is left after cleaning.
    """
    return safe_name(_named(";" + disposition.partition(";")[2])) or safe_name(fallback) or "training-log"


def safe_name(name: str) -> str:
    """`name` without directories, control and reserved characters; "" when nothing is left."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(letter for letter in unicodedata.normalize("NFC", last) if unicodedata.category(letter)[0] != "C")
    clean = _FORBIDDEN.sub("_", shown).strip().lstrip(".~- ").rstrip(". ")
    if _RESERVED.match(clean):
        clean = f"_{clean}"
    return _cut(clean)


def _named(parameters: str) -> str:
    extended = _EXTENDED.search(parameters)
    if extended is not None:
        charset = "latin-1" if extended[1].lower() == "iso-8859-1" else "utf-8"
        return unquote(extended[2], encoding=charset, errors="replace")
    quoted = _QUOTED.search(parameters)
    if quoted is not None:
        # Browsers send Windows paths unescaped, so a backslash escapes only a quote or itself.
        return re.sub(r'\\(["\\])', r"\1", quoted[1])
    bare = _BARE.search(parameters)
    return bare[1] if bare else ""


def _cut(name: str) -> str:
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = name, "", ""
    room = LONGEST_NAME_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
