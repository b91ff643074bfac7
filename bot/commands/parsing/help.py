"""Usage lines, help and suggestions, written from the command table. Pure."""

from collections.abc import Iterable, Sequence

from bot.commands.subcommands.rules import RULES
from bot.commands.subcommands.spec import Frontend, Option, Subcommand
from bot.commands.subcommands.table import HelpAnswer, HelpCommand, subcommands
from bot.errors import UsageError

REFERENCE = (
    "REF is a job: `platform:id` as `jobs` lists it, such as `baseten:lq4j9zm/8w6y2n`, its id or name, the beginning "
    "of either, or the URL of its page."
)


def help_answer(command: HelpCommand, frontend: Frontend) -> HelpAnswer:
    """Explain one subcommand, or list all of them.

    Raises:
        UsageError: the frontend has no such subcommand.
    """
    if command.topic is None:
        return overview(frontend)
    for subcommand in subcommands(frontend):
        if command.topic in (subcommand.name, *subcommand.aliases):
            return explain(subcommand, frontend)
    problem = f"Unknown subcommand `{command.topic[:40]}`. {suggest_subcommand(command.topic, subcommands(frontend))}"
    raise UsageError(problem, f"{frontend.value} help [SUBCOMMAND]")


def usage(subcommand: Subcommand[object], frontend: Frontend) -> str:
    """One line that shows how a subcommand is typed."""
    options = "[OPTIONS]" if subcommand.options_of(frontend) else ""
    return " ".join(filter(None, (frontend.value, subcommand.name, subcommand.positionals, options)))


def suggest_subcommand(typed: str, table: Iterable[Subcommand[object]]) -> str:
    """A sentence that names the subcommand that was probably meant, or all of them."""
    rows = tuple(table)
    meant = closest(typed, [name for one in rows for name in (one.name, *one.aliases)])
    return f"Did you mean `{meant}`?" if meant else f"Subcommands: {', '.join(one.name for one in rows)}."


def closest(typed: str, known: Sequence[str]) -> str | None:
    """The known word that was probably meant."""
    import difflib  # noqa: PLC0415 - only for errors

    close = difflib.get_close_matches(typed, known, n=1, cutoff=0.6)
    return close[0] if close else None


def overview(frontend: Frontend) -> HelpAnswer:
    """List every subcommand, one line each."""
    rows = subcommands(frontend)
    return HelpAnswer(
        topic=None,
        usage=f"{frontend.value} SUBCOMMAND",
        description=f"{REFERENCE} `{frontend.value} help logs` explains one subcommand.",
        rows=tuple((f"{one.name} {one.positionals}".rstrip(), one.help) for one in rows),
        examples=tuple((f"{frontend.value} {text}", meaning) for one in rows[:4] for text, meaning in one.examples[:1]),
    )


def explain(subcommand: Subcommand[object], frontend: Frontend) -> HelpAnswer:
    """Explain one subcommand."""
    examples = [one for one in subcommand.examples if _can_type(one[0], subcommand, frontend)]
    sentences = [f"{subcommand.help}.", subcommand.notes, REFERENCE if "REF" in subcommand.positionals else ""]
    return HelpAnswer(
        topic=subcommand.name,
        usage=usage(subcommand, frontend),
        description=" ".join(filter(None, sentences)),
        rows=tuple(_option_row(option) for option in subcommand.options_of(frontend)),
        examples=tuple((f"{frontend.value} {text}", meaning) for text, meaning in examples),
        sections=(("Rules", _rule_rows()),) if subcommand is RULES else (),
    )


def _rule_rows() -> tuple[tuple[str, str], ...]:
    """Every shipped rule with its parameters."""
    from bot.rules.catalog import RULES as SHIPPED_RULES  # noqa: PLC0415 - other topics do not need them
    from bot.rules.settings import AS_SHIPPED, format_parameters  # noqa: PLC0415

    rows = []
    for rule in SHIPPED_RULES:
        settings = ", ".join(f"{name}={value}" for name, value in format_parameters(rule, AS_SHIPPED))
        rows.append((rule.name, f"{rule.help} ({settings})" if settings else rule.help))
    return tuple(rows)


def _option_row(option: Option) -> tuple[str, str]:
    names = f"{option.short}, {option.name}" if option.short else option.name
    explanation = f"{option.help} Repeatable." if option.repeatable else option.help
    return f"{names} {option.value}" if option.value else names, explanation


def _can_type(example: str, subcommand: Subcommand[object], frontend: Frontend) -> bool:
    """Whether the frontend has every option in the example."""
    elsewhere = {option.name for option in subcommand.options if frontend not in option.frontends}
    return elsewhere.isdisjoint(example.split())
