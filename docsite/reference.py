"""Reference pages of the site, written from the tables of the code.

They list commands, known failures, platforms, the fields of a webhook's event, and the decision records.

They are built with the site and not kept in the repository, so they cannot be out of date.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from bot.commands.parsing.help import REFERENCE, explain, usage
from bot.commands.subcommands.spec import Frontend, Option, Subcommand
from bot.commands.subcommands.table import subcommands
from bot.diagnosis.catalogue import UNREPORTED_ROLES, Signature, load_catalogue
from bot.providers.base import Downloads, ExplainsQueue, JobWithMetrics, Provider
from bot.providers.registry import build_registry

Schema = Mapping[str, Any]
"""A part of a JSON schema."""
FRONTENDS = {Frontend.SLACK: "Slack", Frontend.SHELL: "shell"}


def generated_pages(docs: Path) -> Mapping[str, str]:
    """Every generated page: its address in the site, without suffix → Markdown."""
    schema = json.loads((docs / "webhook-event.schema.json").read_text(encoding="utf-8"))
    return {
        "reference/commands": commands_page(),
        "reference/failures": failures_page(),
        "reference/platforms": platforms_page(),
        "reference/webhook-event": webhook_event_page(schema),
        "adr/index": decisions_page(sorted((docs / "adr").glob("*.md"))),
    }


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a bar in a cell does not end it."""
    lines = ["".join(f"| {cell} " if cell else "| " for cell in escape_bars(row)) + "|" for row in (head, *rows)]
    return "\n".join((lines[0], "|---" * len(head) + "|", *lines[1:]))


def escape_bars(cells: Iterable[str]) -> Iterable[str]:
    """Cells whose bars belong to their text."""
    return (cell.replace("|", "\\|") for cell in cells)


def commands_page() -> str:
    """Every subcommand of both frontends, with its options and examples."""
    known: dict[str, dict[Frontend, Subcommand[object]]] = {}
    for frontend in Frontend:
        for one in subcommands(frontend):
            known.setdefault(one.name, {})[frontend] = one
    overview = [
        (f"[`{name}`](#{name})", next(iter(rows.values())).help, " and ".join(FRONTENDS[one] for one in rows))
        for name, rows in known.items()
    ]
    intro = (
        "Every subcommand, as `/train SUBCOMMAND` in Slack and as `trainwatch SUBCOMMAND` in a shell. "
        f"{REFERENCE} The same text is in `/train help SUBCOMMAND` and `trainwatch help SUBCOMMAND`."
    )
    sections = [command_section(name, rows) for name, rows in known.items()]
    return "\n\n".join(("# Commands", intro, table(("Command", "What it does", "Where"), overview), *sections)) + "\n"


def command_section(name: str, rows: Mapping[Frontend, Subcommand[object]]) -> str:
    """One subcommand."""
    usages = "\n".join(usage(one, frontend) for frontend, one in rows.items())
    first = next(iter(rows.values()))
    parts = [f"## {name}", f"{first.help}. {first.notes}".strip(), f"```text\n{usages}\n```"]
    if first.aliases:
        parts.append(f"Also: {', '.join(f'`{one}`' for one in first.aliases)}.")
    options = {one.name: one for subcommand in rows.values() for one in subcommand.options}
    if options:
        head = ("Option", "Meaning", "Where")
        parts.append(table(head, (option_row(one, tuple(rows)) for one in options.values())))
    examples = {text: what for frontend, one in rows.items() for text, what in explain(one, frontend).examples}
    if examples:
        parts.append(table(("Example", "What it shows"), ((f"`{text}`", what) for text, what in examples.items())))
    return "\n\n".join(parts)


def option_row(option: Option, frontends: Sequence[Frontend]) -> tuple[str, str, str]:
    """An option, its meaning, and the frontends that have it."""
    names = ", ".join(f"`{one}`" for one in (option.short, f"{option.name} {option.value or ''}".strip()) if one)
    help_text = f"{option.help} Repeatable." if option.repeatable else option.help
    return names, help_text, " and ".join(FRONTENDS[one] for one in frontends if one in option.frontends)


