"""docs/configuration.md and .env.example name existing settings only; `test_tables` checks the table of settings."""

from __future__ import annotations

import re
from pathlib import Path

from bot.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
PROVIDERS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "bot" / "providers").rglob("*.py"))]


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
