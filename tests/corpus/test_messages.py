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
