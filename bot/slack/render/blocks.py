"""Block Kit blocks within Slack's limits: paragraphs, small print, lists, code blocks, buttons and menus.

The value of a button is a command as text with absolute times, so it works after a restart, on any machine and for
anyone. Clicks are handled in `bot.slack.listeners`.
"""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.commands.parsing.tokenizer import quote
from bot.domain.durations import format_ns
from bot.domain.jobs import JobRef
from bot.domain.wording import plural
from bot.slack.render.message import MAX_BUTTON_VALUE, MAX_FIELD_TEXT, MAX_OPTION_VALUE, MAX_SECTION_TEXT, Block
from bot.slack.render.text import clean, cut, fence, split_backticks

_MAX_HEADER_TEXT = 150
_MAX_LABEL_TEXT = 75
"""Of a button or a menu option. Both limits: https://docs.slack.dev/reference/block-kit (read 2026-11-20)."""
_MAX_ENTRIES = 5
"""Of a "⋯" menu: https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element (documented)."""
_PREFIX = "trainwatch_"
_FENCE = len(fence([""]))
ANSWER_MODAL, WATCH_MODAL = "answer", "watch"
"""The name of the modal that shows the answer to a command."""
QUERY_MODAL = "query"
"""The name of the modal with the form of a command."""
NOTE_MODAL, STOP_MODAL, SILENCE_MODAL, TUNE_MODAL = "note", "stop", "silence", "tune"
"""The modals that add a note to an incident, stop watching its job, silence alerts, and tune a subscription."""


def mrkdwn(text: str) -> Block:
    """A text object in which Slack links and mentions only explicit markup (`verbatim`)."""
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, limit: int) -> Block:
    """A text object without markup."""
    return {"type": "plain_text", "text": cut(clean(text), limit) or " ", "emoji": False}


def section(text: str, *, may_collapse: bool = False) -> Block:
    """A paragraph; unless it may, Slack never collapses it behind "See more"."""
    return {"type": "section", "text": mrkdwn(cut(text, MAX_SECTION_TEXT)), "expand": not may_collapse}


def header(text: str) -> Block:
    """A title. It is plain text, so foreign text needs no escaping."""
    return {"type": "header", "text": plain(text, _MAX_HEADER_TEXT)}


def context(texts: Sequence[str]) -> Block | None:
    """A line of small print whose parts are joined with dots; None without text."""
    joined = " · ".join(text for text in texts if text)
    return {"type": "context", "elements": [mrkdwn(cut(joined, MAX_FIELD_TEXT))]} if joined else None


def context_text(block: Block) -> str:
    """The text of a block made by `context`; "" for any other block."""
    match block:
        case {"type": "context", "elements": [{"text": str(text)}]}:
            return text
        case _:
            return ""


def divider() -> Block:
    """A horizontal line."""
    return {"type": "divider"}


def code_sections(rows: Sequence[str], budget: int, *, newest_first: bool = False) -> tuple[list[Block], int]:
    """The newest escaped rows that fit into `budget` characters, as code blocks; and how many of them are shown.

    A row longer than a section is truncated.
    """
    room = MAX_SECTION_TEXT - _FENCE
    newest = rows if newest_first else reversed(rows)
    groups = _fill((cut(split_backticks(row), room) for row in newest), room, budget, _FENCE)
    if not newest_first:
        groups = [group[::-1] for group in reversed(groups)]
    return [section(fence(group)) for group in groups], sum(len(group) for group in groups)


def row_sections(rows: Sequence[str], budget: int, noun: str) -> list[Block]:
    """The first rows of mrkdwn that fit into `budget` characters, as paragraphs; the hidden ones are counted."""
    groups = _fill(rows, MAX_SECTION_TEXT, budget, 0)
    hidden = len(rows) - sum(len(group) for group in groups)
    if hidden:
        groups.append([f"… and {plural(hidden, 'more ' + noun)}"])
    return [section("\n".join(group)) for group in groups]


