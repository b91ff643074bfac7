"""Categories of messages that no signature is about: one row of `messages.tsv` each, of many frameworks."""

from __future__ import annotations

import csv
from pathlib import Path

from bot.diagnosis.failures.category_evidence import FailureText, weigh_category

MESSAGES = Path(__file__).parent / "messages.tsv"


def test_messages_have_their_categories() -> None:
    with MESSAGES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    misses = []
    for row in rows:
        text = FailureText(row["message"], row["kind"], row["place"], row["stage"] == "run")
        found = weigh_category(text).category
        if found not in row["categories"].split("|"):
            misses.append(f"{row['kind']}: {row['message']}: found {found}, wanted {row['categories']}")
    assert len(rows) > 200
    assert misses == []


def test_message_without_evidence_is_an_unclear_failure_of_the_code() -> None:
    found = weigh_category(FailureText("it did not work", "RuntimeError", "fit.py:main"))

    assert (found.category, found.has_terms, found.is_clear) == ("code", False, False)


def test_settings_weigh_less_after_the_first_step() -> None:
    text = FailureText("schedule 'cosin': choose from cosine, linear", "ValueError", "fit.py:main")

    found = [weigh_category(text._replace(has_trained=late)).category for late in (False, True)]
    assert found == ["launch", "code"]


def test_a_kind_of_failure_with_its_own_category_keeps_it_without_evidence() -> None:
    assert weigh_category(FailureText("request 12 ended"), "storage").category == "storage"
