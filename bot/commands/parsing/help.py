"""What can be typed, as text: usage lines and the two kinds of help, from the one table."""

from __future__ import annotations

from bot.commands.parsing.spec import RULES, Frontend, Option, Subcommand, subcommand_named, subcommands
from bot.commands.subcommands.help import HelpAnswer, HelpCommand

REFERENCE = (
    "REF is a job: `platform:id` as `jobs` lists it, such as `baseten:lq4j9zm/8w6y2n`, or the address of its page "
    "in your browser."
)


def help_answer(command: HelpCommand, frontend: Frontend) -> HelpAnswer:
    """What can be typed there."""
    subcommand = subcommand_named(command.topic, frontend) if command.topic else None
    return overview(frontend) if subcommand is None else explain(subcommand, frontend)


def usage(subcommand: Subcommand, frontend: Frontend) -> str:
    """One line: how it is typed."""
    words = [frontend.value, subcommand.name, subcommand.positionals]
    if subcommand.options_of(frontend):
        words.append("[OPTIONS]")
    return " ".join(word for word in words if word)


def overview(frontend: Frontend) -> HelpAnswer:
    """Every subcommand in a line."""
    rows = tuple((f"{one.name} {one.positionals}".rstrip(), one.help) for one in subcommands(frontend))
    examples = tuple((f"{frontend.value} {one.examples[0][0]}", one.examples[0][1]) for one in subcommands(frontend)[:4]
                     if one.examples)  # fmt: skip
    return HelpAnswer(
        topic=None,
        usage=f"{frontend.value} SUBCOMMAND",
        description=f"{REFERENCE} `{frontend.value} help logs` tells more of a subcommand.",
        rows=rows,
        examples=examples,
    )


def explain(subcommand: Subcommand, frontend: Frontend) -> HelpAnswer:
    """Everything about one subcommand."""
    sentences = [subcommand.help[:1].upper() + subcommand.help[1:] + ".", subcommand.notes]
    if "REF" in subcommand.positionals:
        sentences.append(REFERENCE)
    return HelpAnswer(
        topic=subcommand.name,
        usage=usage(subcommand, frontend),
        description=" ".join(sentence for sentence in sentences if sentence),
        rows=(
            *((_spelled(option), _explained(option)) for option in subcommand.options_of(frontend)),
            *(_rule_rows() if subcommand is RULES else ()),
        ),
        examples=tuple(
            (f"{frontend.value} {text}", meaning)
            for text, meaning in subcommand.examples
            if _typable(text, subcommand, frontend)
        ),
    )


def _rule_rows() -> tuple[tuple[str, str], ...]:
    """Every shipped rule with what may be set of it."""
    from bot.rules.catalog import RULES as SHIPPED_RULES  # noqa: PLC0415 - other help topics do not need them
    from bot.rules.settings import AS_SHIPPED, format_parameters  # noqa: PLC0415

    rows = []
    for rule in SHIPPED_RULES:
        settings = ", ".join(f"{name}={value}" for name, value in format_parameters(rule, AS_SHIPPED))
        rows.append((rule.name, f"{rule.help} ({settings})" if settings else rule.help))
    return tuple(rows)


def _spelled(option: Option) -> str:
    names = f"{option.short}, {option.name}" if option.short else option.name
    return f"{names} {option.value}" if option.value else names


def _explained(option: Option) -> str:
    return f"{option.help}; may be repeated" if option.repeatable else option.help


def _typable(example: str, subcommand: Subcommand, frontend: Frontend) -> bool:
    """Whether every option in the example can be typed there."""
    here = {option.name for option in subcommand.options_of(frontend)}
    elsewhere = {option.name for option in subcommand.options} - here
    return not any(name in example.split() for name in elsewhere)
