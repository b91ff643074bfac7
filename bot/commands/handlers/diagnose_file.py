"""Diagnose a log that a person hands over, as `trainwatch scan` does, while other work goes on."""

import asyncio
from collections.abc import Sequence
from io import BufferedReader

from bot.commands.answers import LogDiagnosis
from bot.commands.handlers.log_text import TruncatedFile, read_text_pages
from bot.diagnosis.file_diagnoser import FileDiagnoser
from bot.diagnosis.merged_files import FileDiagnosis, merge_files, name_files, name_single
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.wording import size_text
from bot.errors import BudgetExhausted
from bot.providers.budget import check_budget, count_lines
from bot.redaction.redactor import Redactor
from bot.rules.diagnosis_wording import redact_diagnosis

MAX_TEXT = 1_000_000_000
"""Bytes of a log, decompressed, that are read; the rest is left out and noted."""


async def diagnose_file(
    log: BufferedReader, name: str, scanner: PageScanner, *, max_text: int = MAX_TEXT
) -> tuple[FileDiagnosis, tuple[str, ...]]:
    """Diagnose one log in a thread, page by page, in constant memory; also return notes on what was not read.

    Raises:
        BinaryFile: it is not text.
    """
    reader, read, notes = FileDiagnoser(name, scanner), 0, list[str]()
    pages = read_text_pages(log, name)
    try:
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            await asyncio.to_thread(reader.feed_page, page)
            read += len(page)
            count_lines(page.count(b"\n"), None)
            check_budget()
            if read >= max_text:
                notes.append(
                    f"Only the first {size_text(read)} of {name} were read. Use `trainwatch scan` for all of it."
                )
                break
    except TruncatedFile as problem:
        notes.append(f"{name} is truncated or damaged ({problem}). The report covers the readable part.")
    except BudgetExhausted as problem:
        notes.append(f"{problem.public} The report covers the first {size_text(read)} of {name}.")
    return await asyncio.to_thread(reader.result), tuple(notes)


def combine(parts: Sequence[FileDiagnosis], redactor: Redactor, notes: Sequence[str], *, is_text: bool) -> LogDiagnosis:
    """Return one diagnosis of the logs of one run, without secrets. `is_text`: the only log is text without a name."""
    whole = merge_files(name_files(parts)) if len(parts) > 1 else name_single(parts[0]).diagnosis
    diagnosis, hidden = redact_diagnosis(whole, redactor)
    names = () if is_text else tuple(redactor.redact(part.path)[0] for part in parts)
    return LogDiagnosis(names, diagnosis, hidden, tuple(redactor.redact(note)[0] for note in notes))
