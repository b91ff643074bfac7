"""`make reference`: write the tables that the code holds into the documents, between their marks."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.domain.durations import format_duration
from bot.rules.catalog import RULES
from bot.rules.settings import AS_SHIPPED, format_parameters
from bot.settings import Settings
from docsite.reference import table

DOCS = Path(__file__).parents[1] / "docs"
MARKED = re.compile(
    r"(<!-- table: (\w+), from the code by `make reference` -->\n).*?(<!-- end of table -->)", re.DOTALL
)


def settings_table() -> str:
    """Every setting of trainwatch."""
    fields = Settings.model_fields.items()
    rows = [(f"`{name.upper()}`", shown(field.default), field.description or "") for name, field in fields]
    return table(("Variable", "Default", "Meaning"), rows)


def shown(default: object) -> str:
    """A default as it is typed in the environment; empty for none."""
    match default:
        case None:
            return ""
        case SecretStr():
            return f"`{default.get_secret_value()}`"
        case timedelta():
            return f"`{format_duration(default).replace(' ', '')}`"
        case _:
            return f"`{default}`"


def parameters_table() -> str:
    """Every parameter of every rule."""
    rows = [
        (f"`{rule.name}.{one.name}`", dict(format_parameters(rule, AS_SHIPPED)).get(one.name, "none"), f"{one.help}.")
        for rule in RULES
        for one in rule.parameters
    ]
    return table(("Parameter", "Default", "Meaning"), rows)


TABLES: Mapping[str, Callable[[], str]] = {"settings": settings_table, "parameters": parameters_table}
"""By the name in the mark."""


def write_tables(text: str) -> str:
    """A document with its marked tables as the code has them now."""
    return MARKED.sub(lambda found: f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}", text)


def main() -> int:
    """Rewrite the documents that have marked tables; returns the exit code."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if (new := write_tables(text)) != text:
            page.write_text(new, encoding="utf-8")
            print(f"rewritten: {page.relative_to(DOCS.parent)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
