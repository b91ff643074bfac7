"""Signatures of an installation's own: found before the shipped ones, and refused with the line and the reason."""

from __future__ import annotations

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.errors import ConfigError
from bot.rules.diagnosis_config import build_reader, check_signatures

OWN = """
[[signature]]
name = "vault_sealed"
category = "storage"
title = "The dataset vault is sealed"
hint = "Unseal it, then start again."
pattern = 'vault .* is sealed'
"""


def test_an_own_failure_is_found() -> None:
    diagnoser = Diagnoser(build_reader(OWN))
    diagnoser.feed("E: vault eu-1 is sealed, giving up")

    (incident,) = diagnoser.report().failures

    assert ("vault_sealed", "page", "storage") == (incident.signature, incident.severity, incident.category)
    assert ("The dataset vault is sealed", "Unseal it, then start again.") == (incident.title, incident.hint)


def test_without_a_file_there_are_the_shipped_ones() -> None:
    diagnoser = Diagnoser(build_reader())
    diagnoser.feed("E: vault eu-1 is sealed, giving up")

    assert () == diagnoser.report().failures


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OWN.replace("vault .*", "vault ("), "line 2: Invalid pattern at character"),
        (OWN + OWN.replace('"storage"', '"disk"'), "line 9: Signature vault_sealed: category is one of gpu_memory"),
        (OWN.replace("pattern =", "patern ="), "line 2: Signature vault_sealed needs a name and a pattern."),
        (OWN + "colour = 3\n", "line 2: Signature vault_sealed has fields nobody reads: colour."),
        (OWN.replace("title =", "source ="), "line 2: Signature vault_sealed needs a title"),
        (OWN.replace("'vault .* is sealed'", "'(vault)?'"), "line 2: Signature vault_sealed: its pattern"),
        (OWN.replace("'vault .* is sealed'", "4"), "line 2: Signature vault_sealed: pattern, title"),
        ("[[signatures]]\nname = 1", "`signatures` is no list of signatures"),
        ("[signature]\nname = 1", "`signature` alone is no list"),
        ("signature = [{name = 'a', pattern = 'b'}]", "each entry begins with [[signature]]"),
        ("[[signature]]\nname", "it is not TOML: "),
    ],
)
def test_a_wrong_entry_is_named_with_its_line_and_the_reason(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_signatures(text)

    assert caught.value.public.startswith(said)
