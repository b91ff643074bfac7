"""The values of a modal's fields, by their names. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.slack.render.modal import Choice


@dataclass(frozen=True, slots=True)
class ModalFields:
    """What a person has typed and chosen so far."""

    values: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    """A typed text is a choice without a label."""

    def text(self, name: str) -> str:
        """The typed text, or the value of the chosen entry; "" if empty."""
        return next((one.value for one in self.values.get(name, ())), "")

    def chosen(self, name: str) -> Choice | None:
        """The chosen entry of a menu."""
        return next(iter(self.values.get(name, ())), None)

    def texts(self, name: str) -> tuple[str, ...]:
        """The values of the entries that were ticked."""
        return tuple(one.value for one in self.values.get(name, ()))


def read_fields(state: object) -> ModalFields:
    """Read `view.state`.

    Source: https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload (documented).
    """
    values: dict[str, tuple[Choice, ...]] = {}
    match state:
        case {"values": dict(blocks)}:
            for name, elements in blocks.items():
                found = tuple(one for element in _values_of(elements) for one in _read_element(element))
                values[str(name)] = found
    return ModalFields(values)


def _values_of(elements: object) -> list[object]:
    return list(elements.values()) if isinstance(elements, dict) else []


def _read_element(element: object) -> Iterator[Choice]:
    match element:
        case {"value": str(text)} if text.strip():
            yield Choice(text, "")
        case {"selected_option": dict(option)}:
            yield from _read_option(option)
        case {"selected_options": list(options)}:
            for option in options:
                yield from _read_option(option)
        case {"selected_users": list(users)}:
            yield from (Choice(user, "") for user in users if isinstance(user, str))
        case _:
            kinds = ("selected_user", "selected_conversation", "selected_channel", "selected_date", "selected_time")
            values = [element.get(kind) for kind in kinds] if isinstance(element, dict) else []
            yield from (Choice(value, "") for value in values if isinstance(value, str) and value)


def _read_option(option: object) -> Iterator[Choice]:
    match option:
        case {"value": str(value), "text": {"text": str(label)}}:
            yield Choice(value, label)
