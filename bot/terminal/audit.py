"""`trainwatch audit`: print the audit trail of the whole installation, from its database."""

from bot.commands.handlers.audit import answer_audit
from bot.commands.subcommands.audit import AuditAnswer, AuditCommand
from bot.domain.audit import AuditResult
from bot.domain.wording import plural
from bot.errors import StoreUnavailable
from bot.store.store import open_store
from bot.terminal.json_output import JsonObject, json_text, time_json
from bot.terminal.render.screen import BOLD_RED, DIM, YELLOW, Screen, join_lines, plain_line
from bot.terminal.render.tables import Cell, Column, table_lines

_NEVER_RAN = "The bot has never run with this database. Check that DATABASE_URL is that of the bot."
_COLUMNS = (
    Column("time (UTC)"),
    Column("user"),
    Column("channel", drop=2),
    Column("what", min_width=20),
    Column("result"),
    Column("why", drop=1, min_width=20),
)
_STYLES = {AuditResult.REFUSED: BOLD_RED, AuditResult.FAILED: YELLOW, AuditResult.STARTED: DIM}


async def audit_text(command: AuditCommand, database_url: str, screen: Screen) -> str:
    """Read a page and render it for people or as JSON.

    Raises:
        StoreUnavailable: the database cannot be read.
    """
    store = await open_store(database_url)
    try:
        if not await store.has_run():
            raise StoreUnavailable(_NEVER_RAN)
        answer = await answer_audit(command, store.audit)
    finally:
        await store.aclose()
    return json_text(audit_json(answer)) if command.json else render_audit_table(answer, screen)


def render_audit_table(answer: AuditAnswer, screen: Screen) -> str:
    """Lay out the entries, newest first, with how to see older ones."""
    rows = [
        [
            Cell(f"{entry.at:%Y-%m-%d %H:%M:%S}", DIM),
            Cell(plain_line(entry.user) or "-"),
            Cell(plain_line(entry.channel) or "-"),
            Cell(plain_line(entry.text) or "-"),
            Cell(entry.result.value, _STYLES.get(entry.result, "")),
            Cell(plain_line(entry.detail)),
        ]
        for entry in answer.entries
    ]
    lines = table_lines(_COLUMNS, rows, screen) if rows else ["No audit records."]
    if answer.older is not None:
        shown = f"Showing {len(answer.entries):,} of {plural(answer.total, 'audit record')}."
        lines += screen.wrap(f"{shown} Older ones: --before {answer.older.before}", style=DIM)
    return join_lines(lines)


def audit_json(answer: AuditAnswer) -> JsonObject:
    """The entries of a page, and the number of all."""
    return {
        "entries": [
            {
                "id": entry.id,
                "at": time_json(entry.at),
                "kind": entry.kind.value,
                "user": entry.user,
                "channel": entry.channel,
                "team": entry.team,
                "text": entry.text,
                "job": entry.job or None,
                "result": entry.result.value,
                "detail": entry.detail or None,
            }
            for entry in answer.entries
        ],
        "total": answer.total,
        "before": None if answer.older is None else answer.older.before,
    }
