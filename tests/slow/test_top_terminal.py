"""`trainwatch top` in a real terminal: it starts, says what it cannot see, and gives the terminal back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from bot import __main__ as program

pytestmark = pytest.mark.slow
ROOT = Path(program.__file__).parents[1]


@pytest.mark.parametrize(("key", "code"), [(b"q", 0), (b"\x03", 130)])
@pytest.mark.parametrize("size", [(24, 80), (20, 40)])
def test_it_starts_names_what_it_cannot_see_and_ends(
    key: bytes, code: int, size: tuple[int, int], tmp_path: Path
) -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    before = termios.tcgetattr(follower)
    environment = {
        "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT),
        "BASETEN_API_KEY": "some-key-of-a-test", "BASETEN_BASE_URL": "http://127.0.0.1:9",
        "BASETEN_RETRY_BUDGET_S": "0",
    }  # fmt: skip
    command = [sys.executable, "-m", "bot", "top"]
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=tmp_path, env=environment, start_new_session=True
    )
    shown = b""
    while b"Tries again" not in shown and b"reached" not in shown:
        shown += os.read(leader, 65536)
    os.write(leader, key)
    with contextlib.suppress(OSError):  # Linux reports the end so
        while b"\x1b[?1049l" not in shown:
            shown += os.read(leader, 65536)
    assert process.wait() == code
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
    assert b"\x1b[?1049l" in shown
    assert b"Traceback" not in shown
    assert b"some-key-of-a-test" not in shown
