"""Fields of user-defined signatures that change how a failure is reported."""

from __future__ import annotations

import pytest

from bot.diagnosis.catalogue import load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner

STEPS = [f"step {n} loss {3 - n / 100:.2f}" for n in range(1, 20)]
FAILURE = """
[[signature]]
name = "vault_sealed"
title = "The dataset vault is sealed"
pattern = 'vault is sealed'
"""
RETRY = """
[[signature]]
name = "vault_retry"
role = "retry_notice"
pattern = 'unsealing the vault'
"""


def diagnose(own: str, lines: list[str], *, silent_s: int = 0) -> list[Failure]:
    diagnoser = Diagnoser(PageScanner(load_catalogue(own)))
    for line in [*STEPS, *lines]:
        diagnoser.feed(line, timestamp_ns=10**18)
    return list(diagnoser.report(10**18 + silent_s * 10**9).failures)


@pytest.mark.parametrize(("repeats", "severity"), [(1, "warn"), (2, "warn"), (3, "page")])
def test_failure_with_fewer_than_min_repeats_is_a_warning(repeats: int, severity: str) -> None:
    (failure,) = diagnose(FAILURE + "min_repeats = 3\n", ["vault is sealed"] * repeats)

    assert failure.severity == severity


def test_failure_with_fewer_than_min_repeats_is_a_page_at_end_of_log() -> None:
    (failure,) = diagnose(FAILURE + "min_repeats = 3\n", ["vault is sealed"], silent_s=90)

    assert failure.severity == "page"


def test_failure_explained_by_note_is_a_warning_with_its_title() -> None:
    cancelled = "slurmstepd: error: *** JOB 9 ON n1 CANCELLED AT 2026-01-01T10:00:00 ***"
    failure = diagnose(FAILURE + 'explained_by = "cancelled"\n', ["vault is sealed", cancelled])[0]

    assert (failure.signature, failure.severity) == ("vault_sealed", "warn")
    assert failure.why.startswith("The job was cancelled.")


def test_missing_rank_is_identified_from_sequence_numbers() -> None:
    own = FAILURE + "identifies_missing_rank = true\n"
    (failure,) = diagnose(own, [f"[rank{n}]: vault is sealed SeqNum={7 if n == 2 else 9}" for n in range(4)])

    assert failure.ranks == (2, 0, 1, 3)


def test_retry_notice_makes_failure_a_note() -> None:
    (failure,) = diagnose(FAILURE + RETRY, ["vault is sealed", "unsealing the vault"])
    (retried,) = diagnose(FAILURE + RETRY, ["vault is sealed", "unsealing the vault"], silent_s=90)

    assert [failure.severity, retried.severity] == ["info", "page"]


def test_retry_notice_hides_failure_on_its_line() -> None:
    assert diagnose(FAILURE + RETRY, ["vault is sealed, unsealing the vault"]) == []


@pytest.mark.parametrize("keeps_hint", [True, False])
def test_hint_is_kept_in_any_category_if_the_signature_states_so(keeps_hint: bool) -> None:
    own = FAILURE + f"by_message = true\nkeeps_hint = {str(keeps_hint).lower()}\nhint = 'Call the vault team.'\n"
    failure = diagnose(own, ["vault is sealed", "  reason: vault volume: disk quota 20 GB"], silent_s=90)[0]

    assert failure.category == "storage"
    assert (failure.hint == "Call the vault team.") is keeps_hint
