"""Parse and format the settings of a run's messages: `notify=lifecycle`, `milestones=1000`, `queued=30m`. Pure."""

from dataclasses import replace
from datetime import timedelta

from bot.domain.durations import format_duration, parse_duration
from bot.domain.subscriptions import AS_USUAL, NotifyLevel, RunSettings
from bot.errors import UsageError

RUN_SETTINGS = ("notify", "milestones", "queued", "time_limit")
"""Names of the settings. No rule has one of them."""
_MAX_STEPS = 10**12
_LONGEST = timedelta(days=365)


def parse_run_setting(settings: RunSettings, name: str, value: str) -> RunSettings:
    """Apply one setting.

    Raises:
        UsageError: the value is invalid.
    """
    match name:
        case "notify":
            return replace(settings, notify=_level(value))
        case "milestones":
            return replace(settings, milestone_steps=_steps(value))
        case "queued":
            return replace(settings, queued_after=_duration(name, value))
        case _:
            return replace(settings, time_limit=None if value.lower() == "off" else _duration(name, value))


def format_run_settings(settings: RunSettings) -> tuple[str, ...]:
    """Return the settings that differ from the defaults, as the words that `parse_run_setting` reads."""
    limit = settings.time_limit
    words = (
        ("notify", settings.notify.value, settings.notify is not AS_USUAL.notify),
        ("milestones", str(settings.milestone_steps), settings.milestone_steps != AS_USUAL.milestone_steps),
        ("queued", _typed(settings.queued_after), settings.queued_after != AS_USUAL.queued_after),
        ("time_limit", "" if limit is None else _typed(limit), limit is not None),
    )
    return tuple(f"{name}={value}" for name, value, is_changed in words if is_changed)


def _typed(span: timedelta) -> str:
    return format_duration(span).replace(" ", "")


def _level(value: str) -> NotifyLevel:
    if value.lower() not in list(NotifyLevel):
        raise UsageError(f"Invalid value in `notify={value[:40]}`. Use `failures`, `lifecycle` or `all`.")
    return NotifyLevel(value.lower())


def _steps(value: str) -> int:
    if value == "25%":
        return 0
    number = value.replace(",", "")
    if not (number.isascii() and number.isdigit() and len(number) <= 13 and 0 < int(number) <= _MAX_STEPS):
        raise UsageError(
            f"Invalid value in `milestones={value[:40]}`. Use a number of steps, such as 1000, or 25% for quarters."
        )
    return int(number)


def _duration(name: str, value: str) -> timedelta:
    span = parse_duration(value)
    if span is None or not timedelta(0) < span <= _LONGEST:
        raise UsageError(f"Invalid duration in `{name}={value[:40]}`. Use 1s to {_LONGEST.days}d, such as 30m or 12h.")
    return span