def _fill(rows: Iterable[str], room: int, budget: int, overhead: int) -> list[list[str]]:
    """Group rows into at most `room` characters each until `budget` is used; each group costs `overhead` more."""
    groups: list[list[str]] = []
    left, space = budget, -1
    for row in rows:
        cost = len(row) + 1
        opens = cost > space + 1
        left -= cost + (overhead if opens else 0)
        if left < 0:
            break
        if opens:
            groups.append([])
            space = room
        groups[-1].append(row)
        space -= cost
    return groups


class Action(enum.StrEnum):
    """The `action_id` of each kind of button, and what its `value` holds."""

    SHOW = "trainwatch_show"
    """Command text. The answer is shown to the clicker only; it replaces a private message."""
    SHARE = "trainwatch_share"
    """Command text. The answer goes to the channel."""
    CHANGE = "trainwatch_change"
    """Command text that changes the channel's alerts: a silence, an unwatch. The answer goes into the thread."""
    REPLACE = "trainwatch_replace"
    """Command text that changes the channel's alerts. The answer replaces the message that held the button."""
    ACKNOWLEDGE = "trainwatch_acknowledge"
    """An incident id. The clicker takes the incident if nobody has it."""
    TAKE_OVER = "trainwatch_take_over"
    """An incident id and, after a space, the person to take it from."""
    RESOLVE = "trainwatch_resolve"
    """An incident id. The clicker closes the incident."""
    REOPEN = "trainwatch_reopen"
    """An incident id, or a digest id and, after a space, when its incidents were closed. Undoes RESOLVE."""
    SILENCE = "trainwatch_silence"
    """A digest id. The clicker silences the jobs of its incidents."""
    MEMBER = "trainwatch_member"
    """An incident id. The incident is shown to the clicker only, with its buttons."""
    CANCEL = "trainwatch_cancel"
    """The id of a running command. The clicker stops it; what it has read becomes the answer."""
    OPEN = "trainwatch_open"
    """What a modal is about: command text, or an incident id. The key names the modal, before a colon if it has one."""
    FIELD = "trainwatch_field"
    """A field of a modal, or a button that only its handler knows. The key is its name."""
    MORE = "trainwatch_more"
    """A "⋯" menu, whose entries say what they do (`MenuEntry`)."""


def confirm(title: str, text: str, label: str) -> Block:
    """A dialog that asks before a button acts.

    Source: https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object (documented).
    """
    return {
        "title": plain(title, 100),
        "text": plain(text, 300),
        "confirm": plain(label, 30),
        "deny": plain("Cancel", 30),
        "style": "danger",
    }


def button(
    label: str, action: enum.StrEnum, value: str, *, key: str = "", style: str | None = None, asks: Block | None = None
) -> Block | None:
    """A button, or None if its value does not fit: a truncated command would be another command.

    `key` makes the `action_id` unique among buttons of one action, because Slack rejects duplicates in a row. `asks` is
    a dialog of `confirm`.
    """
    if not _can_carry(value, MAX_BUTTON_VALUE):
        return None
    action_id = f"{action}:{key}" if key else action.value
    made: Block = {"type": "button", "text": plain(label, _MAX_LABEL_TEXT), "action_id": action_id, "value": value}
    return made | ({"style": style} if style else {}) | ({"confirm": asks} if asks else {})


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """An entry of a "⋯" menu, which acts like a button."""

    label: str
    action: Action
    value: str
    key: str = ""

    @property
    def encoded(self) -> str:
        """The value of the option, which says what the entry does."""
        action = self.action.removeprefix(_PREFIX)
        return f"{action}:{self.key}|{self.value}" if self.key else f"{action}|{self.value}"


def read_entry(value: str) -> tuple[Action, str, str]:
    """Read the action, the key and the value of a menu entry."""
    about, bar, rest = value.partition("|")
    action, _, key = about.partition(":")
    if bar and f"{_PREFIX}{action}" in list(Action):
        return Action(f"{_PREFIX}{action}"), key, rest
    return Action.CHANGE, "", value  # of a message that an older version posted


