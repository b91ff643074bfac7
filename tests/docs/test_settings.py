"""docs/configuration.md lists every setting with the default and description from the code."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.domain.durations import format_duration
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
PROVIDERS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "bot" / "providers").rglob("*.py"))]


def shown(default: object) -> str:
    match default:
        case None:
            return ""
        case SecretStr():
            return f" `{default.get_secret_value()}`"
        case timedelta():
            return f" `{format_duration(default).replace(' ', '')}`"
        case _:
            return f" `{default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_setting_is_documented_with_default_and_description(name: str) -> None:
    field = Settings.model_fields[name]
    assert f"| `{name.upper()}` |{shown(field.default)} | {field.description} |" in DOCUMENT.splitlines()


def test_only_existing_settings_are_documented() -> None:
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT, re.MULTILINE))
    own = {name.upper() for name in Settings.model_fields}
    limits = {name for name in documented if name.startswith("NAME_")}
    assert documented - own - limits == _provider_variables()
    read = {name for source in PROVIDERS for name in re.findall(r'number\("(\w+)"', source)}
    assert limits == {f"NAME_{name.upper()}" for name in read}


def test_example_file_has_only_existing_settings() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))
    assert names <= {name.upper() for name in Settings.model_fields} | _provider_variables()


def _provider_variables() -> set[str]:
    """Variables that the shipped providers read, except limits."""
    packages = {path.name for path in (ROOT / "bot" / "providers").iterdir() if path.is_dir()} - {"__pycache__"}
    named = re.compile(rf'"((?:{"|".join(packages)})_(?:api_key|base_url|account_id))"')
    return {name.upper() for source in PROVIDERS for name in named.findall(source)}
