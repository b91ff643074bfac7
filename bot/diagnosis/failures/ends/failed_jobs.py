"""Recognise that a job failed by the table of states with which a log ends, where no known failure explains it."""

from bot.diagnosis.failures.candidates import TITLE_CHARS
from bot.diagnosis.failures.ends.failed_end import MAX_ROWS, ROW_CHARS, LogEnd
from bot.diagnosis.failures.ends.job_tables import MAY_BE_TABLE, find_failed_jobs, read_table_rows
from bot.diagnosis.findings import Failure
from bot.diagnosis.precedence import Precedence
from bot.diagnosis.reading.fingerprints import failure_fingerprint
from bot.diagnosis.reading.plain_message import cut_around
from bot.domain.alerts import Severity

FAILED_JOB = "failed_job"
"""The name of such failures."""
MAX_LINES_AFTER = 6
"""Maximum number of lines after the last table."""
CONTEXT_ROWS = 4
_HINT = (
    "Read the job's own log (its output file, kubectl logs --previous): the table only states how it ended."
    " https://slurm.schedmd.com/job_state_codes.html"
)
_HINTS = {
    "host_memory": "Ask for more memory, or load less at once: the job exceeded its memory limit."
    " Its own log says at which step. https://slurm.schedmd.com/sbatch.html#OPT_mem",
    "scheduler": "Start it again from the last checkpoint, with a longer time limit or without the node that failed."
    " Its own log has how far it came. https://slurm.schedmd.com/job_state_codes.html",
}


def find_failed_job(end: LogEnd) -> Failure | None:
    """Report the first job that failed in the tables at the end of a log."""
    if MAY_BE_TABLE.search(end.text) is None:
        return None
    rows = end.rows(MAX_ROWS)
    states = read_table_rows(rows)
    failed = find_failed_jobs(states)
    if not failed:
        return None
    lines = {state.row.number for state in states}
    after = [row for row in rows if row.number > max(lines)]
    if len(after) > MAX_LINES_AFTER or any(row.goes_on for row in after):
        return None
    first = next((state for state in failed if "child '" not in state.row.raw), failed[0])
    root, category = first.row, first.category or "code"
    shown = [row for row in rows if abs(row.number - root.number) <= CONTEXT_ROWS]
    text = " ".join(root.raw.split())
    return Failure(
        severity=Severity.PAGE, category=category, signature=FAILED_JOB,
        title=f"A job failed: {cut_around(text, 0, TITLE_CHARS)}", hint=_HINTS.get(category, _HINT),
        line=root.number, count=len(failed),
        excerpt=tuple(cut_around(row.raw.rstrip(), 0, ROW_CHARS) for row in shown), root_index=shown.index(root),
        signs=("trace", "exit"), fingerprint=failure_fingerprint(FAILED_JOB, "", text),
        why="A table of states shows it, and no later attempt.", precedence=Precedence.ABORT,
    )  # fmt: skip
