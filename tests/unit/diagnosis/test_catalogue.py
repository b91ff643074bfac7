"""The catalogue: complete, valid and extensible by users."""

import re

import pytest

from bot.diagnosis.catalogue import UNREPORTED_ROLES, Catalogue, build_catalogue, load_catalogue, parse_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.diagnosis.reading.required_literals import filter_pattern, required_literals
from bot.domain.regex import compile_pattern
from bot.errors import ConfigError

OWN = """
[[signature]]
name = "own_license"
category = "launch"
title = "The licence server refused"
pattern = 'licence server rejected us'
hint = "Ask for a seat. https://example.com/seats"
"""


def test_every_reported_signature_has_title_hint_link_and_source(catalogue: Catalogue) -> None:
    incomplete = [
        signature.name
        for signature in catalogue.signatures
        if signature.role not in UNREPORTED_ROLES
        and not (signature.title and " https://" in signature.hint and signature.source)
    ]
    assert incomplete == []


def test_titles_and_first_sentences_of_hints_fit_on_a_phone(catalogue: Catalogue) -> None:
    """A root message shows the title and the first sentence of the hint."""
    reported = [one for one in catalogue.signatures if one.role not in UNREPORTED_ROLES]
    assert [] == [one.title for one in reported if len(one.title) > 40]
    assert [] == [one.hint for one in reported if len(one.hint.split(". ")[0]) > 74]


def test_signature_names_are_unique(catalogue: Catalogue) -> None:
    names = [signature.name for signature in catalogue.signatures]
    assert len(names) == len(set(names))


def test_every_category_has_a_signature(catalogue: Catalogue) -> None:
    assert {signature.category for signature in catalogue.signatures} == {
        "gpu_memory", "host_memory", "gpu_fault", "collective", "storage", "data", "numerics", "hang", "launch",
        "scheduler", "code",
    }  # fmt: skip


def test_user_signature_is_found() -> None:
    diagnoser = Diagnoser(PageScanner(load_catalogue(OWN)))
    diagnoser.feed("[rank2]: licence server rejected us")

    (failure,) = diagnoser.report().failures
    assert (failure.signature, failure.category, failure.ranks) == ("own_license", "launch", (2,))


def test_user_signature_replaces_shipped_one_of_same_name() -> None:
    extra = OWN.replace("own_license", "cuda_oom")
    catalogue = load_catalogue(extra)

    assert [s.title for s in catalogue.signatures if s.name == "cuda_oom"] == ["The licence server refused"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[signature]\n", "not valid TOML"),
        ('[[signature]]\nname = "x"\n', "needs a name and a pattern"),
        (OWN.replace('"launch"', '"weather"'), "category must be one of"),
        (OWN + 'colour = "red"\n', "unknown fields: colour"),
        (OWN.replace("licence server rejected us", "(unclosed"), "unclosed `(`"),
        (OWN.replace("licence server rejected us", r"(a)\1"), "RE2 has no backreferences"),
    ],
)
def test_wrong_catalogue_is_rejected_with_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        build_catalogue([], parse_catalogue(text))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("CUDA out of memory", {("CUDA out of memory", False)}),
        (r"Killed process \d+ \(", {("Killed process ", False)}),
        ("(?i:disk is FULL)", {("disk is full", True)}),
        ("abc|defg", {("abc", False), ("defg", False)}),
        (r"NVRM: .*GPU .* lost", {("NVRM: ", False)}),
        (r"x(long one|other one)?y+z", {("x", False)}),
        (r"\[Errno 28\]", {("[Errno 28]", False)}),
        (r"[abc]{2,3}tail", {("tail", False)}),
        (r"\d+", None),
        (r"a|\d+", None),
    ],
)
def test_every_match_contains_required_literals(pattern: str, expected: set[tuple[str, bool]] | None) -> None:
    found = required_literals(pattern)
    assert found == expected if expected is None else found is not None and found <= expected


def test_filter_finds_every_line_that_signature_matches(catalogue: Catalogue) -> None:
    lines = [
        "Killed process 3 (x)",
        "RESOURCE_EXHAUSTED: out of memory",
        "exited with exit code 137",
        "loss is NaN",
        "Bus error",
    ]
    pattern = compile_pattern(filter_pattern(signature.pattern for signature in catalogue.signatures).encode())

    assert [
        line for line in lines if catalogue.classify(line) is not None and pattern.search(line.encode()) is None
    ] == []
