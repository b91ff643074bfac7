"""The examples of docs/diagnosis.md and docs/rules.md are valid files, and their tables list what the code knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from bot.diagnosis.catalogue import Role, Signature
from bot.diagnosis.categories import Category
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.hints.choices import Fact, HintChoice
from bot.domain.alerts import Severity
from bot.rules.diagnosis_config import build_scanner, check_signatures, parse_defaults

DOCS = Path(__file__).parents[2] / "docs"
DIAGNOSIS = (DOCS / "diagnosis.md").read_text(encoding="utf-8")
RULES = (DOCS / "rules.md").read_text(encoding="utf-8")


def example(page: str) -> str:
    found = re.search(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(page: str) -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


def test_example_signatures_work() -> None:
    diagnoser = Diagnoser(build_scanner(example(DIAGNOSIS)))
    diagnoser.feed("E: vault eu-1 is sealed")
    diagnoser.feed("shard 12 failed, fetching it again", timestamp_ns=1)

    (failure,) = diagnoser.report(2).failures
    assert ("vault_sealed", "info") == (failure.signature, failure.severity)
    assert ["vault_sealed", "shard_retry"] == [one.name for one in check_signatures(example(DIAGNOSIS))]


def test_example_hints_work() -> None:
    texts = re.findall(r"^```toml\n(.*?)^```$", DIAGNOSIS, re.MULTILINE | re.DOTALL)
    diagnoser = Diagnoser(build_scanner("\n".join(texts)))
    diagnoser.feed("E: vault eu-1 is sealed")

    assert diagnoser.report().failures[0].hint == "Unseal eu-1, then start the run again. https://wiki.example/vault"


def test_example_rule_settings_are_valid() -> None:
    settings = parse_defaults(example(RULES))

    assert ("log_errors",) == settings.off
    assert {"low_gpu_utilization", "failure"} == set(settings.parameters)


def test_every_category_role_severity_and_field_is_documented() -> None:
    fields = {*Signature.__dataclass_fields__, *HintChoice.__dataclass_fields__}
    assert {*get_args(Category), *get_args(Role), *Severity, *fields} == rows(DIAGNOSIS)
    assert [fact for fact in get_args(Fact) if f"`{fact}`" not in DIAGNOSIS] == []
