"""The documents as a reader sees them: their code blocks, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

from bot.commands.subcommands.table import SHELL_TABLE, SLACK_TABLE

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PARSER = MarkdownIt("commonmark").enable("table")
TYPED = re.compile(r"(/train|@trainwatch|(?<![\w/])(?:\.venv/bin/)?trainwatch) +(.*)")
SHELL_END = re.compile(r"\s+(?:\||#\s|&&|>(?!\s\d))|\)")
"""Where a command ends in a shell: at a pipe, a comment, the next command, a redirection or a closing bracket.

In a rule such as `loss > 5`, a number follows."""
OTHER_WORDS = {
    "/train is not a valid command",
    "trainwatch started",
    "trainwatch stopped",
    "trainwatch was down",
}
"""Quotations that begin like a command: an error of Slack, events in a log, a phrase."""
PLACEHOLDERS = {
    "REF": "baseten:p7qr9qv/h8gpu42",
    "PATTERN": "baseten:p7qr9qv/*",
    "SETTING": "log_errors=off",
    "PLATFORM": "baseten",
    "FILE": "run.log",
    "FOLDER": "logs/",
    "TIME": "30m",
    "ID": "U0ADA1234",
    "TEXT": "loss",
    "TOPIC": "logs",
}
"""Words that stand for what a reader types → an example."""

AS_SLACK_SENDS = {"@oncall": "<!subteam^S0ONCALL1>", "@ada": "<@U0ADA>", "@here": "<!here>", "#war-room": "<#C0TRAIN>"}
"""Names as a person types them → what Slack makes of them."""


@dataclass(frozen=True, slots=True)
class Block:
    """A code block."""

    page: str
    language: str
    text: str


@dataclass(frozen=True, slots=True)
class TypedCommand:
    """A command in a document, with every placeholder replaced by an example."""

    page: str
    prefix: str
    """`/train`, `@trainwatch` or `trainwatch`."""
    text: str
    """What follows the prefix."""
    as_written: bool
    """Whether the document has it in this form, without placeholders."""

    def __str__(self) -> str:
        return f"{self.page}: {self.prefix} {self.text}"


@cache
def blocks() -> tuple[Block, ...]:
    """Every code block of every document."""
    return tuple(
        Block(page.relative_to(ROOT).as_posix(), token.info.strip(), token.content)
        for page in PAGES
        for token in PARSER.parse(page.read_text(encoding="utf-8"))
        if token.type == "fence"
    )


@cache
def typed_commands() -> tuple[TypedCommand, ...]:
    """Every different command of the documents, in the order of the documents."""
    found = {
        (prefix, text): TypedCommand(page, prefix, text, as_written)
        for page, line in reversed([*_lines()])
        for prefix, text, as_written in _commands_in(line)
    }
    return tuple(reversed(found.values()))


def _lines() -> Iterator[tuple[str, str]]:
    """Code marks, and lines of code blocks in which commands are typed."""
    for page in PAGES:
        name = page.relative_to(ROOT).as_posix()
        for token in PARSER.parse(page.read_text(encoding="utf-8")):
            if token.type == "inline":
                codes = (child.content for child in token.children or () if child.type == "code_inline")
                yield from ((name, code) for code in codes if TYPED.match(code) and code not in OTHER_WORDS)
            elif token.type == "fence" and token.info.strip() in ("", "sh", "text"):
                yield from ((name, line.removeprefix("$ ")) for line in token.content.splitlines() if _is_typed(line))


def _is_typed(line: str) -> bool:
    """Whether a line of a code block has a command, rather than its output or another program's name."""
    words = line.partition("  #")[0].removeprefix("$ ").split()
    if words[:1] == ["trainwatch"] and words[1:] and words[1].isalpha():
        return True  # also a subcommand that does not exist
    return any(word in ("/train", "trainwatch", ".venv/bin/trainwatch") for word in words) and _names_subcommand(line)


def _names_subcommand(line: str) -> bool:
    found = TYPED.search(line)
    names = {one.name for one in (*SLACK_TABLE, *SHELL_TABLE)}
    return found is not None and found[2].split()[0] in names


def _commands_in(line: str) -> Iterator[tuple[str, str, bool]]:
    """The command of a line, once for each choice that it offers."""
    match = TYPED.search(line)
    assert match is not None
    prefix = match[1].rpartition("/")[2] if match[1].startswith(".") else match[1]
    text = match[2] if prefix != "trainwatch" else SHELL_END.split(f"{match[2]} ")[0]
    text = text.strip().rstrip("…").strip()
    filled = text.replace("[OPTIONS]", "").replace("...", "")
    filled = re.sub(r"[\[\]]", "", filled) if re.search(r"\[(?:--)?[A-Za-z]+", filled) else filled
    filled = re.sub(r"\b[A-Z]{2,}\b", lambda word: PLACEHOLDERS.get(word[0], word[0]), filled)
    choices = re.search(r"(?<!['\"(?|])\b[^\s'\"(]+(?:\|[^\s'\")]+)+", filled)
    for choice in choices[0].split("|") if choices else [""]:
        chosen = filled.replace(choices[0], choice) if choices else filled
        if chosen.strip():
            yield prefix, chosen.strip(), chosen == text
