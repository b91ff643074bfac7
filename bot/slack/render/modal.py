"""Modals within Slack's limits: the view, its input fields, and what is shown above a form.

A field has one name, which is its `block_id` and the end of its `action_id`. Slack keeps what was typed into a field
while its name stays. Source: https://docs.slack.dev/surfaces/modals (documented, read 2026-11-20).
"""

import itertools
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.domain.wording import plural
from bot.slack.render.blocks import Action, context, plain, section
from bot.slack.render.icons import PENDING, WARNING
from bot.slack.render.message import MAX_OPTION_VALUE, Block
from bot.slack.render.text import clean, one_line

_MAX_VIEW_BLOCKS = 100
_MAX_VIEW_BYTES = 240_000
"""Slack refuses a view of more than 250 kB; a part is left for what it counts differently."""
_MAX_TITLE = 24
_MAX_OPTION = 75
_MAX_LABEL = 150
_MAX_HINT = 300
_MAX_TYPED = 3000
_MAX_BOXES = 10
MAX_CHOICES = 100
"""Options of one menu."""


@dataclass(frozen=True, slots=True)
class Modal:
    """One view of a dialog."""

    name: str
    """Which handler receives what a person does in it (`bot.slack.modals.handler`)."""
    title: str
    blocks: tuple[Block, ...]
    about: str = ""
    """What it is about, such as a command or an incident id; it comes back with everything done in the view."""
    submit: str = ""
    """Label of the button that submits the fields; a view with fields needs one."""
    close: str = "Close"
    is_watched: bool = False
    """Whether the handler learns that the view was closed."""

    def view(self, metadata: str) -> dict[str, object]:
        """The arguments for Slack. Blocks that do not fit are left out, and counted."""
        view: dict[str, object] = {
            "type": "modal",
            "callback_id": self.name,
            "title": plain(self.title, _MAX_TITLE),
            "close": plain(self.close, _MAX_TITLE),
            "private_metadata": metadata,
            "notify_on_close": self.is_watched,
        }
        if self.submit:
            view["submit"] = plain(self.submit, _MAX_TITLE)
        return view | {"blocks": _fitting_blocks(self.blocks, _MAX_VIEW_BYTES - len(json.dumps(view)))}


def _fitting_blocks(blocks: Sequence[Block], room: int) -> list[Block]:
    """The first blocks that fit, with a note on how many are left out."""
    fitting = list(blocks[:_MAX_VIEW_BLOCKS])
    sizes = [len(json.dumps(block)) + 2 for block in fitting]
    if len(fitting) == len(blocks) and sum(sizes) <= room:
        return fitting
    fitting = fitting[: _MAX_VIEW_BLOCKS - 1]
    while fitting and sum(sizes[: len(fitting)]) > room - 500:
        fitting.pop()
    hidden = len(blocks) - len(fitting)
    return [*fitting, section(f"{WARNING} {plural(hidden, 'more part')} did not fit into this dialog.")]


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a menu."""

    value: str
    label: str
    description: str = ""
    group: str = ""
    """The heading above it and the entries that follow it with the same one."""

    @property
    def is_valid(self) -> bool:
        """Whether its value arrives unchanged."""
        return 0 < len(self.value) <= MAX_OPTION_VALUE and clean(self.value) == self.value


def render_option(choice: Choice) -> Block:
    """An option of a menu, or of the answer to what was typed into one."""
    option: Block = {"text": plain(choice.label, _MAX_OPTION), "value": choice.value}
    return option | ({"description": plain(choice.description, _MAX_OPTION)} if choice.description else {})


def render_options(choices: Sequence[Choice]) -> dict[str, list[Block]]:
    """The answer to what was typed into a menu: options, or groups of them. At most 100; the others are invalid."""
    shown = [one for one in choices if one.is_valid][:MAX_CHOICES]
    if not any(one.group for one in shown):
        return {"options": [render_option(one) for one in shown]}
    groups = itertools.groupby(shown, key=lambda one: one.group)
    return {
        "option_groups": [
            {"label": plain(group, _MAX_OPTION), "options": [render_option(one) for one in members]}
            for group, members in groups
        ]
    }


def field_id(name: str) -> str:
    """The `action_id` of a field."""
    return f"{Action.FIELD}:{name}"


@dataclass(frozen=True, slots=True)
class Field:
    """What every kind of field has."""

    name: str
    label: str
    placeholder: str = ""
    hint: str = ""
    is_optional: bool = True
    is_live: bool = False
    """Whether each change reaches the handler."""


def text_input(field: Field, value: str = "", *, is_long: bool = False, longest: int = _MAX_TYPED) -> Block:
    """A field to type into, up to `longest` characters."""
    element: Block = {"type": "plain_text_input", "multiline": is_long, "max_length": longest}
    if value:
        element["initial_value"] = clean(value)[:longest]
    if field.is_live:
        element["dispatch_action_config"] = {"trigger_actions_on": ["on_character_entered"]}
    return _input(field, element)


def menu_input(field: Field, choices: Sequence[Choice], chosen: str = "") -> Block:
    """A menu of fixed entries, at least one; `chosen` is the value of one."""
    shown = [one for one in choices if one.is_valid][:MAX_CHOICES]
    element: Block = {"type": "static_select", "options": [render_option(one) for one in shown]}
    initial = next((one for one in shown if one.value == chosen), None)
    if initial is not None:
        element["initial_option"] = render_option(initial)
    return _input(field, element)


def search_input(field: Field, chosen: Choice | None = None) -> Block:
    """A menu whose entries the handler finds while a person types."""
    element: Block = {"type": "external_select", "min_query_length": 0}
    if chosen is not None and chosen.is_valid:
        element["initial_option"] = render_option(chosen)
    return _input(field, element)


def checkbox_input(field: Field, choices: Sequence[Choice], ticked: Collection[str] = ()) -> Block:
    """Up to ten boxes to tick; `ticked` are the values of those that are ticked."""
    shown = [one for one in choices if one.is_valid][:_MAX_BOXES]
    element: Block = {"type": "checkboxes", "options": [render_option(one) for one in shown]}
    initial = [render_option(one) for one in shown if one.value in ticked]
    return _input(field, element | ({"initial_options": initial} if initial else {}))


def people_input(field: Field, users: Sequence[str] = ()) -> Block:
    """A menu of the people of the workspace, several of whom can be chosen."""
    element: Block = {"type": "multi_users_select"}
    return _input(field, element | ({"initial_users": list(users)} if users else {}))


def _input(field: Field, element: Block) -> Block:
    element["action_id"] = field_id(field.name)
    if field.placeholder:
        element["placeholder"] = plain(field.placeholder, _MAX_LABEL)
    shown: Block = {
        "type": "input",
        "block_id": field.name,
        "label": plain(field.label, _MAX_LABEL),
        "element": element,
        "optional": field.is_optional,
        "dispatch_action": field.is_live,
    }
    return shown | ({"hint": plain(field.hint, _MAX_HINT)} if field.hint else {})


def loading_modal(name: str, title: str, about: str = "") -> Modal:
    """Shown until the content is there."""
    note = context([f"{PENDING} Loading…"])
    return Modal(name, title, (note,) if note else (), about)


def problem_block(problem: str) -> Block:
    """What is wrong, above a form."""
    return section(f"{WARNING} {one_line(problem, 1500)}")
