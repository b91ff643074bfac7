"""The keys by which the outbox knows a message about a change. Pure."""

from datetime import datetime

from bot.domain.alerts import stable_id


def change_key(at: datetime, shown: object) -> str:
    """Return the end of the key of a message about a change: its time, and a checksum of what the message shows.

    The outbox ignores a key that it has, and two changes can have the same time after a clock was set.
    """
    return f"{at.isoformat()}:{stable_id('change', repr(shown))}"
