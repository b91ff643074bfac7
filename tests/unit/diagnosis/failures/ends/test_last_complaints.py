"""The complaint with which a log ends."""

from dataclasses import dataclass

import pytest

from bot.diagnosis.failures.ends.last_complaints import find_last_complaint
from bot.diagnosis.failures.ends.last_words import read_rows


@dataclass(frozen=True)
class Log:
    """A log of which nothing is known to be harmless."""

    before: bytes = b""
    has_trained: bool = True

    def is_harmless(self, _: str) -> bool:
        return False


def find(text: str, log: Log) -> int | None:
    return find_last_complaint(read_rows(text.encode().split(b"\n"), 1), (), log)


@pytest.mark.parametrize(
    "text",
    [
        "oops: batch 311 holds 0 valid boxes, cannot stack",
        "unable to hand over the buffer of layer 12: ring is not initialized",
        "2025-06-02 14:11:33 ERROR trainer group 2 has 1048576 elements but its moments have 10485",
        "cannot map the file: it is too short\nclosing the writer",
    ],
)
def test_last_complaint_is_found(text: str) -> None:
    assert find(text, Log()) == 0


@pytest.mark.parametrize(
    "text",
    [
        "cannot open the viewer, using the default one",
        "sample output | cannot open the door",
        "could not upload the plot, skipping it",
        "failures to parse 0, error rate 8.12",
        "2025-06-02 14:11:33 WARNING trainer cannot map the file",
        "cannot map the file\nreading the next one",
    ],
)
def test_what_a_program_goes_on_after_is_not(text: str) -> None:
    assert find(text, Log()) is None


def test_complaint_without_a_mark_counts_only_after_training() -> None:
    assert find("cannot map the file: it is too short", Log(has_trained=False)) is None
    assert find("*** cannot map the file: it is too short", Log(has_trained=False)) == 0


def test_repeated_complaint_does_not_count() -> None:
    assert find("could not draw the histogram of layer 3", Log(b"could not draw the histogram of layer 1\n")) is None
