"""Configure the log on standard error: redacted, as JSON lines or in colour.

Modules log with the standard `logging`; structlog formats the records.
"""

import logging
import sys
from collections.abc import Sequence

import structlog
from structlog.typing import EventDict, Processor

from bot.redaction.nested_values import redact_value
from bot.redaction.redactor import Redactor
from bot.redaction.user_patterns import UserPattern
from bot.settings import Settings


def configure_logging(settings: Settings, patterns: Sequence[UserPattern] = ()) -> None:
    """Log to standard error with the level and format in the settings, without secrets; `patterns` has further ones."""
    redactor = Redactor(settings.secrets, patterns)

    def redact_event(_: object, __: str, event: EventDict) -> EventDict:
        return {name: redact_value(value, redactor) for name, value in event.items()}

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                redact_event,
                _renderer(settings.trainwatch_log_format),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("bot").setLevel(settings.trainwatch_log_level.upper())


def _renderer(log_format: str) -> Processor:
    if log_format == "console" or (log_format == "auto" and sys.stderr.isatty()):
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer()
