"""`trainwatch scan --report`: write an anonymized copy of a log, with a label, to attach to a bug report.

The copy has the first and last lines and those around the failures. Its diagnosis is compared with that of the log: if
it differs, more lines are kept, up to `_MAX_BYTES`. Memory is bounded whatever the log's size.
"""

import json
import os
import pwd
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bot.anonymization.anonymizer import Anonymizer
from bot.anonymization.copy_format import (
    LineRange,
    describe_counts,
    expand_cuts,
    read_ranges,
    render_cut,
    render_header,
    select_lines,
)
from bot.anonymization.vocabulary import Vocabulary
from bot.commands.handlers.log_text import TruncatedFile, read_text_pages
from bot.commands.subcommands.shell import ScanCommand
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.findings import Diagnosis
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.logs import LogLine
from bot.domain.wording import plural, size_text
from bot.errors import ConfigError
from bot.redaction.line_redactor import LineRedactor
from bot.redaction.redactor import Redactor
from bot.terminal.downloads import open_target, refuse_existing
from bot.terminal.exit_codes import ExitCode
from bot.terminal.output import Output

_CONTEXTS = (100, 1000, 10_000, 100_000)
"""Lines kept around each failure, in the first and in each further attempt."""
_MAX_BYTES = 8 << 20
_DEFAULT_NAME = "trainwatch-report.log"
"""The name of the log itself may identify somebody."""
_REDACTED_LINES = 2000
"""Lines in which secrets are searched together."""
_LABEL_COLUMNS = "file\tlabel\texpect\tcategories\troot_lines\trank\tmust\tmust_not\tframework\tsource\tnote\n"


@dataclass(frozen=True, slots=True)
class AnonymizedCopy:
    """A copy, ready to be written."""

    data: bytes
    kept: int
    """Number of lines."""
    counts: Mapping[str, int]
    """Number of different values replaced, by kind."""
    has_same_diagnosis: bool


def write_copy(command: ScanCommand, scanner: PageScanner, output: Output, redactor: Redactor) -> int:
    """Write the copy and its label, print what was replaced and what to do next, and return the exit code.

    Raises:
        ConfigError: the log cannot be read or is not a text log, or the copy exists.
    """
    (source,) = command.paths
    target = Path(command.output or _DEFAULT_NAME)
    label = target.with_name(f"{target.name.removesuffix('.log')}.labels.tsv")
    for path in (target, label):
        refuse_existing(path, force=command.force)
        if path.exists() and Path(source).exists() and path.samefile(source):
            raise ConfigError(f"{path} is the log itself. Use another name for `--output`.")
    diagnosis = _diagnose(_read_pages(source, output), scanner, output)
    copy = _make_copy(source, diagnosis, command, scanner, output, redactor)
    output.clear_progress()
    if copy is None:
        raise ConfigError(
            f"The lines around the failures are larger than {size_text(_MAX_BYTES)}: no copy was written."
        )
    for path, data in ((target, copy.data), (label, render_label(target.name, diagnosis).encode())):
        with open_target(str(path), force=command.force) as file:
            file.write(data)
    if command.json:
        output.write(json.dumps(_to_json(target, label, diagnosis, copy)) + "\n")
    else:
        output.write(_summary(target, label, diagnosis, copy))
    return ExitCode.OK


def render_label(name: str, diagnosis: Diagnosis) -> str:
    """Return the table of labels of one log, in the format of docs/labelled-logs.md, as it is diagnosed now."""
    worst = next(iter(diagnosis.failures), None)
    note = f"as trainwatch {version('trainwatch')} diagnoses it: correct what is wrong"
    if worst is None:
        cells = [name, "healthy", "none", "", "", ""]
    else:
        rank = "" if worst.root_rank is None else str(worst.root_rank)
        cells = [name, "fail", worst.severity.value, worst.category, str(worst.line), rank]
    return f"{_LABEL_COLUMNS}{chr(9).join([*cells, '', '', '', '', note])}\n"


