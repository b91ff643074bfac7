"""Private keys are hidden whole, also when a page holds only a part of one."""

from __future__ import annotations

import pytest

from bot.domain.logs import LogLine
from bot.redaction.redactor import HIDDEN, Redactor

BEGIN, END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
BODY = ["b3BlbnNzaC1rZXktdjEAAAAABG5vbmU" + letter * 39 for letter in "ABC"]


def hidden(*messages: str) -> list[str]:
    safe, _ = Redactor().redact_lines([LogLine(index, text) for index, text in enumerate(messages)])
    return [line.message for line in safe]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["a", BEGIN, *BODY, "A0==", END, "b"], ["a", BEGIN, HIDDEN, HIDDEN, HIDDEN, HIDDEN, END, "b"]),
        (["a", BEGIN, *BODY], ["a", BEGIN, HIDDEN, HIDDEN, HIDDEN]),
        ([*BODY, END, "b"], [HIDDEN, HIDDEN, HIDDEN, END, "b"]),
        ([BEGIN, BODY[0], "step 1 loss 2.0"], [BEGIN, HIDDEN, "step 1 loss 2.0"]),
        ([BEGIN, "Proc-Type: 4,ENCRYPTED", "", BODY[0]], [BEGIN, HIDDEN, "", HIDDEN]),
        (["12:00:01 " + BEGIN, *[f"12:00:01 {row}" for row in BODY]], ["12:00:01 " + BEGIN, HIDDEN, HIDDEN, HIDDEN]),
        ([BEGIN, BODY[0], "rank 1: step", BODY[1], END], [BEGIN, HIDDEN, "rank 1: step", HIDDEN, END]),
        ([f"key: {BEGIN}{BODY[0]}", "b"], [f"key: {BEGIN}{HIDDEN}", "b"]),
        (["no " + BEGIN + " in the file", "b", "c"], ["no " + BEGIN + HIDDEN, "b", "c"]),
        (["expected " + BEGIN, "b", "c"], ["expected " + BEGIN, "b", "c"]),
        ([BEGIN, *BODY, END, "b", BEGIN, *BODY, END], [BEGIN, *[HIDDEN] * 3, END, "b", BEGIN, *[HIDDEN] * 3, END]),
        ([f"{BEGIN}\n{BODY[0]}\nodd\n", "b"], [f"{BEGIN}{HIDDEN}", "b"]),
    ],
)
def test_key_is_hidden_and_neighbouring_lines_are_not(messages: list[str], expected: list[str]) -> None:
    assert expected == hidden(*messages)
    assert expected == hidden(*expected)


def test_unclosed_marks_cost_linear_time() -> None:
    """A page of them is searched once, not once for each."""
    for mark in (BEGIN, END):
        assert hidden(*[mark] * 20_000) == [mark] * 20_000
        assert len(hidden(mark * 20_000)) == 1


def test_unclosed_mark_hides_at_most_the_longest_key() -> None:
    """A file that is downloaded piece by piece keeps what comes later."""
    shown, _ = Redactor().redact(f"{BEGIN} was expected\n" + "step 1 loss 2.0\n" * 10_000)
    assert shown.startswith(f"{BEGIN}{HIDDEN}")
    assert shown.count("step 1 loss 2.0\n") > 7_000
