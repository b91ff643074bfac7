"""Every sample of a secret is hidden, and lines that resemble secrets stay as they are."""

from __future__ import annotations

import pytest

from bot.domain.logs import LogLine
from bot.redaction.file_redactor import FileRedactor
from bot.redaction.redactor import Redactor
from tests.unit.redaction.innocent_lines import innocent_lines
from tests.unit.redaction.logged_secrets import MORE_PLACES
from tests.unit.redaction.secret_samples import KINDS, OTHERS, Sample, samples

REDACTOR = Redactor()
SAMPLES = list(samples())
VISIBLE_CHARS = 8
INNOCENT = list(innocent_lines(5_000))


def visible(sample: Sample, shown: str) -> str | None:
    """Return a part of the secret that can be read, or None."""
    secret, width = sample.secret, min(VISIBLE_CHARS, len(sample.secret))
    parts = (secret[start : start + width] for start in range(len(secret) - width + 1))
    return next((part for part in parts if part in shown), None)


def as_lines(sample: Sample) -> str:
    lines = [LogLine(at, text) for at, text in enumerate(sample.lines)]
    return "\n".join(line.message for line in REDACTOR.redact_lines(lines)[0])


def as_file(sample: Sample) -> str:
    cleaner = FileRedactor(REDACTOR)
    return (cleaner.feed("\n".join(sample.lines).encode()) + cleaner.finish()).decode()


def test_there_are_enough_samples() -> None:
    assert len(SAMPLES) > 3_000
    assert len(KINDS) + len(OTHERS) + len(MORE_PLACES) > 300


@pytest.mark.parametrize("how", [as_lines, as_file, lambda sample: REDACTOR.redact("\n".join(sample.lines))[0]])
def test_every_sample_is_hidden(how: object) -> None:
    assert callable(how)
    leaked = [(one.kind, one.place, part) for one in SAMPLES if (part := visible(one, how(one)))]
    assert leaked == []


def test_samples_are_hidden_among_other_lines_of_a_page() -> None:
    chosen = SAMPLES[::40]
    messages = [text for sample in chosen for text in ("step 5 loss 0.1", *sample.lines, "step 6 loss 0.2")]
    shown, _ = REDACTOR.redact_lines([LogLine(at, text) for at, text in enumerate(messages)])
    text = "\n".join(line.message for line in shown)
    assert [] == [(one.kind, one.place) for one in chosen if visible(one, text)]
    assert text.count("step 5 loss 0.1\n") == len(chosen)


def test_innocent_lines_stay_as_they_are() -> None:
    altered = [line for line in INNOCENT if REDACTOR.redact(line)[1]]
    assert len(altered) <= len(INNOCENT) // 1000, altered
    lines = [LogLine(at, text) for at, text in enumerate(INNOCENT)]
    shown = REDACTOR.redact_lines(lines)[0]
    changed = [line.message for line, safe in zip(lines, shown, strict=True) if line != safe]
    assert len(changed) <= len(INNOCENT) // 1000, changed


def test_patterns_fit_into_the_memory_of_re2(capfd: pytest.CaptureFixture[str]) -> None:
    """Otherwise a search is a thousand times slower; RE2 prints a line to standard error."""
    Redactor().redact_lines([LogLine(at, text) for at, text in enumerate(INNOCENT)])
    assert "out of memory" not in capfd.readouterr().err
