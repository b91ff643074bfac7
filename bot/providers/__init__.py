"""The API for third-party providers; everything else under `bot` may change (docs/providers.md).

`bot.providers.testing` is not imported here, because it needs pytest.
"""

from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import Job, JobRef, JobState, Resources
from bot.domain.logs import Level, LogCursor, LogFilter, LogLine, LogPage, LogQuery, Order, parse_level
from bot.domain.metric_validation import validate_series
from bot.domain.metrics import MetricPoint, MetricQuery, MetricSeries
from bot.errors import (
    AuthFailed,
    BadRequest,
    ConfigError,
    JobNotFound,
    NotSupported,
    ProtocolError,
    ProviderError,
    RateLimited,
    Unavailable,
)
from bot.providers.base import (
    DeclaresMetrics,
    Download,
    Downloads,
    JobWithMetrics,
    Priority,
    Provider,
    ReportsRequestRate,
    RequestRate,
    SupportsPriority,
)

__all__ = ["Gap", "GapReason", "Job", "JobRef", "JobState", "Part", "Resources"]
__all__ += ["Level", "LogCursor", "LogFilter", "LogLine", "LogPage", "LogQuery", "Order", "parse_level"]
__all__ += ["MetricPoint", "MetricQuery", "MetricSeries", "validate_series"]
__all__ += ["AuthFailed", "BadRequest", "ConfigError", "JobNotFound", "NotSupported", "ProtocolError", "ProviderError"]
__all__ += ["DeclaresMetrics", "Download", "Downloads", "JobWithMetrics", "Priority", "Provider", "RateLimited"]
__all__ += ["ReportsRequestRate", "RequestRate", "SupportsPriority", "Unavailable"]
