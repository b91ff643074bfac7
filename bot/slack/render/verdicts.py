"""The verdict on a run, in an answer and in an alert's thread."""

from bot.domain.run_verdicts import RunVerdict
from bot.slack.render.text import one_line


def verdict_rows(verdict: RunVerdict | None) -> list[str]:
    """What to do with the run and why, and what would make that certain."""
    if verdict is None:
        return []
    basis = " This is from the log alone." if verdict.is_from_log_only else ""
    missing = f" *To be sure:* {one_line(verdict.missing, 300)}." if verdict.missing else ""
    return [f"*{verdict.label}:* {one_line(verdict.reason, 300)}.{missing}{basis}"]
