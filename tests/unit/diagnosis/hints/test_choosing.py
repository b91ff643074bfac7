"""Choosing and filling hints: conditions, placeholders, foreign text, and the hints of users."""

from __future__ import annotations

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.errors import ConfigError
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_config import build_scanner, check_signatures
from bot.rules.diagnosis_wording import redact_diagnosis

OWN = r"""
[[signature]]
name = "vault_sealed"
title = "The dataset vault is sealed"
hint = "Unseal it. https://wiki.example/vault"
pattern = 'vault \S+ is sealed'

"""
NAMED = OWN + "[[hint]]\nsignatures = ['vault_sealed']\nwhen = '''vault (?P<vault>.*) is sealed'''\n"
STEPS = "".join(f"step {n} loss {3 - n / 100:.3f}\n" for n in range(1, 30))
SEALED = "E: vault eu-1 is sealed\n"


def hint_of(own: str, log: str) -> str:
    diagnoser = Diagnoser(build_scanner(own))
    diagnoser.feed_page(log.encode())
    return diagnoser.report().failures[0].hint


def test_value_from_log_is_filled_in_and_url_of_signature_is_kept() -> None:
    hint = hint_of(NAMED + "text = 'Unseal {vault}.'", SEALED)

    assert hint == "Unseal eu-1. https://wiki.example/vault"


def test_first_hint_whose_conditions_hold_is_used() -> None:
    own = (
        NAMED + "unless = 'eu-1'\ntext = 'First.'\n" + NAMED.removeprefix(OWN) + "text = 'Second. https://a.example'\n"
    )

    assert hint_of(own, SEALED) == "Second. https://a.example"


@pytest.mark.parametrize(
    ("facts", "log", "is_used"),
    [
        ("training", SEALED, True),
        ("server", SEALED, False),
        ("server", 'INFO:     10.2.0.7:5001 - "POST /v1/completions HTTP/1.1" 200 OK\n' + SEALED, True),
        ("no_checkpoint", STEPS + SEALED, True),
        ("no_checkpoint", STEPS + "Saved checkpoint to /ckpt/step_20\n" + SEALED, False),
        ("checkpoint", STEPS + "Saved checkpoint to /ckpt/step_20\n" + SEALED, True),
        ("steps", STEPS + SEALED, True),
        ("no_steps", STEPS + SEALED, False),
        ("no_steps", SEALED, True),
    ],
)
def test_hint_depends_on_what_else_log_shows(facts: str, log: str, is_used: bool) -> None:
    own = NAMED + f"facts = ['{facts}']\ntext = 'Used.'"

    assert hint_of(own, log).startswith("Used.") is is_used


@pytest.mark.parametrize(
    ("compare", "is_used"),
    [("asked > free", True), ("free > asked", False), ("asked > 3 free", False), ("free > 0.3 asked", True)],
)
def test_amounts_of_memory_are_compared(compare: str, is_used: bool) -> None:
    own = (
        OWN + "[[hint]]\nsignatures = ['vault_sealed']\n"
        r"when = '''asked (?P<asked>\S+ GiB), free (?P<free>\S+ MiB)'''" + f"\ncompare = '{compare}'\ntext = 'Used.'"
    )

    assert hint_of(own, "vault x is sealed: asked 2.00 GiB, free 1,024.5 MiB\n").startswith("Used.") is is_used


def test_rank_step_and_checkpoint_are_known_without_a_pattern() -> None:
    own = OWN + "[[hint]]\nsignatures = ['vault_sealed']\ntext = '{rank}, {step}, {checkpoint}, {rank|no}.'"
    log = STEPS + "Saved checkpoint to /ckpt/step_20\n[rank3]: vault eu-1 is sealed\n"

    assert hint_of(own, log).startswith("3, 29, step 20, 3.")


def test_missing_value_has_words_instead_or_rules_hint_out() -> None:
    own = OWN + "[[hint]]\nsignatures = ['vault_sealed']\ntext = 'Check {rank|each rank}.'"

    assert hint_of(own, SEALED).startswith("Check each rank.")
    assert hint_of(own.replace("{rank|each rank}", "{rank}"), SEALED).startswith("Unseal it.")


@pytest.mark.parametrize(
    ("vault", "shown"),
    [
        ("<!channel>\x07\u202egpj", "<!channel>\ufffd\ufffdgpj"),
        ("/data/" + "deep/" * 20 + "eu.lock", "eu.lock"),
        ("x" * 65, "it"),
        ("'eu-1'", "eu-1"),
    ],
)
def test_foreign_value_is_one_printable_line_and_never_cut_in_half(vault: str, shown: str) -> None:
    own = NAMED.replace(r"\S+", ".*") + "text = 'Unseal {vault|it}.'"
    diagnoser = Diagnoser(build_scanner(own))
    diagnoser.feed(f"vault {vault} is sealed")

    assert diagnoser.report().failures[0].hint.startswith(f"Unseal {shown}.")


def test_secret_in_value_is_redacted() -> None:
    diagnoser = Diagnoser(build_scanner(NAMED + "text = 'Unseal {vault}.'"))
    diagnoser.feed("vault hf_" + "aB3" * 11 + "x is sealed")
    diagnosis, _ = redact_diagnosis(diagnoser.report(), Redactor())

    assert "aB3" not in diagnosis.failures[0].hint


def test_user_adds_hint_to_shipped_signature_and_to_exceptions() -> None:
    own = "[[hint]]\nsignatures = ['port_in_use', 'python_exception']\ntext = 'Ask ada.'"

    assert hint_of(own, "RuntimeError: address already in use\n").startswith("Ask ada.")
    assert hint_of(own, 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: no\n').startswith("Ask")


def test_replaced_signature_has_none_of_the_shipped_hints() -> None:
    own = OWN.replace("vault_sealed", "cuda_oom").replace(r"vault \S+ is sealed", "CUDA out of memory")

    assert hint_of(
        own, "CUDA out of memory. Tried to allocate 99.00 GiB. GPU 0 has a total capacity of 79.15 GiB\n"
    ) == ("Unseal it. https://wiki.example/vault")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text = 'x'", "line 8: Hint 1 needs signatures and a text."),
        ("signatures = ['vault_sealed']\ntext = 'x {y}'", "line 8: Hint 1: `{y}` is not a group of `when`."),
        ("signatures = ['vault_sealed']\ntext = 'x'\ncolour = 1", "line 8: Hint 1 has unknown fields: colour."),
        ("signatures = ['vault_sealed']\ntext = 'x'\nwhen = '('", "line 8: Invalid pattern at character 1"),
        (
            "signatures = ['vault_sealed']\ntext = 'x'\nfacts = ['rain']",
            "line 8: Hint 1: Invalid enum value 'rain' in `f",
        ),
        (
            "signatures = ['vault_sealed']\ntext = 'x'\ncompare = 'a > b'",
            "line 8: Hint 1: compare must name two groups",
        ),
        ("signatures = ['vault_seal']\ntext = 'x'", "Unknown signature vault_seal in a hint."),
    ],
)
def test_wrong_hint_is_rejected_with_line_and_error(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as problem:
        build_scanner(OWN + "[[hint]]\n" + text)

    assert message in problem.value.public


def test_hints_may_be_alone_in_file() -> None:
    assert check_signatures("[[hint]]\nsignatures = ['cuda_oom']\ntext = 'x'") == ()
