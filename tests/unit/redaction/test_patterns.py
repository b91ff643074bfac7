"""Each pattern row is tested by its own two examples."""

from __future__ import annotations

import re
import string

import pytest

from bot.redaction.patterns import SecretPattern, pattern_groups
from bot.redaction.redactor import HIDDEN, Redactor, find_secrets

ALNUM = string.ascii_letters + string.digits
ROWS = [row for group in pattern_groups() for row in group]


def expand(example: str) -> str:
    """Replace `{N}` by N letters and digits."""

    def alnum(match: re.Match[str]) -> str:
        length = int(match[1])
        return "".join(ALNUM[(index * 37 + length) % 62] for index in range(length))

    return re.sub(r"\{(\d+)\}", alnum, example)


def name(row: SecretPattern) -> str:
    return row.literal


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_pattern_hides_the_marked_part_of_its_example(row: SecretPattern) -> None:
    before, secret, after = re.split("[«»]", expand(row.hides))
    text = f"step 3 {before}{secret}{after}\nloss 0.1"
    start = len("step 3 ") + len(before)

    assert [(start, start + len(secret))] == list(find_secrets(text, [row]))
    assert (f"step 3 {before}{HIDDEN}{after}\nloss 0.1", 1) == Redactor().redact(text)


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_pattern_keeps_its_counterexample(row: SecretPattern) -> None:
    text = f"step 3 {row.keeps} loss 0.1"

    assert (text, 0) == Redactor().redact(text)


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_counterexample_resembles_the_secret(row: SecretPattern) -> None:
    """It shares at least the second half of the literal, so that it could have matched."""
    words = re.findall(r"\w+", row.literal.lower())

    assert any(word[-4:] in row.keeps.lower() for word in words or [row.literal])


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_case_insensitive_literal_is_lower_case(row: SecretPattern) -> None:
    assert row.literal == (row.literal.lower() if row.ignore_case else row.literal)
