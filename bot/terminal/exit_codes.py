"""Exit codes of the command line. Scripts depend on them: docs/cli.md."""

import enum


class ExitCode(enum.IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    """A platform or the database failed, or `check` found a problem."""
    USAGE = 2
    """The command line, a setting or a file is invalid."""
    PROBLEM_FOUND = 3
    """`scan --exit-code` found a problem that needs action."""
    INTERRUPTED = 130
    """Ctrl-C, as shells report SIGINT."""
