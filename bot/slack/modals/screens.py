"""Open views and replace what they show, in the order in which people act.

Two clicks may be answered in any order, so only the newest use of a view may change it. Within a process a number
decides. Between processes Slack does: `views.update` refuses a `hash` that is out of date.
Source: https://docs.slack.dev/surfaces/modals (documented, read 2026-11-20).
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.failures import UNREACHABLE, delivery_error, error_code

_MAX_VIEWS = 5_000
_GONE = frozenset({"not_found", "view_not_found", "hash_conflict"})
"""The person has closed the view, or another process has a newer one."""
_SETTLE_S = 0.3
"""A view that an acknowledgement shows arrives this much later at the most; an earlier update would be lost."""

ViewResponse = dict[str, object]
"""The acknowledgement of a submission."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _ViewState:
    """What this process knows about a view."""

    newest: int = 0
    hash: str = ""
    """Of what it shows; empty while that is not known, and then an update is not guarded."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    updating: asyncio.Future[None] | None = None


@dataclass(frozen=True, slots=True)
class ModalScreen:
    """One use of a view: it was opened, or something was done in it."""

    client: AsyncWebClient
    view_id: str
    state: _ViewState
    number: int
    response: asyncio.Future[ViewResponse] | None = None
    """Of a submission: while it is not set, what is shown becomes the acknowledgement."""

    @property
    def is_newest(self) -> bool:
        """Whether nothing was done in the view since."""
        return self.number == self.state.newest

    def respond(self, response: ViewResponse) -> bool:
        """Acknowledge a submission with this; False if it is acknowledged already."""
        if self.response is None or self.response.done():
            return False
        self.response.set_result(response)
        self.state.hash = ""  # Slack does not tell the new one
        return True

    async def show(self, view: dict[str, object]) -> None:
        """Replace what is shown, unless the person has done something else in the view or closed it.

        Raises:
            DeliveryError: Slack cannot be reached or refuses the view.
        """
        if self.respond({"response_action": "update", "view": view}):
            return
        if self.response is not None and not self.state.hash:
            await asyncio.sleep(_SETTLE_S)
        # A note on progress is cancelled when the answer is there; the hash of its view must not get lost.
        self.state.updating = asyncio.ensure_future(self._update(view))
        await asyncio.shield(self.state.updating)

    async def _update(self, view: dict[str, object]) -> None:
        async with self.state.lock:
            if not self.is_newest:
                return
            sent, self.state.hash = self.state.hash or None, ""
            try:
                response = await self.client.views_update(view_id=self.view_id, view=view, hash=sent)
            except UNREACHABLE as error:
                if error_code(error) not in _GONE:
                    raise delivery_error(error) from error
                log.debug("view not updated", extra={"reason": error_code(error)})
                self.state.newest += 1
                return
            self.state.hash = _read_view(response, "hash")


class ModalScreens:
    """The views that people may be looking at."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, _ViewState] = OrderedDict()

    async def open(self, client: AsyncWebClient, trigger_id: str, view: dict[str, object]) -> ModalScreen:
        """Open a view.

        Raises:
            DeliveryError: Slack refuses it: the trigger has expired, for example.
        """
        try:
            response = await client.views_open(trigger_id=trigger_id, view=view)
        except UNREACHABLE as error:
            raise delivery_error(error) from error
        return self.use(client, _read_view(response, "id"), _read_view(response, "hash"))

    def use(
        self,
        client: AsyncWebClient,
        view_id: str,
        view_hash: str,
        response: asyncio.Future[ViewResponse] | None = None,
        *,
        is_newest: bool = True,
    ) -> ModalScreen:
        """Note that a person did something in a view; from the newest use on, earlier ones no longer change it."""
        state = self._states.setdefault(view_id, _ViewState())
        self._states.move_to_end(view_id)
        if len(self._states) > _MAX_VIEWS:
            self._states.popitem(last=False)
        state.newest += is_newest
        state.hash = state.hash or view_hash
        return ModalScreen(client, view_id, state, state.newest, response)


def _read_view(response: AsyncSlackResponse, name: str) -> str:
    view = response.get("view")
    return str(view.get(name) or "") if isinstance(view, dict) else ""
