"""Values of settings are repaired where that is harmless; other damage is described without the value."""

from __future__ import annotations

import pytest

from bot.domain.setting_values import describe_damage, repair_setting

KEY = "acme_api_key"
ZERO_WIDTH, BOM, NO_BREAK_SPACE = "\u200b", "\ufeff", "\xa0"


@pytest.mark.parametrize(
    "damaged",
    [
        "k3y\n", "k3y\r", "k3y\r\n", " k3y\t", f"k3y{NO_BREAK_SPACE}", f"{BOM}k3y", f"{ZERO_WIDTH}k3y{ZERO_WIDTH}",
        '"k3y"', "'k3y'", "`k3y`", "“k3y”", '"k3y"\r\n', "' k3y '", f"'{BOM}k3y\n'", "Bearer k3y", "bearer  k3y",
        "Api-Key k3y", "Authorization: Bearer k3y", '"Bearer k3y"', "ACME_API_KEY=k3y", 'ACME_API_KEY="k3y"\n',
    ],
)  # fmt: skip
def test_a_key_is_repaired(damaged: str) -> None:
    assert repair_setting(KEY, damaged) == "k3y"


@pytest.mark.parametrize("name", ["slack_bot_token", "slack_app_token", "slack_signing_secret"])
def test_slack_secrets_are_repaired_like_keys(name: str) -> None:
    assert repair_setting(name, '"Bearer k3y"\n') == "k3y"


@pytest.mark.parametrize("text", ["k3y", "bearer", "tokenk3y", 'k"3"y', "k3y=", "/a b/c.toml", "15s", "~/x.toml", '"'])
def test_an_intact_value_is_unchanged(text: str) -> None:
    assert repair_setting(KEY, text) == text
    assert repair_setting("trainwatch_rules", text) == text


def test_other_settings_keep_words_that_precede_keys() -> None:
    assert repair_setting("trainwatch_user", "Bearer of news") == "Bearer of news"


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        ("k3\ny", "line break"),
        (f"k3{ZERO_WIDTH}y", "invisible character"),
        (f"k3{NO_BREAK_SPACE}y", "invisible character"),
        ('"k3y', "quotation mark"),
        ("k3y\u2019", "quotation mark"),
        ("k3y # old", "a space"),
        ("k3\u2013y", "no key has"),
        ("k3y\udce9", "UTF-8"),
    ],
)
def test_other_damage_is_described_without_the_value(text: str, damage: str) -> None:
    described = describe_damage(KEY, repair_setting(KEY, text))
    assert described is not None
    assert damage in described
    assert "k3" not in described


@pytest.mark.parametrize("text", ["/data/my rules/änderung.toml", "ada@example.com", "https://example.com/ä"])
def test_other_settings_may_have_spaces_and_letters(text: str) -> None:
    assert describe_damage("trainwatch_rules", text) is None
