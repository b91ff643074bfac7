"""Secrets out of answers, while others are served. What is hidden is decided in `bot.redaction.redactor`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.commands.answers import Answer
from bot.commands.subcommands.jobs import DiagnosisAnswer, MetricsAnswer, StatusAnswer
from bot.commands.subcommands.logs import LogsAnswer
from bot.commands.subcommands.rules import ReplayAnswer
from bot.domain.logs import LogLine
from bot.redaction.redactor import Redactor
from bot.redaction.values import redact_gaps, redact_series

_BRIEF_CHARS = 50_000
"""So much text is searched at once, which takes some milliseconds at worst; more, in a thread."""


async def redact_lines(redactor: Redactor, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
    """The lines with secrets hidden, and how many were; whoever wrote a long page keeps nobody waiting with it."""
    if sum(len(line.message) for line in lines) <= _BRIEF_CHARS:
        return redactor.redact_lines(lines)
    return await asyncio.to_thread(redactor.redact_lines, lines)


def redact_answer(answer: Answer, redactor: Redactor) -> Answer:
    """The answer with secrets hidden in what its gaps and figures quote; its lines and its job are safe already."""
    match answer:
        case MetricsAnswer() | StatusAnswer():
            series = redact_series((one.series for one in answer.summaries), redactor)
            pairs = zip(answer.summaries, series, strict=True)
            summaries = tuple(replace(one, series=safe) for one, safe in pairs)
            return replace(answer, summaries=summaries, gaps=redact_gaps(answer.gaps, redactor))
        case LogsAnswer() | DiagnosisAnswer() | ReplayAnswer():
            return replace(answer, gaps=redact_gaps(answer.gaps, redactor))
        case _:
            return answer
