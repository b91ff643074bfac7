"""Ranks in compact ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.reading.labels import Label, list_labels, name_labels, rank_ranges


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ([8], "rank 8"), ([0, 1], "ranks 0, 1"), ([2, 1, 0], "ranks 0-2"),
        ([*range(8), *range(9, 16)], "ranks 0-7, 9-15"), ([5, 5], "rank 5"),
        (list(range(0, 2048, 2)), "ranks 0, 2, 4, 6, 8, 10, 12, 14 and 1,016 more"),
        (["node-1", "node-0"], "node-1, node-0"), ([3, "node-1"], "3, node-1"),
        ([f"pod-{number}" for number in range(10)], ", ".join(f"pod-{n}" for n in range(8)) + " and 2 more"),
    ],
)  # fmt: skip
def test_labels_are_named(labels: list[Label], text: str) -> None:
    assert name_labels(labels) == text


@given(st.sets(st.integers(0, 300)))
def test_ranges_contain_exactly_the_ranks(ranks: set[int]) -> None:
    contained: list[int] = []
    for part in rank_ranges(ranks):
        first, _, last = part.partition("-")
        contained += range(int(first), int(last or first) + 1)
    assert contained == sorted(ranks)


def test_hidden_ranks_are_counted_in_ranks_not_in_ranges() -> None:
    ranks = [rank for rank in range(200) if rank % 10]
    assert list_labels(ranks).endswith("71-79 and 108 more")
