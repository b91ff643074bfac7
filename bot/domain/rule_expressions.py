"""Parse rules that people write: `loss > 5 for 10m`, `tokens_per_second drops 7% for 15m`, `eval/accuracy falls`.

    rule     = key (compare number | change [percent]) ["for" duration | "over" count "reports"] ["as" severity]
    compare  = ">" | ">=" | "<" | "<=" | "above" | "below"
    change   = "drops" | "falls" | "rises"

Several rules may follow each other. The text of a rule in this form, with one space between words, is its name.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import NoReturn

from bot.domain.alerts import Severity
from bot.domain.durations import format_duration
from bot.domain.times import parse_long_duration
from bot.errors import UsageError

MAX_CHARS = 100
"""Characters of one rule: its name in the database."""
MAX_RULES = 20
"""Rules of one subscription."""
MAX_REPORTS = 50
DEFAULT_REPORTS = 3
LONGEST = timedelta(days=7)
EXAMPLES = ("loss > 5 for 10m", "tokens_per_second drops 7% for 15m", "eval/accuracy falls")

_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_SPELLINGS = {
    "above": ">", "over": ">", "below": "<", "under": "<", "≥": ">=", "≤": "<=", "=>": ">=", "=<": "<=",
    "drop": "drops", "fall": "falls", "rise": "rises", "increases": "rises", "decreases": "falls",
}  # fmt: skip
_CHANGES = ("drops", "falls", "rises")
_VERBS = (*_COMPARE, "above", "below", *_CHANGES)
_WORD = re.compile(r"[<>=≥≤]+|%|[^\s<>=≥≤%]+")
_KEY = re.compile(r"[A-Za-z_@][\w./@:\[\]-]{0,59}")
_NUMBER = re.compile(r"([-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[-+]?\d+)?)(k|m|g|b|kib|mib|gib|tib)?", re.IGNORECASE)
_SCALES = {"k": 1e3, "m": 1e6, "g": 1e9, "b": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40}
_SETTING = re.compile(r"[\w.]+=(?![=\s])")
_AFTER = ("for", "over", "as")


@dataclass(frozen=True, slots=True)
class RuleExpression:
    """A rule that a person wrote."""

    text: str
    """Its canonical form, which is its name."""
    key: str
    """What it reads: a number in the log, or a metric of the platform."""
    sign: str
    """A comparison, `falls` or `rises`."""
    number: float = 0.0
    """The threshold, or the share of a change; 0: a change by more than the run's own spread."""
    is_percent: bool = False
    span: timedelta = timedelta(0)
    """How long it must hold; 0: for one report, or for `reports`."""
    reports: int = DEFAULT_REPORTS
    """Number of reports in a row that a change without a span takes."""
    severity: Severity = Severity.WARN

    @property
    def is_change(self) -> bool:
        """Whether it compares with the run's own earlier level rather than with a number."""
        return self.sign not in _COMPARE

    @property
    def is_upward(self) -> bool:
        """Whether high values are what it warns of."""
        return self.sign in (">", ">=", "rises")

    def exceeds(self, value: float, limit: float) -> bool:
        """Whether a value is on the bad side of a limit."""
        return _COMPARE[{"rises": ">", "falls": "<"}.get(self.sign, self.sign)](value, limit)


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> RuleExpression:
    """Parse one rule.

    Raises:
        UsageError: shows where the text is wrong, and the nearest valid word.
    """
    found = parse_expressions([text])
    if len(found) != 1 or found[0][1]:
        raise UsageError(f"`{text[:MAX_CHARS]}` is not one rule.")
    return found[0][0]


def parse_expressions(words: Sequence[str]) -> list[tuple[RuleExpression, str]]:
    """Parse rules that follow each other, each with `on`, `off` or "" after it.

    Raises:
        UsageError: as `parse_expression`.
    """
    reader, found = _Reader(" ".join(words)), list[tuple[RuleExpression, str]]()
    while reader.word:
        found.append(reader.rule())
    return found


