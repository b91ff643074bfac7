"""Emoji of severities, job states and notes, each defined once."""

from bot.domain.alerts import Severity
from bot.domain.jobs import JobState

SEVERITY_ICONS = {Severity.PAGE: "🔴", Severity.WARN: "🟠", Severity.INFO: "🔵"}
SEVERITY_LEGEND = " · ".join(f"{icon} {severity}" for severity, icon in SEVERITY_ICONS.items())

STATE_ICONS = {
    JobState.QUEUED: "⏳",
    JobState.STARTING: "⏳",
    JobState.RUNNING: "🟢",
    JobState.IDLE: "💤",
    JobState.UNHEALTHY: "🟠",
    JobState.SUCCEEDED: "✅",
    JobState.FAILED: "🔴",
    JobState.CANCELLED: "⚪",
    JobState.PREEMPTED: "🔴",
    JobState.UNKNOWN: "❓",
}
PENDING = "⏳"
REMINDER = "⏰"
ESCALATION = "🔔"
DOWN = "⏸️"
REPEATS = "🔄"
OWNER = "👍"
REMARK = "📝"
CLEARED = "✅"
ENDED = "⚪"
STARTED = "▶️"
FIRST_STEP = "🚀"
CHECKPOINT = "💾"
MILESTONE = "📈"
NOTE = "\N{INFORMATION SOURCE}\ufe0f"
TIMES = "\N{MULTIPLICATION SIGN}"
WARNING = "⚠️"
