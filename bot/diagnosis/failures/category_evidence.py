"""Weigh what a failure without a specific signature says about its category: kind, message and place.

Frameworks raise `RuntimeError`, `ValueError` or a library's exception for any cause, so no single sign decides.
`category_terms.toml` has the signs and their weights.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple, get_args

from bot.diagnosis.categories import Category
from bot.domain.regex import Pattern, compile_pattern

SEARCHED_CHARS = 1200
"""Number of characters of a message that are searched."""
CLEAR_MARGIN = 2.0
"""With less weight, or less more than the next category, a category is only a guess."""

CATEGORIES: tuple[Category, ...] = get_args(Category)
_GROUP = re.compile(r"<(\w+)>")


class FailureText(NamedTuple):
    """What a failure says."""

    message: str
    """Without the name of its exception."""
    kind: str = ""
    """The exception's type as printed; "" if it is not an exception."""
    place: str = ""
    """The module of a library, or the user's `file:function`, in which it was raised."""
    has_trained: bool = False
    """Had the run logged progress before?"""


NOTHING_STATED = FailureText("")


class WeighedCategory(NamedTuple):
    """The category that the signs suggest."""

    category: Category
    margin: float
    """By how much its sum exceeds that of the next category."""
    weight: float
    """Of the terms that suggest it."""

    @property
    def has_terms(self) -> bool:
        """Does any term suggest it?"""
        return self.weight > 0

    @property
    def is_clear(self) -> bool:
        """Is it more than a guess?"""
        return min(self.weight, self.margin) >= CLEAR_MARGIN


@dataclass(frozen=True, slots=True)
class _Term:
    words: Pattern[str]
    weights: Mapping[Category, float]


@dataclass(frozen=True, slots=True)
class _Table:
    usual: float
    late: Mapping[Category, float]
    kind: tuple[_Term, ...]
    message: tuple[_Term, ...]
    place: tuple[_Term, ...]


@lru_cache(maxsize=1024)  # programs log the same failure many times
def weigh_category(text: FailureText, usual: Category = "code") -> WeighedCategory:
    """Return the category with the largest sum of weights.

    Args:
        text: what the failure says.
        usual: the category of such failures without further evidence.
    """
    sums, table = sum_terms(text, usual), _table()
    first, second, *_ = sorted(CATEGORIES, key=lambda category: -sums[category])
    weight = sums[first] - (table.usual if first == usual else 0.0)
    return WeighedCategory(first, sums[first] - sums[second], weight)


def sum_terms(text: FailureText, usual: Category) -> dict[Category, float]:
    """Return for each category the sum of the weights of the terms found."""
    table = _table()
    searched = (
        (table.kind, text.kind),
        (table.message, text.message[:SEARCHED_CHARS]),
        (table.place, text.place),
    )
    found = [term.weights for terms, value in searched if value for term in terms if term.words.contains(value)]
    sums = dict.fromkeys(CATEGORIES, 0.0)
    sums[usual] = table.usual
    for weights in (*([table.late] if text.has_trained else []), *found):
        for category, weight in weights.items():
            sums[category] += weight
    return sums


@cache
def _table() -> _Table:
    loaded = tomllib.loads(files("bot.diagnosis.failures").joinpath("category_terms.toml").read_text(encoding="utf-8"))
    groups: dict[str, str] = loaded["words"]

    def parse(name: str) -> tuple[_Term, ...]:
        return tuple(_parse_term(table, groups) for table in loaded[name])

    return _Table(float(loaded["usual"]), _weights(loaded["late"]), parse("kind"), parse("message"), parse("place"))


def _parse_term(table: Mapping[str, object], groups: Mapping[str, str]) -> _Term:
    pattern = _GROUP.sub(lambda found: groups[found.group(1)], str(table["words"]))
    return _Term(
        compile_pattern(f"(?i){pattern}"), _weights({name: one for name, one in table.items() if name != "words"})
    )


def _weights(table: Mapping[str, object]) -> Mapping[Category, float]:
    return {category: float(str(table[category])) for category in CATEGORIES if category in table}
