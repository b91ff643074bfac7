"""Secrets out of an answer's lines, while others are served. What is hidden is decided in `bot.domain.redaction`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.domain.logs import LogLine
from bot.domain.redaction import Redactor

_BRIEF_CHARS = 50_000
"""So much text is searched at once, which takes some milliseconds at worst; more, in a thread."""


async def without_secrets(redactor: Redactor, lines: Sequence[LogLine]) -> tuple[Sequence[LogLine], int]:
    """The lines with secrets hidden, and how many were; whoever wrote a long page keeps nobody waiting with it."""
    if sum(len(line.message) for line in lines) <= _BRIEF_CHARS:
        return redactor.redact_lines(lines)
    return await asyncio.to_thread(redactor.redact_lines, lines)
