"""The installation's own files: a mistake in one names the variable, the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.user_config import load_diagnosis_config
from bot.errors import ConfigError


def test_both_files_are_loaded(tmp_path: Path) -> None:
    rules, signatures = tmp_path / "rules.toml", tmp_path / "signatures.toml"
    rules.write_text('hang = "off"')
    signatures.write_text("[[signature]]\nname = 'a'\ntitle = 'A'\npattern = 'boom'\n")

    assert ("hang",) == load_diagnosis_config(signatures, rules).defaults.off


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'\nlog_error = "off"', "line 2: There is no rule"),
        (b"\xff", "is not UTF-8 text"),
        (None, "No such file or directory."),
    ],
)
def test_invalid_file_is_named_with_the_reason(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_diagnosis_config(None, path)

    assert caught.value.public.startswith("TRAINWATCH_RULES: ")
    assert str(path) in caught.value.public
    assert expected in caught.value.public
