"""The Prometheus metrics of this process. Code that does the work counts; `bot.health.exposition` sets the gauges.

docs/operations.md explains each metric.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nothing here reads
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300, 600, 1800, 3600)

ALERT_LATENCY = Histogram(
    "trainwatch_alert_latency_seconds",
    "Time from the newest log line or sample of a new alert to its message in Slack.",
    ["severity"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
DELIVERY_SECONDS = Histogram(
    "trainwatch_delivery_seconds",
    "Time from the decision to send a message to Slack's answer.",
    ["kind"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
SENDS = Counter("trainwatch_sends", "Attempts to send a message, by outcome.", ["kind", "outcome"], registry=REGISTRY)
POLLS = Counter("trainwatch_polls", "Polls of jobs, by outcome.", ["platform", "outcome"], registry=REGISTRY)
POLL_SECONDS = Histogram(
    "trainwatch_poll_seconds", "Duration of polls.", ["platform"], buckets=_SECONDS, registry=REGISTRY
)
POLL_LAG = Gauge("trainwatch_poll_lag_seconds", "How late the most overdue poll is.", registry=REGISTRY)
JOBS = Gauge("trainwatch_watched_jobs", "Watched jobs.", ["platform"], registry=REGISTRY)
QUEUE_DEPTH = Gauge("trainwatch_queue_depth", "Messages that wait, by urgency.", ["severity"], registry=REGISTRY)
QUEUE_AGE = Gauge(
    "trainwatch_queue_oldest_seconds", "Age of the oldest message that waits.", ["severity"], registry=REGISTRY
)
INCIDENTS = Gauge("trainwatch_incidents", "Incidents, by state.", ["state"], registry=REGISTRY)
HTTP_REQUESTS = Gauge(
    "trainwatch_http_requests_total",
    "Requests to platforms since the start.",
    ["platform", "status"],
    registry=REGISTRY,
)
PLATFORM_REACHABLE = Gauge(
    "trainwatch_platform_reachable", "1 unless no job of the platform could be read.", ["platform"], registry=REGISTRY
)
SLACK_CONNECTS = Counter("trainwatch_slack_connects", "Socket Mode connections opened.", registry=REGISTRY)
SLACK_DISCONNECTS = Counter("trainwatch_slack_disconnects", "Socket Mode connections lost.", registry=REGISTRY)
SLACK_UP = Gauge("trainwatch_slack_up", "1 while Slack answers, both ways.", registry=REGISTRY)
DATABASE_UP = Gauge("trainwatch_database_up", "1 while the database can be read and written.", registry=REGISTRY)
READY = Gauge("trainwatch_ready", "1 while /readyz reports no problem.", registry=REGISTRY)
LOOP_AGE = Gauge("trainwatch_loop_age_seconds", "Time since a loop's last tick.", ["loop"], registry=REGISTRY)
CLOCK_OFFSET = Gauge(
    "trainwatch_clock_offset_seconds", "How far the system clock is ahead of the time in use.", registry=REGISTRY
)
CLOCK_JUMPS = Counter("trainwatch_clock_jumps", "Jumps of the system clock.", registry=REGISTRY)
CANARY_LATENCY = Histogram(
    "trainwatch_canary_latency_seconds",
    "Time of a synthetic incident from the database through the outbox.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
CANARY_AGE = Gauge(
    "trainwatch_canary_age_seconds", "Time since the last synthetic incident arrived.", registry=REGISTRY
)
PINGS = Counter(
    "trainwatch_dead_man_pings", "Pings of TRAINWATCH_PING_URL, by outcome.", ["outcome"], registry=REGISTRY
)
BUILD_INFO = Gauge("trainwatch_build_info", "Always 1.", ["version", "python", "database_schema"], registry=REGISTRY)
