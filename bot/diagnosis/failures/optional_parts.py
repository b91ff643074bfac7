"""Recognise a part that a program only tries to load: a backend, a plugin or a module that it does without.

Libraries probe what is installed, and log what is not, some with a traceback. A program that needs the part ends with
an exception through its own frames.
"""

import re

from bot.diagnosis.failures.frames import LineKind, line_kind, traceback_start
from bot.diagnosis.failures.tracebacks import FRAME, RaisedException
from bot.diagnosis.failures.windows import Place, own_lines_before
from bot.diagnosis.reading.fingerprints import is_library

_STATED = re.compile(
    r"(?i)\b(?:could ?n.t|could not|cannot|can.t|unable to|failed to) (?:load|import|initiali[sz]e|create|open|find)"
    r" (?:the )?(?:\w+ )?(?:plugin|optional|backend|(?:execution )?provider|extension)s?\b"
    r"(?!.*(?:set JAX_PLATFORMS|you may need))"
    r"|\bfailed to load library \S*_providers?_|\boptional (?:module|dependency|package|import|integration)\b"
    r"|\bplugin\b.{0,60}\b(?:skipped|disabled|not loaded|ignored)\b"
)
"""What a line says about a part that is not needed."""
_ANNOUNCED = re.compile(
    r"(?i)\b(?:not|un) ?available\b|\bplugin\b|\boptional\b|\bfall(?:ing|s)?[- ]?backs?\b|\bdisabled\b"
    r"|\bwill not be (?:used|enabled)|\bwithout (?:it|--\w)|\bnot installed\b|\bskipp(?:ed|ing)\b"
)
"""What a program says before it prints why a part is missing."""
_PROBE = re.compile(
    r"^_*(?:is_\w*(?:available|installed|supported)|(?:has|have)_\w+|(?:try|maybe|discover|probe|detect)(?:_\w+)?"
    r"|load_optional\w*|check_\w*(?:available|availability)|(?:load|register)_(?:all_|builtin_)?(?:plugins?|backends?)\w*)$"
)
"""Functions of libraries that find out what is installed."""


def is_optional_part(place: Place, text: str, raised: RaisedException | None) -> bool:
    """Does an event only report that a part is missing which the program can do without?

    Args:
        place: of the event.
        text: of its line, without its prefixes.
        raised: the exception that it is, if any.
    """
    if raised is None or not raised.has_traceback:
        if _STATED.search(text) and not text.startswith(("RuntimeError", "OSError")):
            return True
        before = [] if raised is None else own_lines_before(place, has_traceback=False)[-1:]
        return any(_ANNOUNCED.search(line.text) and line_kind(line.text) is LineKind.OTHER for line in before)
    lines = [line.text for line in own_lines_before(place, has_traceback=True)]
    start = traceback_start(lines)
    first = next((found for line in lines[start:] if (found := FRAME.search(line)) is not None), None)
    if first is None or not is_library(first.group(1)):
        return False
    if _PROBE.match(first.group(3) or ""):
        return True
    is_import = raised.kind.endswith(("ImportError", "ModuleNotFoundError", "OSError")) and first.group(3) != "<module>"
    return is_import and start > 0 and _ANNOUNCED.search(lines[start - 1]) is not None
