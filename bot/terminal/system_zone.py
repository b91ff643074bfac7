"""The time zone of this machine, with its clock changes."""

from datetime import UTC, datetime, timedelta, tzinfo


class SystemZone(tzinfo):
    """As the operating system converts times; `TZ` and /etc/localtime set it."""

    def utcoffset(self, dt: datetime | None) -> timedelta | None:
        """Return the offset at a local time."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().utcoffset()

    def dst(self, dt: datetime | None) -> timedelta | None:
        """Return None: the system does not say how much of the offset is daylight saving."""
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        """Return the zone's abbreviation at a local time."""
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, dt: datetime) -> datetime:
        """Convert a UTC time to local time."""
        seconds = (dt.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        local = datetime.fromtimestamp(seconds)  # noqa: DTZ006 - a naive local time carries `fold`
        return local.replace(microsecond=dt.microsecond, tzinfo=self)
