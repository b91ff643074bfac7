"""`audit`: read a page of the audit trail."""

from bot.commands.subcommands.audit import AuditAnswer, AuditCommand
from bot.store.audit import AuditQuery, AuditTrail


async def answer_audit(command: AuditCommand, trail: AuditTrail) -> AuditAnswer:
    """The newest entries that match. Their text was redacted when it was stored."""
    page = await trail.page(
        AuditQuery(command.user, command.job, command.channel, command.since, command.before, command.limit)
    )
    return AuditAnswer(page.entries, page.total, command)
