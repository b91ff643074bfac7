"""One excerpt of a log, and the words of its hint."""

from typing import NamedTuple

STEPS = "".join(f"step {n} loss {3 - n / 100:.3f} lr 1e-4\n" for n in range(1, 40))
SAVED = STEPS + "Saved checkpoint to /ckpt/run/step_30\n"
SERVED = 'INFO:     10.2.0.7:5001 - "POST /v1/completions HTTP/1.1" 200 OK\n'


class HintCase(NamedTuple):
    """A log and the words of the hint of its worst failure."""

    kind: str
    log: str
    must: str
    """Words that the hint must all contain, joined by `|`, in any case of letters."""
    must_not: str = ""
    """Words that it must not contain, joined by `|`."""


def raised(error: str, code: str = "run()", path: str = "/work/fit.py") -> str:
    """Return a traceback whose only frame is the user's."""
    return f'Traceback (most recent call last):\n  File "{path}", line 41, in main\n    {code}\n{error}\n'


def in_library(error: str, path: str, code: str = "return go(x)") -> str:
    """Return a traceback of a user's script whose innermost frame is in an installed package."""
    return (
        'Traceback (most recent call last):\n  File "/work/fit.py", line 9, in main\n    run()\n'
        f'  File "/opt/env/lib/python3.12/site-packages/{path}", line 71, in run\n    {code}\n{error}\n'
    )
