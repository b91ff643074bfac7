"""Redact secrets from answers. `bot.redaction.redactor` finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.commands.subcommands.jobs import DiagnosisAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.rules import ReplayAnswer
from bot.commands.subcommands.table import SharedAnswer
from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_series

_SHORT_CHARS = 50_000
"""Text up to this length is searched within some milliseconds; longer text is searched in a thread."""


async def redact_lines(redactor: Redactor, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
    """Return the lines without secrets and the number of secrets, without blocking the event loop for long."""
    if sum(len(line.message) for line in lines) <= _SHORT_CHARS:
        return redactor.redact_lines(lines)
    return await asyncio.to_thread(redactor.redact_lines, lines)


def redact_answer(answer: SharedAnswer, redactor: Redactor) -> SharedAnswer:
    """Return the answer without secrets in its gaps and metrics; handlers redact its lines and its job."""
    match answer:
        case MetricsAnswer() | StatusAnswer():
            redacted = redact_series((one.series for one in answer.summaries), redactor)
            pairs = zip(answer.summaries, redacted, strict=True)
            summaries = tuple(replace(summary, series=series) for summary, series in pairs)
            return replace(answer, summaries=summaries, gaps=redact_gaps(answer.gaps, redactor))
        case DiagnosisAnswer() | ReplayAnswer():
            return replace(answer, gaps=redact_gaps(answer.gaps, redactor))
        case _:
            return answer