def split_settings(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Separate settings such as `log_errors=off` from the words of rules."""
    settings = [word for word in words if _SETTING.match(word)]
    return settings, [word for word in words if not _SETTING.match(word)]


def join_rules(words: Sequence[str]) -> tuple[str, ...]:
    """Return settings as typed, with each rule as one word.

    Raises:
        UsageError: as `parse_expression`.
    """
    settings, rules = split_settings(words)
    return (*settings, *(f"{one.text}={switch}" if switch else one.text for one, switch in parse_expressions(rules)))


def starts_rule(words: Sequence[str]) -> bool:
    """Whether words begin with a rule: `loss > 5`, or the same as one word."""
    parts = _WORD.findall(" ".join(words[:2]))
    return len(parts) > 1 and _is_key(parts[0]) and _canonical(parts[1]) in (*_COMPARE, *_CHANGES)


def _is_key(word: str) -> bool:
    return _KEY.fullmatch(word) is not None


def _canonical(word: str) -> str:
    return _SPELLINGS.get(word.lower(), word.lower())


class _Reader:
    """Reads rules from left to right."""

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.split())
        self._words = list(_WORD.finditer(self._text))
        self._at = 0

    @property
    def word(self) -> str:
        """The next word; "" at the end."""
        return self._words[self._at].group() if self._at < len(self._words) else ""

    def rule(self) -> tuple[RuleExpression, str]:
        """Read one rule, and whether it is switched."""
        key = self._take()
        if not _is_key(key):
            self._fail(f"A rule begins with a name such as `loss`, not with `{key[:40]}`.", back=1)
        sign = self._sign(key)
        number, is_percent, typed = self._number(sign)
        span, reports = timedelta(0), DEFAULT_REPORTS
        severity = Severity.WARN
        while self.word.lower() in _AFTER:
            match self._take().lower():
                case "for":
                    span = self._span()
                case "over" if sign in _CHANGES:
                    reports = self._reports()
                case "as":
                    severity = self._severity()
                case _:
                    self._fail("`over` is for `drops`, `falls` and `rises`. Use `for` with a time.", back=1)
        switch = self._switch()
        text = " ".join(_words(key, sign, typed, span, reports, severity))
        if len(text) > MAX_CHARS:
            self._fail(f"A rule has at most {MAX_CHARS} characters, not {len(text)}.", back=1)
        bad = "falls" if sign == "drops" else sign
        return RuleExpression(text, key, bad, number, is_percent, span, reports, severity), switch

    def _sign(self, key: str) -> str:
        sign = _canonical(self.word)
        if sign in _COMPARE or sign in _CHANGES:
            self._take()
            return sign
        if not sign:
            example = next((one for one in EXAMPLES if one.startswith(key.lower())), f"{key[:20]} > 5")
            self._fail(f"`{key[:40]}` needs a comparison, such as `{example}`.")
        if sign in ("=", "=="):
            self._fail(f"`{sign}` does not compare. Use `>`, `>=`, `<`, `<=`, `drops`, `falls` or `rises`.")
        return self._unknown(_VERBS, "Use `>`, `>=`, `<`, `<=`, `drops`, `falls` or `rises`.")

    def _number(self, sign: str) -> tuple[float, bool, str]:
        """Read the threshold or the share: its value, whether it is a percentage, and its canonical text."""
        word = self.word
        if sign in _CHANGES and word.lower() == "by":
            self._take()
            word = self.word
        found = _NUMBER.fullmatch(word)
        if found is None:
            if sign in _CHANGES:
                if word and word.lower() not in _AFTER and not self._begins_rule():
                    self._unknown(_AFTER, "Use a percentage, `for` with a time, or nothing.")
                return 0.0, False, ""
            self._fail(f"`{sign}` needs a number, such as 5, 0.1, 12k or 90%.")
        self._take()
        plain, scale = float(found[1].replace(",", "")), found[2] or ""
        number = plain * _SCALES.get(scale.lower(), 1.0)
        if not math.isfinite(number):
            self._fail("The number is too large.", back=1)
        is_percent = self.word == "%"
        if is_percent:
            self._take()
        elif sign in _CHANGES:
            self._fail(f"`{sign}` takes a percentage, such as `{sign} {word[:10]}%`.", back=1)
        if sign in _CHANGES and (number <= 0 or (sign != "rises" and number >= 100)):
            self._fail(f"`{sign}` takes a percentage above 0 and below 100.", back=1)
        text = f"{plain:.12g}{scale}{'%' if is_percent else ''}"
        return number / 100 if is_percent else number, is_percent, text

    def _span(self) -> timedelta:
        word = self.word
        span = parse_long_duration(word)
        if span is None and self._at + 1 < len(self._words):  # 10 min
            span = parse_long_duration(word + self._words[self._at + 1].group())
            self._at += span is not None
        if span is None or not span:
            self._fail("`for` needs a number and a unit, such as 90s, 10m or 2h.")
        if span > LONGEST:
            self._fail(f"The longest time is {LONGEST.days}d.")
        self._take()
        return span

    def _reports(self) -> int:
        word = self.word
        if not word.isdigit() or not 2 <= int(word) <= MAX_REPORTS:
            self._fail(f"`over` needs a number of reports from 2 to {MAX_REPORTS}, such as `over 5 reports`.")
        self._take()
        if self.word.lower() in ("reports", "report"):
            self._take()
        return int(word)

    def _severity(self) -> Severity:
        names = [one.value for one in Severity]
        if self.word.lower() not in names:
            self._unknown(names, "Use `page`, `warn` or `info`.")
        return Severity(self._take().lower())

    def _switch(self) -> str:
        if self.word != "=":
            if self.word and not self._begins_rule():
                self._unknown(_AFTER, "Use `for` with a time, `as` with a severity, or begin another rule.")
            return ""
        self._take()
        if self.word.lower() not in ("off", "on"):
            self._fail("After a rule, `=` takes `off` or `on`.")
        return self._take().lower()

    def _begins_rule(self) -> bool:
        return starts_rule([one.group() for one in self._words[self._at : self._at + 2]])

    def _take(self) -> str:
        word = self.word
        self._at += 1
        return word

    def _unknown(self, known: Sequence[str], usage: str) -> NoReturn:
        word = self.word
        close = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.6)
        self._fail(f"Unknown word `{word[:40]}`. " + (f"Did you mean `{close[0]}`?" if close else usage))

    def _fail(self, problem: str, back: int = 0) -> NoReturn:
        """Raise a UsageError that points at the next word, or at one before it."""
        at = self._at - back
        found = self._words[at] if at < len(self._words) else None
        start, width = (found.start(), len(found.group())) if found else (len(self._text) + 1, 1)
        first = max(0, start - MAX_CHARS // 2)
        shown = self._text[first : first + MAX_CHARS]
        marks = " " * (start - first) + "^" * min(width, MAX_CHARS // 2)
        raise UsageError(f"{problem}\n  {shown}\n  {marks}")


def _words(key: str, sign: str, number: str, span: timedelta, reports: int, severity: Severity) -> Iterator[str]:
    """Write a rule as people type it."""
    yield from (key, sign)
    if number:
        yield number
    if span:
        yield f"for {format_duration(span).replace(' ', '')}"
    elif sign in _CHANGES and reports != DEFAULT_REPORTS:
        yield f"over {reports} reports"
    if severity is not Severity.WARN:
        yield f"as {severity}"
