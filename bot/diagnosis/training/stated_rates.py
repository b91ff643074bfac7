"""Read the numbers of a progress line that state how fast a run is: tokens or samples per second.

The text is in lower case. The number is beside its unit: before it (`43.1k tok/s`) or after it (`tok/s: 43,100`).
"""

import re

from bot.diagnosis.reading.anchored_patterns import AnchoredPattern

SEPARATOR = r"['\"]?\s*(?:::|:=|[:=|(]|->)?\s*['\"]?(?:tensor\()?\s*"
"""What separates the name of a number from it."""
_THOUSANDS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d)"
_AMOUNT = rf"((?:{_THOUSANDS}|\d+\.?\d*(?:e[-+]?\d+)?|\.\d+) ?[km]?)"
"""A speed, which may have its thousands separated or be in thousands or millions."""
_FIELD_END = re.compile(r"\s*(?:$|[|,;)\]])")
_TOKENS_UNIT = AnchoredPattern(
    r"tok(?:en)?s?[ _]?(?:/|per)[ _]?s(?:ec(?:ond)?)?(?:[ _]?(?:/|per)[ _]?(?:gpu|device|chip|rank))?|\bwps|\btps",
    "tok", "wps", "tps",
)  # fmt: skip
_SAMPLES_UNIT = AnchoredPattern(
    r"(?:samples?|examples?|images?|imgs?|sequences?)[ _]?(?:/|per)[ _]?s(?:ec(?:ond)?)?",
    "sample", "example", "image", "img", "sequence",
)  # fmt: skip
_SPEED = AnchoredPattern(r"speed: ([\d.]+) samples|\"throughput\": ([\d.]+)", "speed: ", '"throughput')
_AFTER_UNIT = re.compile(rf"{SEPARATOR}{_AMOUNT}(?![\w%]|\.\d)")
_BEFORE_UNIT = re.compile(rf"(?<![\w.,]){_AMOUNT} ?$")
_ENDS_OF_AMOUNTS = frozenset("0123456789.km")
_MOST_BEFORE = 24
"""Characters before a unit in which its number is."""
_RATE_UNITS = ("/s", "/ s", "/_s", "per s", "per_s", "pers", "throughput", "speed")
"""One of these is beside every number of samples per second."""


def read_tokens_per_s(text: str) -> float | None:
    """Return the tokens per second that a line states, with `k` and `m` as thousands and millions."""
    return _read_rate(text, _TOKENS_UNIT) if "tok" in text or "ps" in text else None


def read_samples_per_s(text: str) -> float | None:
    """Return the samples, images or sequences per second that a line states."""
    return (_read_rate(text, _SAMPLES_UNIT) or first_amount(text, _SPEED)) if _may_have_sample_rate(text) else None


def first_amount(text: str, pattern: AnchoredPattern) -> float | None:
    """Return the number that a pattern finds, in the group that matches; None without one."""
    found = pattern.search(text)
    try:
        return None if found is None or found.lastindex is None else parse_amount(found[found.lastindex])
    except ValueError:  # 1.2.3
        return None


def parse_amount(text: str) -> float:
    """Read `12,345.6`, `1.2k` or `3.4m`."""
    scale = {"k": 1e3, "m": 1e6}.get(text[-1], 1.0)
    number = float((text if scale == 1.0 else text[:-1]).replace(",", ""))
    return number if scale == 1.0 else round(number * scale, 3)


def _read_rate(text: str, unit: AnchoredPattern) -> float | None:
    """Read the number beside a unit: before it at the end of a field, else after it, else before it."""
    for found in unit.finditer(text):
        start = found.start()
        may_precede = start > 0 and text[max(0, start - 3) : start].rstrip(" ")[-1:] in _ENDS_OF_AMOUNTS
        before = _BEFORE_UNIT.search(text, max(0, start - _MOST_BEFORE), start) if may_precede else None
        if before is None or _FIELD_END.match(text, found.end()) is None:
            before = _AFTER_UNIT.match(text, found.end()) or before
        if before is not None:
            return parse_amount(before.group(1))
    return None


def _may_have_sample_rate(text: str) -> bool:
    """May the line state samples per second? Searching the patterns is slow."""
    if "ample" in text or "image" in text or "img" in text or "sequence" in text:
        return any(unit in text for unit in _RATE_UNITS)
    return "speed" in text or "throughput" in text
