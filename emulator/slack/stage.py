"""What the page offers besides Slack, where something is around it: stories to start, and a clock to move."""

from typing import Protocol

from emulator.slack.model import Json


class Stage(Protocol):
    """The stories and the clock. A change is published as `Change("stage")`."""

    def state(self) -> Json:
        """What the page shows: `stories`, `ahead_s`, `next` (or None) and `is_moving`."""
        ...

    async def start(self, user: str, name: str) -> Json:
        """Start a story for a person; returns the `channel` of its messages and a `question` about it.

        Raises:
            KeyError: the story is unknown.
        """
        ...

    async def advance(self, seconds: float | None) -> None:
        """Move time forward; None: to the next event."""
        ...
