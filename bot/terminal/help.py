"""Render help as plain text, without importing rich, which would slow it down. Pure."""

import textwrap

from bot.commands.subcommands.table import HelpAnswer


def help_text(answer: HelpAnswer, width: int = 100) -> str:
    """Render a help page, wrapped to `width` columns."""
    lines = [f"Usage: {answer.usage}", "", *textwrap.wrap(answer.description, width), ""]
    column = min(max((len(row[0]) for row in answer.rows), default=0), 30) + 2
    for name, meaning in answer.rows:
        wrapped = textwrap.wrap(meaning, max(width - column - 2, 24))
        first = f"  {name:{column}}" if len(name) < column else f"  {name}\n  {'':{column}}"
        lines.append(f"{first}{wrapped[0] if wrapped else ''}")
        lines += [f"  {'':{column}}{rest}" for rest in wrapped[1:]]
    if answer.examples:
        lines += ["", "Examples:"]
        for text, meaning in answer.examples:
            lines += [f"  {text}", f"      {meaning}"]
    return "\n".join(lines) + "\n"