def overflow(entries: Sequence[MenuEntry | None]) -> Block | None:
    """A "⋯" menu of at most five entries. Those whose value does not fit are left out; None if none is left."""
    fitting: list[Block] = [
        {"text": plain(one.label, _MAX_LABEL_TEXT), "value": one.encoded}
        for one in entries
        if one is not None and _can_carry(one.encoded, MAX_OPTION_VALUE)
    ]
    if not fitting:
        return None
    return {"type": "overflow", "action_id": Action.MORE.value, "options": fitting[:_MAX_ENTRIES]}


def command_overflow(action: enum.StrEnum, commands: Sequence[tuple[str, str]]) -> Block | None:
    """A "⋯" menu of (label, command text). Commands that do not fit are left out; None if none is left."""
    options = [
        {"text": plain(label, _MAX_LABEL_TEXT), "value": command}
        for label, command in commands
        if _can_carry(command, MAX_OPTION_VALUE)
    ]
    return {"type": "overflow", "action_id": action.value, "options": options[:_MAX_ENTRIES]} if options else None


def without_entry(element: Block, action: Action) -> Block | None:
    """An element without the entries of its "⋯" menu that do this; None if no entry is left."""
    match element:
        case {"type": "overflow", "options": list(options)}:
            kept = [one for one in options if read_entry(str(one["value"]))[0] is not action]
            return {**element, "options": kept} if kept else None
        case _:
            return element


def menu(
    label: str, action: enum.StrEnum, options: Sequence[tuple[str, str]], *, chosen: str | None = None
) -> Block | None:
    """A select menu of (label, value), at most 100; None without options. `chosen` is the value selected at first.

    Source: https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element (documented).
    """
    fitting = [
        {"text": plain(name, _MAX_LABEL_TEXT), "value": value}
        for name, value in options
        if _can_carry(value, MAX_OPTION_VALUE)
    ]
    if not fitting:
        return None
    made: Block = {
        "type": "static_select",
        "action_id": action.value,
        "placeholder": plain(label, _MAX_HEADER_TEXT),
        "options": fitting,
    }
    initial = next((one for one in fitting if one["value"] == chosen), None)
    return made | ({"initial_option": initial} if initial else {})


def _can_carry(value: str, limit: int) -> bool:
    """Whether a value arrives unchanged: it is short enough and JSON can hold its characters."""
    return 0 < len(value) <= limit and clean(value) == value


def actions(elements: Sequence[Block | None]) -> Block | None:
    """A row of the buttons that are not None; None without any."""
    present = [element for element in elements if element is not None]
    return {"type": "actions", "elements": present} if present else None


def elements_of(block: Block) -> list[Block]:
    """The buttons and menus of a row made by `actions`."""
    match block:
        case {"type": "actions", "elements": list(elements)}:
            return elements
        case _:
            return []


def answer_button(label: str, command: str, key: str) -> Block | None:
    """A button whose answer opens in a modal."""
    return button(label, Action.OPEN, command, key=f"{ANSWER_MODAL}:{key}")


def refine_button(command: str) -> Block | None:
    """A button that opens the form with a command."""
    return button("Refine", Action.OPEN, command, key=f"{QUERY_MODAL}:refine")


def logs_button(job: JobRef, around_ns: int) -> Block | None:
    """A button for the log around a time."""
    return answer_button("Logs", f"logs {quote(str(job))} --around {format_ns(around_ns)}", "logs")


def tune_button(target: str) -> Block | None:
    """A button that opens the form for the settings of what a channel watches; without a modal, it lists the rules."""
    return button("Tune", Action.OPEN, f"rules {target}", key=TUNE_MODAL)


def share_button(command: str) -> Block | None:
    """A button that shows the answer to everyone in the channel."""
    return button("Share in channel", Action.SHARE, command)
