"""How a deployment serves its requests, in words. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from bot.domain.metrics import (
    REPLICAS,
    REPLICAS_STARTING,
    REQUESTS,
    REQUESTS_FAILED,
    REQUESTS_IN_FLIGHT,
    REQUESTS_QUEUED,
    RESPONSE_TIMES,
    SERVING_METRICS,
    MetricSummary,
)

_MEDIAN, _SLOWEST = "response_time_p50_seconds", "response_time_p99_seconds"
assert {_MEDIAN, _SLOWEST} <= set(RESPONSE_TIMES)


def serving_sentence(summaries: Iterable[MetricSummary]) -> str:
    """Return replicas, requests, failures and response times, without a full stop; "" if none is measured."""
    known = {one.series.name: one for one in summaries if one.series.name in SERVING_METRICS}
    return ", ".join(_parts(known))


def _parts(known: Mapping[str, MetricSummary]) -> Iterator[str]:
    if replicas := known.get(REPLICAS):
        starting = known.get(REPLICAS_STARTING)
        more = f" and {starting.last:.0f} starting" if starting and starting.last >= 1 else ""
        yield f"{replicas.last:.0f} {'replica' if round(replicas.last) == 1 else 'replicas'}{more}"
    if requests := known.get(REQUESTS):
        yield f"{_figure(requests.mean)} requests/s"
        failed = known.get(REQUESTS_FAILED)
        if failed and failed.mean > 0 and requests.mean > 0:
            yield f"{_percent(failed.mean / requests.mean)} failed"
    for name, words in ((REQUESTS_IN_FLIGHT, "in flight"), (REQUESTS_QUEUED, "queued")):
        waiting = known.get(name)
        if waiting and waiting.last > 0:
            yield f"{_figure(waiting.last)} {words}"
    if median := known.get(_MEDIAN):
        slowest = known.get(_SLOWEST)
        yield f"response time {_figure(median.last)} s" + (f" (p99 {_figure(slowest.last)} s)" if slowest else "")


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 or value == round(value) else f"{value:.2g}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "under 1%"