def _make_copy(
    source: str, diagnosis: Diagnosis, command: ScanCommand, scanner: PageScanner, output: Output, redactor: Redactor
) -> AnonymizedCopy | None:
    """Return the shortest copy with the same diagnosis, or else the longest one that is small enough."""
    best: AnonymizedCopy | None = None
    for context in _CONTEXTS:
        ranges = select_lines((failure.line for failure in diagnosis.failures), diagnosis.lines, context)
        kept = read_ranges(_read_pages(source, output), ranges, _MAX_BYTES)
        if kept is None:
            return best
        anonymizer = Anonymizer(Vocabulary(scanner.texts), command.hide, _local_users())
        secrets = _redact(kept, redactor)
        kept = _anonymize(kept, anonymizer)
        counts = {**anonymizer.counts, **({"secret": secrets} if secrets else {})}
        data = _render(kept, ranges, diagnosis.lines, counts)
        is_same = _key(_diagnose(expand_cuts([data]), scanner, output)) == _key(diagnosis)
        best = AnonymizedCopy(data, sum(map(len, kept)), counts, is_same)
        if is_same or ranges == [LineRange(1, diagnosis.lines)]:
            return best
    return best


def _diagnose(pages: Iterator[bytes], scanner: PageScanner, output: Output) -> Diagnosis:
    diagnoser, read = Diagnoser(scanner), 0
    for page in pages:
        diagnoser.feed_page(page)
        read += len(page)
        output.progress(f"{size_text(read)} read")
    return diagnoser.report()


def _read_pages(source: str, output: Output) -> Iterator[bytes]:
    try:
        with Path(source).open("rb") as file:
            yield from read_text_pages(file, source)
    except TruncatedFile as problem:
        output.note(f"{source}: The compressed file is truncated or damaged ({problem}). Its readable part is used.")
    except OSError as problem:
        raise ConfigError(f"Cannot read {source}: {problem.strerror or problem}.") from None


def _redact(kept: Sequence[list[str]], redactor: Redactor) -> int:
    """Hide secrets in the lines, in place, and return their number."""
    hidden = 0
    for lines in kept:
        cleaner = LineRedactor(redactor)
        for start in range(0, len(lines), _REDACTED_LINES):
            part = [LogLine(0, text) for text in lines[start : start + _REDACTED_LINES]]
            shown, count = cleaner.redact_lines(part)
            hidden += count
            lines[start : start + _REDACTED_LINES] = [line.message for line in shown]
    return hidden


def _anonymize(kept: Sequence[Sequence[str]], anonymizer: Anonymizer) -> list[list[str]]:
    for lines in kept:
        for line in lines:
            anonymizer.learn(line)
    return [[anonymizer.anonymize(line) for line in lines] for lines in kept]


def _render(kept: Sequence[Sequence[str]], ranges: Sequence[LineRange], total: int, counts: Mapping[str, int]) -> bytes:
    parts = [render_header(version("trainwatch"), sum(map(len, kept)), total, counts)]
    line = 1
    for one, lines in zip(ranges, kept, strict=True):
        if one.first > line:
            parts.append(render_cut(one.first - line, one.first))
        parts += [f"{text}\n" for text in lines]
        line = one.last + 1
    return "".join(parts).encode("utf-8", "surrogateescape")


def _key(diagnosis: Diagnosis) -> list[object]:
    """What must be equal in the copy. Names of pods in place of ranks are replaced, so only their number counts."""
    return [
        (one.severity, one.signature, one.line, [rank if isinstance(rank, int) else "" for rank in one.ranks])
        for one in diagnosis.failures
    ]


def _local_users() -> Iterator[str]:
    """Yield the login and full name of the person who runs the command."""
    with suppress(KeyError):  # a container may run without an entry for its user
        entry = pwd.getpwuid(os.getuid())
        yield entry.pw_name
        yield from entry.pw_gecos.partition(",")[0].split()


def _summary(target: Path, label: Path, diagnosis: Diagnosis, copy: AnonymizedCopy) -> str:
    size = size_text(len(copy.data))
    same = (
        "the same as that of the log" if copy.has_same_diagnosis else "not that of the log: cuts or names matter here"
    )
    return (
        f"Wrote {target}: {copy.kept:,} of {plural(diagnosis.lines, 'line')}, {size}.\n"
        f"Replaced: {describe_counts(copy.counts)}.\n"
        f"Diagnosis of the copy: {same}.\n"
        f"Wrote {label}: its label as diagnosed.\n\n"
        f"Next:\n"
        f"  1. Read {target.name}. Names that no pattern recognizes remain: add --hide NAME --force.\n"
        f"  2. Correct {label.name}: the line, category and rank that a right diagnosis would name.\n"
        f"  3. Attach both files to your bug report.\n"
    )


def _to_json(target: Path, label: Path, diagnosis: Diagnosis, copy: AnonymizedCopy) -> dict[str, object]:
    return {
        "copy": str(target),
        "label": str(label),
        "lines": diagnosis.lines,
        "kept": copy.kept,
        "replaced": dict(copy.counts),
        "same_diagnosis": copy.has_same_diagnosis,
    }
