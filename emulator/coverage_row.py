"""One row of the coverage table: what an emulated system does, and how we know that the real one does it too.

The rows are beside the code, in ``*_coverage.py``; ``coverage.py`` collects them into ``COVERAGE.md``.
"""

from dataclasses import dataclass
from typing import Literal

Basis = Literal["documented", "observed", "invented"]
"""documented: the vendor documents it. observed: seen in its own clients, or reported by users. invented: our guess."""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One behaviour of one endpoint."""

    endpoint: str
    """``GET /v1/models``: method and route as registered; or a few words when it is about all of them."""
    behaviour: str
    basis: Basis
    source: str
    """Document or URL with the date it was read, or why we guess so."""
    tested_by: str
    """``test_faults.py::test_name``, under ``tests/emulator``."""
