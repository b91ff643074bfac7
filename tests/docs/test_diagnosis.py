"""The examples of docs/diagnosis.md and docs/rules.md are files that trainwatch reads, and the words are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from bot.diagnosis.catalogue import Category, Role, Signature
from bot.diagnosis.diagnoser import Diagnoser
from bot.rules.defaults import parse_defaults
from bot.rules.diagnosis_config import build_reader, check_signatures

DOCS = Path(__file__).parents[2] / "docs"
DIAGNOSIS = (DOCS / "diagnosis.md").read_text(encoding="utf-8")
RULES = (DOCS / "rules.md").read_text(encoding="utf-8")
UNDOCUMENTED = {"decisive", "filter", "strength"}
"""Fields for tuning the shipped catalogue."""


def example(page: str) -> str:
    found = re.search(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(page: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_the_example_of_own_signatures_finds_what_it_says() -> None:
    diagnoser = Diagnoser(build_reader(example(DIAGNOSIS)))
    diagnoser.feed("E: vault eu-1 is sealed")

    (incident,) = diagnoser.report().failures
    assert "vault_sealed" == incident.signature
    assert ["vault_sealed", "shard_retry"] == [one.name for one in check_signatures(example(DIAGNOSIS))]


def test_the_example_of_own_rule_settings_is_read() -> None:
    settings = parse_defaults(example(RULES))

    assert ("log_errors",) == settings.off
    assert {"low_gpu_utilization", "failure"} == set(settings.parameters)


def test_every_category_role_and_field_is_documented() -> None:
    fields = set(Signature.__dataclass_fields__) - UNDOCUMENTED

    assert {*get_args(Category), *get_args(Role), *fields, "page", "warn", "info"} == rows(DIAGNOSIS)
