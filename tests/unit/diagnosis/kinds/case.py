"""One short log of a kind of failure, with its right answer."""

from typing import NamedTuple

STEPS = "".join(f"step {n} loss {3 - n / 100:.3f} lr 1e-4\n" for n in range(1, 40))


class Case(NamedTuple):
    """A log and what its diagnosis must be."""

    kind: str
    """What the log shows, as the id of the test."""
    log: str
    severity: str
    """The severity of the worst failure: `page`, `warn` or `info`; `quiet` for a warning at most, `none` for a note."""
    category: str = ""
    """Categories accepted of the worst failure, joined by `|`; empty accepts all."""
    marked: str = ""
    """A part of the line that must be marked."""
    ranks: tuple[int | str, ...] = ()
    """The ranks that must be named, the first one first."""
    hint: str = ""
    """A word of the hint."""


def library(error: str, *frames: str) -> str:
    """Return a traceback of a user's script whose innermost frames are in installed packages."""
    rows = "".join(
        f'  File "/opt/env/lib/python3.12/site-packages/{one}", line 71, in run\n    return go(x)\n' for one in frames
    )
    return f'Traceback (most recent call last):\n  File "/work/fit.py", line 9, in main\n    run()\n{rows}{error}\n'
