"""Diagnose one file of a run: what failed in it, and what its ends state about its process. Pure."""

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.file_edges import HEAD, read_edges
from bot.diagnosis.merged_files import FileDiagnosis
from bot.diagnosis.page_scanner import PageScanner


class FileDiagnoser:
    """Reads the pages of one file, in constant memory."""

    def __init__(self, path: str, scanner: PageScanner) -> None:
        self._path = path
        self._diagnoser = Diagnoser(scanner, last_lines=True)
        self._head = b""

    def feed_page(self, page: bytes) -> None:
        """Read the next piece."""
        if len(self._head) < HEAD:
            self._head += page[: HEAD - len(self._head)]
        self._diagnoser.feed_page(page)

    def result(self) -> FileDiagnosis:
        """Return what the file shows. Its process is unknown until `merged_files.name_files` compares all names."""
        diagnosis = self._diagnoser.report()
        edges = read_edges(self._head, self._diagnoser.tail)
        return FileDiagnosis(self._path, diagnosis, edges, self._diagnoser.rank_evidence)
