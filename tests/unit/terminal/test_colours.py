"""Colours and characters that the terminal can show: `--color`, NO_COLOR and locales without UTF-8."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bot import __main__ as program
from bot.errors import UsageError
from bot.terminal.charset import legacy_encoding
from bot.terminal.colour_option import take_colour_option
from bot.terminal.output import Output

LOG = "RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB\n"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["jobs"], (["jobs"], None)),
        (["jobs", "--color=never"], (["jobs"], "never")),
        (["--color", "always", "scan", "-"], (["scan", "-"], "always")),
        (["scan", "-", "--colour", "auto"], (["scan", "-"], "auto")),
    ],
)
def test_the_option_may_be_anywhere(argv: list[str], expected: tuple[list[str], str | None]) -> None:
    assert take_colour_option(argv) == expected


@pytest.mark.parametrize("argv", [["jobs", "--color"], ["--color=red", "jobs"], ["--color=", "jobs"]])
def test_another_value_is_an_error(argv: list[str]) -> None:
    with pytest.raises(UsageError, match="Use always, auto or never"):
        take_colour_option(argv)


@pytest.mark.parametrize(("when", "is_coloured"), [("always", True), ("never", False), ("auto", False)])
def test_the_option_beats_the_environment(
    when: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    log = tmp_path / "train.log"
    log.write_text(LOG, encoding="utf-8")
    assert program.run(["scan", str(log), f"--color={when}"]) == 0
    assert ("\x1b[" in capsys.readouterr().out) is is_coloured


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, None),
        ({"lang": "C.UTF-8"}, None),
        ({"lang": "de_DE.utf8@euro"}, None),
        ({"lang": "en_US"}, None),
        ({"lang": "en_US.UTF-8", "lc_all": "C"}, "ascii"),
        ({"lang": "en_US.UTF-8", "lc_ctype": "POSIX"}, "ascii"),
        ({"lc_all": "", "lang": "de_DE.ISO-8859-1"}, "ISO-8859-1"),
        ({"lang": "xx_XX.NO-SUCH"}, "ascii"),
    ],
)
def test_a_locale_names_its_encoding(variables: dict[str, str], expected: str | None) -> None:
    assert legacy_encoding(variables) == expected


def test_a_terminal_without_utf8_gets_ascii() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err, ascii_only=True)
    output.write("▁▃█ ⣀⠉⣿ 80 ┤ → …\n")
    output.note("── run 1: running")
    assert out.getvalue() == "_-@ .': 80 + > ~\n"
    assert err.getvalue() == "-- run 1: running\n"


def test_a_real_terminal_with_another_locale_gets_no_byte_that_it_cannot_show(tmp_path: Path) -> None:
    log = tmp_path / "tr€in.log"
    log.write_text("step 1 学習 ━━━━ 100%\n" + LOG, encoding="utf-8")
    leader, follower = pty.openpty()
    environment = {**os.environ, "LC_ALL": "C", "COLUMNS": "60", "TERM": "xterm"}
    command = [sys.executable, "-m", "bot", "scan", log.name]
    root = str(Path(program.__file__).parents[1])
    environment["PYTHONPATH"] = root
    done = subprocess.Popen(command, stdout=follower, stderr=follower, cwd=tmp_path, env=environment)
    os.close(follower)
    shown = b""
    try:
        while part := os.read(leader, 65536):
            shown += part
    except OSError:  # Linux reports the end so
        pass
    os.close(leader)
    assert done.wait() == 0
    assert b"CUDA out of memory" in shown
    assert shown.isascii()
