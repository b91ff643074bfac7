"""Read verdicts on single tests and generated programs, and that of a whole suite of tests.

Suites expect many failures: what a test logs before it passes did no harm. The forms are those of pytest, unittest, Go,
cargo, GoogleTest, CTest, Bazel, TAP, Catch2, Julia and testthat, and of harnesses that run what a model wrote.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice

PASSED = (
    r"\[ {1,8}OK \] |\b(?:PASSED|XFAIL|XPASS)\b.{0,60}\[ *\d{1,3}%\]|^(?:PASSED|XFAIL)\s*$"
    r"|^//\S{1,200} +(?:\(cached\) )?PASSED in |^test \S{1,200}(?: - should panic)? \.\.\. ok\b"
    r"|^(?:test_\w{1,100} \(.{1,200}\) )?(?:\.\.\. )?ok\s*$|--- (?:PASS|SKIP): \S"
    r"|Test +#\d{1,6}: \S{1,200} \.+ +Passed|^ok \d{1,6}\b|^=+ [1-9]\d* passed\b"
    r"|^[.sxX]{3,100}\s+\[ *\d{1,3}%\]\s*$"
)
"""A test passed, whatever it logged."""
JUDGED = (
    r"^(?:\[[^\]\n]{1,30}\] ?)?[\w./ -]{0,40}\d[\w./-]{0,40}: "
    r"(?i:pass|passed|fail|failed|correct|incorrect|wrong answer)\b|\bverdict[:= ]{1,3}(?:AC|WA|RE|TLE|MLE|CE)\b"
)
"""A harness judged one item."""
SUITE_PASSED = (
    r"\[  PASSED  \] \d|^OK(?: \(\w+=\d.*\))?\s*$|^ok\s+\S+\s+(?:\d[\d.]*s|\(cached\))|^test result: ok\. "
    r"|^100% tests passed|^All tests passed|^\s*Testing \S+ tests passed|^\[ FAIL 0 \|"
    r"|^Executed \d+ out of \d+ tests?: \d+ tests? pass(?:es)?\.?\s*$"
    r"|\bpass@\d{1,4}\b ?[:=] ?\d|^[1-9]\d* passed(?:, \d+ (?:skipped|x\w+|deselected|warnings?))* in [\d.]+ ?s"
    r"|^=+ (?:\d+ (?:passed|skipped|deselected|x?failed|xpassed|warnings?)(?:, | ))+in [\d.]+ ?s"
)
SUITE_FAILED = (
    r"\[  FAILED  \] \d|^FAILED \((?:errors|failures)=|^FAIL\s+\S+\s+[\d.]+s|^test result: FAILED"
    r"|^The following tests FAILED|^\d+% tests passed, [1-9]\d* tests? failed|^\[ FAIL [1-9]"
    r"|^=+ (?:.*\b)?[1-9]\d* (?:failed|errors?)\b.* in [\d.]+ ?s|^test cases: .*\| [1-9]\d* failed"
    r"|^Executed \d+ out of \d+ tests?: .*\b[1-9]\d* fails? |tests did not pass: "
)
VERDICT = (
    r"\bPASSED\b|\bX(?:FAIL|PASS)\b|\bFAILED\b|\[ {1,8}OK \]|\bok$|\bok\s+\S+\s+(?:\d|\(cached)|\bok \d"
    r"|--- (?:PASS|SKIP): | Passed\b|\bOK$|\bOK \(\w|test result: |tests passed|\btests did not pass|\[ FAIL \d"
    r"|^=+ .*\d (?:passed|failed|error)|Executed \d+ out of|\bFAIL\s"
    r"|\bpass@\d|\d passed\b|\bverdict\b|^[.sxX]{3,100}\s+\[|\d\S*: (?i:pass|fail|correct|incorrect|wrong answer)"
)
"""The filter for all of these; before them, lines may have prefixes."""

_VERDICT_ROW = re.compile(
    r"(?i)^\W{0,2}(?P<item>[\w/.-]{0,60}\d[\w/.-]{0,20}|\w+ \d+(?: \| \w+ \d+)?)\s*(?:[:|]\s*|\s)"
    r"(?:(?P<good>passed|resolved|solved|accepted|correct|ac|ok)"
    r"|failed|(?:tests )?failed|unresolved|incorrect|error|timed out|timeout|wa|re|tle|mle|ce)\b"
)
"""One item with its verdict, and perhaps the reason of that."""
_MEMBER = re.compile(
    r"(?i)worker|rank|node|host|gpu|proc|replica|pod|stage|device|shard|server|job|trial|step|epoch|attempt|port|^\d"
)
"""What is not judged by others."""
_LETTERS, _DIGITS = re.compile(r"[A-Za-z]+"), re.compile(r"\d+")
MAX_ROWS_BEFORE, MIN_ROWS_BEFORE = 40, 2


def is_verdict_row(text: str, newest_texts: Callable[[], Iterator[str]]) -> bool:
    """Does a line state the verdict on one of many items, of which others before it were judged, and one as good?

    Args:
        text: the line without its prefixes.
        newest_texts: reads the lines before it, newest first.
    """
    found = _VERDICT_ROW.match(text)
    if found is None or _MEMBER.search(found.group("item")):
        return False
    form = _form(found.group("item"))
    found_before = map(_VERDICT_ROW.match, islice(newest_texts(), MAX_ROWS_BEFORE))
    rows = [row for row in found_before if row is not None and _form(row.group("item")) == form]
    return len(rows) >= MIN_ROWS_BEFORE and any(row.group("good") for row in rows)


def _form(item: str) -> str:
    return _DIGITS.sub("0", _LETTERS.sub("a", item))
