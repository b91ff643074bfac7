"""Choose a safe file name for a download from its Content-Disposition header. Pure."""

import unicodedata
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import PurePosixPath

LONGEST_NAME_BYTES = 180
_LONGEST_SUFFIX = 11


def filename_of(disposition: str, fallback: str) -> str:
    """Return the file name in a Content-Disposition header (RFC 6266), made safe; `fallback` when it has none."""
    return safe_filename(_raw_filename(disposition)) or safe_filename(fallback) or "training-log"


def safe_filename(name: str) -> str:
    """Return `name` without directories and without control and reserved characters; "" when nothing is left."""
    last = name.replace("\\", "/").rpartition("/")[2]
    printable = unicodedata.normalize("NFC", "".join(filter(str.isprintable, last)))
    # Hidden files and command-line options are avoided, and so are quotes and dots at the ends.
    bare = printable.lstrip('.~- ":').rstrip('. ":;')
    from pathvalidate import sanitize_filename  # noqa: PLC0415 - only downloads need it
    from pathvalidate.handler import ReservedNameHandler  # noqa: PLC0415

    return sanitize_filename(
        _shorten(bare),
        replacement_text="_",
        reserved_name_handler=ReservedNameHandler.add_leading_underscore,
        additional_reserved_names=["CONIN$", "CONOUT$"],
    )


def _raw_filename(disposition: str) -> str:
    message = Message()
    message["Content-Disposition"] = disposition.encode("utf-8", "ignore").decode()
    params = message.get_params([], header="Content-Disposition")
    names = [value for key, value in params if key.lower() == "filename"]
    # `filename*` (RFC 8187) wins over `filename`; the parser puts it last.
    return collapse_rfc2231_value(names[-1]) if names else ""


def _shorten(name: str) -> str:
    suffix = suffix if len(suffix := PurePosixPath(name).suffix) <= _LONGEST_SUFFIX else ""
    room = LONGEST_NAME_BYTES - len(suffix.encode())
    return name.removesuffix(suffix).encode()[:room].decode("utf-8", "ignore") + suffix
