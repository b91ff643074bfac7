"""The words of labelled failures: the shipped table is up to date, and it helps on failures that it was not made of."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from zlib import crc32

from bot.diagnosis.failures.category_evidence import FailureText, sum_terms
from bot.diagnosis.failures.category_of_excerpt import weigh_category_of_excerpt
from bot.diagnosis.failures.category_words import FAILURES, Counts, word_evidence, words_of
from tests.corpus.count_words import LabelledText, count_words, main, read_texts

GROUPS = 4


def test_the_shipped_table_is_up_to_date() -> None:
    assert main(["--check"]) == 0


def test_words_find_categories_that_terms_do_not_on_failures_they_were_not_counted_in() -> None:
    texts = read_texts()
    by_terms = by_both = judged = 0
    for group in range(GROUPS):
        inside = [text for text in texts if _group(text) == group]
        counts = count_words(text for text in texts if _group(text) != group)
        judged += len(inside)
        by_terms += sum(_by_terms(text) in text.categories for text in inside)
        by_both += sum(_by_both(text, counts) in text.categories for text in inside)

    assert judged == len(texts) > 1500
    assert by_both > by_terms + 0.05 * judged


def test_words_of_names_paths_and_stages_are_words_of_their_own() -> None:
    statement = FailureText("cannot open Shard 17", "pkg.errors.DataLoadError", "pkg/data.py:read", has_trained=True)

    words = words_of(statement, ["epochDone 3"])

    assert words == {
        *("cannot", "open", "shard", "epoch", "done", "stage_run"),
        *("kind_DataLoadError", "kind_pkg", "kind_errors", "kind_data", "kind_load", "kind_error"),
        *("place_pkg", "place_data", "place_py", "place_read"),
    }


def test_a_rare_word_weighs_less_than_a_frequent_one() -> None:
    column = 4
    counts = {FAILURES: [10] * 11, "rare": _only(column, 1), "frequent": _only(column, 9)}

    def weigh(words: frozenset[str]) -> float:
        return word_evidence(words, words, counts)[column]

    none, rare, frequent = (weigh(frozenset(words)) for words in ([], ["rare"], ["frequent", "unknown"]))
    assert none < rare < frequent
    assert rare > word_evidence(set(), {"rare"}, counts)[column] > none


def _only(column: int, count: int) -> Sequence[int]:
    return [count if index == column else 0 for index in range(11)]


def _group(text: LabelledText) -> int:
    return crc32(f"{text.statement.kind} {text.statement.message}".encode()) % GROUPS


def _by_terms(text: LabelledText) -> str:
    terms = sum_terms(text.statement._replace(message="\n".join([text.statement.message, *text.after])), text.usual)
    return max(terms.items(), key=itemgetter(1))[0]


def _by_both(text: LabelledText, counts: Counts) -> str:
    scores = weigh_category_of_excerpt(text.statement, text.usual, text.before, text.after, counts)
    return max(scores.items(), key=itemgetter(1))[0]
