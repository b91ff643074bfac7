"""Read what Slack sends about a modal: a click, a submission, its end, or text typed into a menu. Pure.

Source: https://docs.slack.dev/reference/interaction-payloads (documented, read 2026-11-29). These payloads name no
channel; it is in the metadata of the view.
"""

from dataclasses import dataclass

from bot.slack.modals.fields import ModalFields, read_fields
from bot.slack.modals.metadata import ModalMetadata, decode_metadata
from bot.slack.payloads import Body, MalformedPayload, PayloadOrigin, teams_of, text_at
from bot.slack.render.blocks import Action, read_entry
from bot.slack.render.message import Block

SEARCH_SHORTCUT = "search_logs"
"""The `callback_id` of the shortcut "Search logs", which is used anywhere; manifest.yml names the same."""


@dataclass(frozen=True, slots=True)
class GlobalShortcut:
    """A shortcut that a person used anywhere; it names no channel."""

    origin: PayloadOrigin
    user: str
    team: str | None
    trigger_id: str


@dataclass(frozen=True, slots=True)
class ViewPayload:
    """What a person did in a modal."""

    origin: PayloadOrigin
    user: str
    team: str | None
    name: str
    """The handler of the view."""
    view_id: str
    hash: str
    metadata: ModalMetadata
    fields: ModalFields
    blocks: tuple[Block, ...]
    """What the view shows."""
    title: str
    submit: str
    """The label of its submit button."""
    action: str = ""
    """The part of the `action_id` before the colon, of a click."""
    key: str = ""
    """The part after the colon: the name of a field, for example."""
    kind: str = ""
    """The type of the payload."""
    value: str = ""
    """Of the button or the chosen entry; for a menu that is searched, what was typed."""

    @property
    def changes_view(self) -> bool:
        """Whether its outcome replaces what the view shows."""
        return self.kind == "view_submission" or (self.kind == "block_actions" and self.action != Action.CANCEL)

    @property
    def keeps_view(self) -> bool:
        """Whether the view stays, with what is shown above it: a form, or the answer below a button for the channel."""
        is_page = self.action in (Action.SHOW, Action.OPEN, Action.CANCEL)
        return bool(self.submit) or (self.kind == "block_actions" and not is_page)


def is_modal(body: Body) -> bool:
    """Whether a payload is about a modal, and not about a message or App Home."""
    return text_at(body, "view", "type") == "modal"


def read_global_shortcut(body: Body) -> GlobalShortcut:
    """Read a shortcut that was used anywhere.

    Raises:
        MalformedPayload: it has no person.
    """
    user, team = text_at(body, "user", "id"), text_at(body, "team", "id")
    if user is None:
        raise MalformedPayload("a shortcut without a person")
    teams = teams_of(team, text_at(body, "user", "team_id"))
    origin = PayloadOrigin(user, None, teams, text_at(body, "enterprise", "id"))
    return GlobalShortcut(origin, user, team, text_at(body, "trigger_id") or "")


def read_view_payload(body: Body) -> ViewPayload:
    """Read a payload about a modal.

    Raises:
        MalformedPayload: it lacks what Slack documents.
    """
    user, view_id = text_at(body, "user", "id"), text_at(body, "view", "id")
    if user is None or view_id is None:
        raise MalformedPayload("a view without a person or an id")
    view = body["view"]
    metadata = decode_metadata(str(view.get("private_metadata") or ""))
    action_id, value = _read_action(body)
    action, _, key = action_id.partition(":")
    if action == Action.MORE:
        action, key, value = read_entry(value)
    team = text_at(body, "team", "id")
    origin = PayloadOrigin(
        user,
        metadata.channel or None,
        teams_of(team, text_at(body, "user", "team_id")),
        text_at(body, "enterprise", "id"),
    )
    return ViewPayload(
        origin,
        user,
        team,
        text_at(body, "view", "callback_id") or "",
        view_id,
        text_at(body, "view", "hash") or "",
        metadata,
        read_fields(view.get("state")),
        tuple(block for block in view.get("blocks") or [] if isinstance(block, dict)),
        text_at(body, "view", "title", "text") or "",
        text_at(body, "view", "submit", "text") or "",
        action,
        key,
        str(body.get("type") or ""),
        value,
    )


def _read_action(body: Body) -> tuple[str, str]:
    """The `action_id` and the value of a click or of a search; both empty for anything else."""
    if body.get("type") == "block_suggestion":
        return text_at(body, "action_id") or "", text_at(body, "value") or ""
    match body.get("actions"):
        case [{"action_id": str(action_id), "value": str(value)}, *_]:
            return action_id, value
        case [{"action_id": str(action_id), "selected_option": {"value": str(value)}}, *_]:
            return action_id, value
        case [{"action_id": str(action_id)}, *_]:
            return action_id, ""
        case _:
            return "", ""
