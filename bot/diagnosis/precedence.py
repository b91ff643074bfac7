"""Which of several failures explains the others."""

import enum


class Precedence(enum.IntEnum):
    """Which candidate explains the others: the lowest value wins."""

    ROOT = 0
    WEAK = 1
    STOP = 2
    """Explains what fails after it, however likely that is a cause; see `root_cause`."""
    CASCADE = 3
    ABORT = 4
    TEARDOWN = 5
    BARE_EXCEPTION = 6
    TRACE = 7

    @property
    def is_consequence(self) -> bool:
        """Does it usually follow from another failure, perhaps of another process?"""
        return self in (Precedence.CASCADE, Precedence.ABORT, Precedence.TEARDOWN, Precedence.TRACE)
