"""The shipped hints: valid patterns, known signatures, placeholders that can be filled, and the style of a phone."""

from __future__ import annotations

import re

import pytest

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Catalogue
from bot.diagnosis.hints.choices import PATTERNLESS, PLACEHOLDER, HintChoice, check_hint, shipped_hints
from bot.diagnosis.hints.filling import fill_hint

HINTS = shipped_hints()
FIRST_SENTENCE = 78
"""Slack shows 74 characters of it and cuts after a clause."""
WHOLE = 330
LINK = re.compile(r"https://[\w-]+(?:\.[\w-]+)+(?:/[\w./#?=&%+~:-]*)?")
IMPERATIVES = frozenset(
    """
    Accept Add Allow Ask Build Call Cast Change Check Choose Compare Convert Copy Correct Create Define Delete
    Download Drain Drop Encode End Enlarge Export Feed Fetch Fill Find Fix Free Give Grant Ignore Import Install Load
    Log Look Loosen Lower Make Match Mount Move Offload Open Pad Pass Pin Print Process Pull Put Raise Read Rebuild
    Reboot Reinstall Remount Remove Rename Renew Replace Request Requeue Rerun Resize Restart Resume Return Run Save
    Reduce Send Set
    Shard Shorten Shrink Split Start Strip Suspect Take Tokenize Train Update Upgrade Use Wait Wrap Write
    """.split()  # noqa: SIM905
)


def shown(text: str) -> str:
    """The words of a hint, with values of a usual length."""
    filled = PLACEHOLDER.sub("123456", text)
    return " ".join(word for word in filled.split() if not word.startswith("https://"))


def first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+(?=[A-Z`('\"])", text)[0]


@pytest.mark.parametrize("hint", HINTS, ids=[f"{one.signatures[0]}-{at}" for at, one in enumerate(HINTS)])
def test_hint_is_valid_and_can_be_filled(hint: HintChoice) -> None:
    check_hint(hint)
    names = {name for name, _ in PLACEHOLDER.findall(hint.text)}
    full, empty = fill_hint(hint.text, dict.fromkeys(names, "v")), fill_hint(hint.text, {})

    assert full is not None
    assert "{" not in full
    assert empty is None or not PLACEHOLDER.search(empty)


def test_hints_are_for_known_signatures(catalogue: Catalogue) -> None:
    known = {one.name for one in catalogue.signatures if one.role not in UNREPORTED_ROLES} | PATTERNLESS

    assert {name for hint in HINTS for name in hint.signatures} - known == set()


def test_hints_begin_with_a_short_instruction_and_are_short(catalogue: Catalogue) -> None:
    reported = [one.hint for one in catalogue.signatures if one.role not in UNREPORTED_ROLES]
    texts = [shown(text) for text in (*(hint.text for hint in HINTS), *reported)]

    assert [text for text in texts if text.split()[0].rstrip(":,") not in IMPERATIVES] == []
    assert [text for text in texts if len(first_sentence(text)) > FIRST_SENTENCE] == []
    assert [text for text in texts if len(text) > WHOLE] == []


def test_links_are_plausible_and_exceptions_have_their_own() -> None:
    links = [hint.text.rpartition(" ")[2] for hint in HINTS if " https://" in hint.text]
    without = [hint.text for hint in HINTS if "python_exception" in hint.signatures and " https://" not in hint.text]

    assert [link for link in links if not LINK.fullmatch(link)] == []
    assert [hint.text for hint in HINTS if hint.text.count("https://") > 1] == []
    assert without == []
