"""User signatures: matched before the shipped ones, and rejected with the line and the error."""

from __future__ import annotations

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.errors import ConfigError
from bot.rules.diagnosis_config import build_scanner, check_signatures

OWN = """
[[signature]]
name = "vault_sealed"
category = "storage"
title = "The dataset vault is sealed"
hint = "Unseal it, then start again."
pattern = 'vault .* is sealed'
"""


def test_user_signature_is_found() -> None:
    diagnoser = Diagnoser(build_scanner(OWN))
    diagnoser.feed("E: vault eu-1 is sealed, giving up")

    (failure,) = diagnoser.report().failures

    assert ("vault_sealed", "page", "storage") == (failure.signature, failure.severity, failure.category)
    assert ("The dataset vault is sealed", "Unseal it, then start again.") == (failure.title, failure.hint)


def test_without_user_file_only_shipped_signatures_match() -> None:
    diagnoser = Diagnoser(build_scanner())
    diagnoser.feed("E: vault eu-1 is sealed, giving up")

    assert "vault_sealed" not in {failure.signature for failure in diagnoser.report().failures}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (OWN.replace("vault .*", "vault ("), "line 2: Invalid pattern at character"),
        (
            OWN + OWN.replace('"storage"', '"disk"'),
            "line 9: Signature vault_sealed: category must be one of gpu_memory",
        ),
        (OWN.replace("pattern =", "patern ="), "line 2: Signature vault_sealed needs a name and a pattern."),
        (OWN + "colour = 3\n", "line 2: Signature vault_sealed has unknown fields: colour."),
        (OWN.replace("title =", "source ="), "line 2: Signature vault_sealed needs a title"),
        (OWN.replace("'vault .* is sealed'", "'(vault)?'"), "line 2: Signature vault_sealed: the pattern '(vault)?' m"),
        (
            OWN.replace("'vault .* is sealed'", "4"),
            "line 2: Signature vault_sealed: Expected `str`, got `int` in `patt",
        ),
        (OWN + "min_repeats = 0\n", "line 2: Signature vault_sealed: min_repeats must be at least 1."),
        (OWN + "identifies_missing_rank = 1\n", "line 2: Signature vault_sealed: Expected `bool`, got `int` in `ident"),
        ("[[signatures]]\nname = 1", "Unexpected [[signatures]]. Start each entry with [[signature]] or [[hint]]."),
        ("[signature]\nname = 1", "Unexpected [signature]. Start each entry with [[signature]] or [[hint]]."),
        (
            "signature = [{name = 'a', pattern = 'b'}]",
            "Start each entry with [[signature]] or [[hint]] on a separate line.",
        ),
        ("[[signature]]\nname", "Not valid TOML: "),
    ],
)
def test_wrong_entry_is_rejected_with_line_and_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_signatures(text)

    assert caught.value.public.startswith(message)


def test_explanation_by_unknown_signature_is_rejected() -> None:
    with pytest.raises(ConfigError, match="unknown signature sunshine in explained_by"):
        build_scanner(OWN + 'explained_by = "sunshine"\n')
