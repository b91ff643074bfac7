"""The documents that `trainwatch help TOPIC` shows. The package contains them, for people who installed it with pip."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A document, or one of its sections."""

    file: str
    """In docs/."""
    help: str
    section: str | None = None
    """The heading of the section; None is the whole document."""


TOPICS: Mapping[str, Topic] = {
    "exit-codes": Topic("cli.md", "Exit codes, for scripts", "Exit codes"),
    "json": Topic("cli.md", "The fields that `--json` prints", "`--json`"),
    "configuration": Topic("configuration.md", "Environment variables and `.env`"),
    "webhooks": Topic("webhooks.md", "Send alerts to webhooks and PagerDuty"),
    "access": Topic("access.md", "Who may use the bot: roles, other organizations, audit trail"),
    "slack": Topic("slack.md", "How to connect a Slack workspace"),
    "alert-rules": Topic("rules.md", "What each alert rule does and how to set it"),
    "signatures": Topic("diagnosis.md", "The failures that `scan` and `diagnose` know, and your own"),
    "deploy": Topic("how-to/deploy.md", "How to run the bot with Docker, Kubernetes or systemd"),
    "operations": Topic("operations.md", "How a running bot behaves: health, metrics, tables, log events"),
    "troubleshoot": Topic("how-to/troubleshoot.md", "What to do when something does not work, by symptom"),
    "providers": Topic("providers.md", "How to add a platform"),
}


def read_topic(topic: Topic) -> str:
    """Return the Markdown text of a topic."""
    from pathlib import Path  # noqa: PLC0415 - other help needs no files

    packed = Path(__file__).parents[1] / "_docs"
    folder = packed if packed.is_dir() else Path(__file__).parents[2] / "docs"
    text = re.sub("<!--.*-->\n*", "", (folder / topic.file).read_text(encoding="utf-8"))
    return text if topic.section is None else cut_section(text, topic.section)


def cut_section(text: str, heading: str) -> str:
    """Return one section of a Markdown text, up to the next heading of its level or above."""
    kept: list[str] = []
    level = 0
    for line in text.splitlines():
        marks = len(line) - len(line.lstrip("#"))
        if kept and 0 < marks <= level:
            break
        if kept or (marks and line[marks:].strip() == heading):
            level = level or marks
            kept.append(line)
    return "\n".join(kept)
