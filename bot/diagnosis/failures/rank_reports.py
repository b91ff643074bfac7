"""Read which process a launcher reports as the one that failed or is lost.

Sources: Open MPI `orterun`, MPICH and Intel MPI `hydra`, Horovod `runner/gloo_run.py`, `gcloud compute tpus`, and what
supervisors of many programs write: `worker 4 exited with code 137`.
"""

import re

RANK_REPORT = (
    r"Process name: \[\[\d|RANK \d+ PID \d+ RUNNING AT|caused collective abort of all ranks"
    r"|Command execution on worker \d+ failed|Process \d+ exit with status code [1-9]|process with RANK_ID \d"
    r"|reported by process \[\d+,\d|traggler:? (?:is )?(?:rank|worker) \d|waiting (?:for|on) (?:rank|worker) \d"
    r"|(?:rank|worker) \d+ (?:is )?not responding"
)
"""Part of the page filter: what only a launcher writes, on lines that need not be of a known failure."""
_OF_LAUNCHER = re.compile(
    r"\bProcess name: \[\[\d+,\d+\],(\d+)\]|\bRANK (\d+) PID \d+ RUNNING AT"
    r"|^rank (\d+) in job \d+ .{0,80}caused collective abort|\bCommand execution on worker (\d+) failed"
    r"|^Process (\d+) exit with status code [1-9]|\bprocess with RANK_ID (\d+) exited"
    r"|\breported by process \[\d+,(\d+)\]"
    r"|\bapplication called MPI_Abort\(.{0,60}\) - process (\d+)"
)
_ROLE = (
    r"(?:(?:[Gg]lobal |[Ww]orld )?[Rr]ank[ _:=#]{0,2}(\d{1,6})"
    r"|(?:[Ww]orker|[Pp]rocess|[Tt]ask|[Rr]eplica|[Tt]rainer|[Ll]earner|[Mm]ember)[ _#]{1,2}(\d{1,3}))"
)
_ENDED = re.compile(
    rf"\b{_ROLE}(?![\d/.]|\]? (?:of|out of) )\b.{{0,40}}?\b(?:exited|exit code|died|crashed|has failed|failed$"
    r"|failed (?:with|after|at|on|during|:)|was killed|killed by|(?:terminated|ended) (?:with|by|unexpectedly)"
    r"|received signal|got signal|returned (?:code )?[1-9]|raised|is (?:dead|down|lost))"
)
_BY_LAUNCHER = re.compile(
    r"(?i)\bSIGTERM\b|\bsignal 15\b|\b(?:code|status)[ :=]{1,2}(?:0|143|-15)\b|\bexit(?:ed)? (?:0|cleanly)\b"
)
"""Of a process that ended well, or that the launcher ended after another one failed."""


def find_launcher_rank(text: str) -> int | None:
    """Return the process that a launcher's own form names as the one that ended first; None if it is not one."""
    return _number(_OF_LAUNCHER.search(text))


def find_ended_rank(text: str) -> int | None:
    """Return the rank that a line reports as failed; None for one that the launcher ended, or without a number."""
    return None if _BY_LAUNCHER.search(text) else _number(_ENDED.search(text))


def _number(found: re.Match[str] | None) -> int | None:
    return next((int(group) for group in found.groups() if group), None) if found else None
