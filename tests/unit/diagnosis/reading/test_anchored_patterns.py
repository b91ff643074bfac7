"""Patterns that are searched from a word on find what `re` finds."""

import pytest

from bot.diagnosis.reading.anchored_patterns import AnchoredPattern
from bot.diagnosis.training import progress, stated_rates
from tests.corpus.labels import OWN_CASES, read_labels

NAMED = {**vars(progress), **vars(stated_rates)}
ANCHORED = {name: one for name, one in NAMED.items() if isinstance(one, AnchoredPattern)}
LINES = [
    line.lower()
    for label in read_labels(OWN_CASES)[::5]
    for line in label.path.read_text("utf-8", "replace").splitlines()[:200]
]


@pytest.mark.parametrize("name", ANCHORED)
def test_pattern_of_progress_finds_what_re_finds(name: str) -> None:
    anchored = ANCHORED[name]

    for line in LINES:
        assert [one.span() for one in anchored.finditer(line)] == [
            one.span() for one in anchored.compiled.finditer(line)
        ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a global step 5", " step 5"),
        ("step 1", "step 1"),
        ("x" * 50 + " iter 7", " iter 7"),
        ("no words", None),
        ("", None),
    ],
)
def test_first_match(text: str, expected: str | None) -> None:
    pattern = AnchoredPattern(r"(?:^|[^a-z])(?:step|iter) \d|step \d", "step", "iter", reach=1)

    found = pattern.search(text)

    assert (found and found[0]) == expected


def test_text_without_words_has_no_matches() -> None:
    assert list(AnchoredPattern("step", "step").finditer("nothing")) == []
