"""Tell a pasted log from a command or a question, and take it out of a message. Pure."""

import re

from bot.commands.parsing.mentions import starts_with_subcommand

_FENCE = re.compile(r"```(?:\s*\n)?(.*?)(?:```|\Z)", re.DOTALL)
_LOG_LINE = re.compile(
    r"(?i)^\W*(?:\d{4}[-/]\d\d[-/]\d\d[T ]|\d\d:\d\d:\d\d|[IWEF]\d{4} |(?:rank|node|worker)[ _-]?\d+\]?[: ]"
    r"|(?:ERROR|FATAL|CRITICAL|WARNING|WARN|INFO|DEBUG)\b[\]: ]|Traceback \(most recent)"
    r"|^\W*(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)\b: |\bNCCL (?:WARN|INFO)\b|\bXid \("
)
"""How a line of a log begins, or what only one holds."""
_MANY = 3
"""This many lines without code marks are a log."""
_DIAGNOSE = ("diagnose", "why", "diagnose this", "why did this fail")
_COMMAND_LINES = 2
"""A command may be pasted with a line break."""


def extract_log(text: str) -> str:
    """Return what is between code fences; the whole text if there are none."""
    fenced = [found.strip("\n") for found in _FENCE.findall(text)]
    return "\n".join(fenced) if any(one.strip() for one in fenced) else text


def is_log_to_diagnose(text: str, *, has_text_file: bool) -> bool:
    """Whether a message to the bot is about a log in it, rather than a command or a question about a job."""
    if has_text_file:
        return text.strip(" ?.!").lower() in _DIAGNOSE or not starts_with_subcommand(text)
    return _is_pasted_log(text)


def _is_pasted_log(text: str) -> bool:
    log = extract_log(text)
    lines = [line for line in log.splitlines() if line.strip()]
    if len(lines) <= _COMMAND_LINES and starts_with_subcommand(log):
        return False
    is_fenced = log != text and bool(lines)
    return is_fenced or len(lines) >= _MANY or any(_LOG_LINE.search(line) for line in lines)
