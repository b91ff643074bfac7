"""Secrets that are announced by a name, an option or prose are hidden on every path, and placeholders stay."""

from __future__ import annotations

import re

import pytest

from bot.domain.logs import LogLine
from bot.redaction.file_redactor import FileRedactor
from bot.redaction.redactor import Redactor
from tests.unit.redaction.announced_secrets import ANNOUNCED_SECRETS, PLACEHOLDER_PAGES, PLACEHOLDERS

REDACTOR = Redactor()


@pytest.mark.parametrize("place", ANNOUNCED_SECRETS)
def test_announced_secret_is_hidden(place: str) -> None:
    marked = "\n".join(ANNOUNCED_SECRETS[place])
    lines = re.sub("[«»]", "", marked).split("\n")
    cleaner = FileRedactor(REDACTOR)
    shown = [
        "\n".join(
            line.message for line in REDACTOR.redact_lines([LogLine(at, text) for at, text in enumerate(lines)])[0]
        ),
        REDACTOR.redact("\n".join(lines))[0],
        (cleaner.feed("\n".join(lines).encode()) + cleaner.finish()).decode(),
    ]
    secrets = [secret for part in re.findall("«([^»]*)»", marked) for secret in part.split("\n")]
    assert secrets
    assert [] == [secret for secret in secrets for text in shown if secret in text]


@pytest.mark.parametrize("line", PLACEHOLDERS.strip().splitlines())
def test_placeholder_stays(line: str) -> None:
    assert (line, 0) == REDACTOR.redact(line)


@pytest.mark.parametrize("page", PLACEHOLDER_PAGES)
def test_page_without_secrets_stays(page: str) -> None:
    lines = [LogLine(at, text) for at, text in enumerate(PLACEHOLDER_PAGES[page])]
    assert (lines, 0) == REDACTOR.redact_lines(lines)
    text = "\n".join(PLACEHOLDER_PAGES[page])
    assert (text, 0) == REDACTOR.redact(text)