def failures_page() -> str:
    """Every failure that the diagnosis knows, by category."""
    reported = [one for one in load_catalogue().signatures if one.role not in UNREPORTED_ROLES and one.title]
    by_category = groupby(sorted(reported, key=attrgetter("category")), key=attrgetter("category"))
    intro = (
        f"The {len(reported)} failures and notes that trainwatch recognizes in a log, with what it suggests. "
        "[Diagnosis](../diagnosis.md) explains severities, categories, and how to add your own."
    )
    return "\n\n".join(("# Known failures", intro, *(failure_section(*group) for group in by_category))) + "\n"


def failure_section(category: str, signatures: Iterable[Signature]) -> str:
    """The failures of one category."""
    rows = [(f"`{one.name}`", escape(one.title), one.severity.value, hint_with_link(one.hint)) for one in signatures]
    title = category.replace("_", " ").capitalize().replace("Gpu", "GPU")
    return f"## {title}\n\n{table(('Name', 'Title', 'Severity', 'Hint'), rows)}"


def hint_with_link(hint: str) -> str:
    """A hint; the address at its end becomes a link."""
    text, space, address = hint.rpartition(" ")
    return f"{escape(text)} [Read more]({address})" if space and "://" in address else escape(hint)


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_<>\[\]#$~])", r"\\\1", text)


def platforms_page() -> str:
    """What each built-in platform offers, as its adapter declares it."""
    keys = {"baseten_api_key": "x", "fireworks_api_key": "x", "rivergen_api_key": "x"}
    registry = build_registry(keys)
    rows = [platform_row(registry.get(name)) for name in registry.names]
    intro = (
        "What the adapters of the built-in platforms can do. [Add a platform](../providers.md) has their settings, and "
        "how each reads every line exactly once."
    )
    head = (
        "Platform",
        "Reference",
        "Whole log as a file",
        "Status and metrics in one request",
        "Position in the queue",
    )
    return "\n\n".join(("# Platforms", intro, table(head, rows))) + "\n"


def platform_row(provider: Provider) -> tuple[str, ...]:
    """One platform."""
    able = [isinstance(provider, kind) for kind in (Downloads, JobWithMetrics, ExplainsQueue)]
    ref = provider.ref_help.split(" ")[0].rstrip(",")
    return (f"`{provider.name}`", f"`{ref}`", *("✓" if one else "" for one in able))


def webhook_event_page(schema: Schema) -> str:
    """Every field of the JSON event that webhooks get."""
    intro = (
        "The fields of the JSON body that [webhooks](../webhooks.md) get, from "
        "[its schema](../webhook-event.schema.json)."
    )
    definitions = {name: one for name, one in schema["$defs"].items() if "properties" in one}
    parts = [field_table("Event", schema)]
    parts += [field_table(name.capitalize(), one) for name, one in schema["properties"].items() if "properties" in one]
    parts += [field_table(name.capitalize(), one) for name, one in definitions.items()]
    return "\n\n".join(("# Webhook event", intro, *parts)) + "\n"


def field_table(title: str, schema: Schema) -> str:
    """The fields of one object."""
    rows = [(f"`{name}`", type_of(one), str(one.get("description", ""))) for name, one in schema["properties"].items()]
    return f"## {title}\n\n{table(('Field', 'Type', 'Meaning'), rows)}"


def type_of(schema: Schema) -> str:
    """The type of a field, in words."""
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(type_of(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {type_of(schema['items'])}"
    types = schema["type"]
    return types if isinstance(types, str) else " or ".join(types)


def decisions_page(files: Sequence[Path]) -> str:
    """The index of the decision records, newest first, and the menu below it."""
    rows = []
    for file in reversed(files):
        title, _, rest = file.read_text(encoding="utf-8").removeprefix("# ").partition("\n")
        rows.append((f"[{title}]({file.name})", rest.strip().splitlines()[0]))
    names = "\n".join(file.stem for file in files)
    menu = f"```{{toctree}}\n:hidden:\n\n{names}\n```"
    intro = "Why trainwatch is built as it is: one page for each decision that a newcomer would question."
    return "\n\n".join(("# Design decisions", intro, table(("Decision", "Date and status"), rows), menu)) + "\n"
