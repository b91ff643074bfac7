"""Help: a short first screen, topics, and examples that can be pressed."""

from collections.abc import Iterator, Sequence

from bot.commands.subcommands.table import HelpAnswer
from bot.slack.render.blocks import actions, answer_button, row_sections, section
from bot.slack.render.message import Block, Message, message
from bot.slack.render.text import code, escape

_MAX_PRESSED = 8
"""Examples with a button; further ones are text."""


def render_help(answer: HelpAnswer) -> Message:
    """Usage, topics, options and examples."""
    rows = [f"{code(what)} {escape(meaning)}" for what, meaning in answer.rows]
    title = f"*{escape(answer.topic)}*" if answer.topic else "*trainwatch* watches training jobs."
    topics = [answer_button(label, f"help {name}", f"help-{name}") for name, label in answer.topics]
    return message(
        f"How to use {escape(answer.usage)}. {escape(answer.description)}",
        [
            section(f"{title}\n{code(answer.usage)}\n{escape(answer.description)}"),
            actions(topics),
            *row_sections(rows, 5000, "option"),
            *(block for title, more in answer.sections for block in _help_section(title, more)),
            section("*Examples*") if answer.examples else None,
            *_examples(answer),
        ],
    )


def _examples(answer: HelpAnswer) -> Iterator[Block]:
    """Each example that can be run has a button; the others are text."""
    pressed = [one for one in answer.examples if one[0] in answer.pressable][:_MAX_PRESSED]
    for number, (what, meaning) in enumerate(pressed):
        run = answer_button("Run", what.partition(" ")[2], f"example{number}")
        shown = section(f"{code(what)} {escape(meaning)}")
        yield shown | ({"accessory": run} if run else {})
    others = [f"{code(what)} {escape(meaning)}" for what, meaning in answer.examples if (what, meaning) not in pressed]
    yield from row_sections(others, 2500, "example")


def _help_section(title: str, rows: Sequence[tuple[str, str]]) -> list[Block]:
    shown = [f"{code(what)} {escape(meaning)}" for what, meaning in rows]
    return [section(f"*{escape(title)}*"), *row_sections(shown, 5000, "row")]
