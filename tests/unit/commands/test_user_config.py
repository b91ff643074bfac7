"""The installation's own files: a mistake in one names the variable, the file and the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.commands.user_config import load_diagnosis_config
from bot.errors import ConfigError


def test_both_files_are_known(tmp_path: Path) -> None:
    rules, signatures = tmp_path / "rules.toml", tmp_path / "signatures.toml"
    rules.write_text('hang = "off"')
    signatures.write_text("[[signature]]\nname = 'a'\ntitle = 'A'\npattern = 'boom'\n")

    assert ("hang",) == load_diagnosis_config(signatures, rules).defaults.off


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'\nlog_error = "off"', "line 2: There is no rule"),
        (b"\xff", "is not UTF-8 text"),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "rules.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        load_diagnosis_config(None, path)

    assert caught.value.public.startswith(f"TRAINWATCH_RULES: {path}")
    assert said in caught.value.public
