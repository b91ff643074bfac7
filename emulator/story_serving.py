"""Two Baseten deployments: one that serves traffic and has a burst of errors, one that is unhealthy for a while.

The list of all stories is in ``stories.py``.
"""

from datetime import timedelta

from emulator import training_text as text
from emulator.hardware_metrics import Gauge
from emulator.logs import Line, Script
from emulator.serving_metrics import steady_serving
from emulator.timeline import StoryLog, Timeline, busy
from emulator.world import Status, World, to_ns

MODEL = "qwen7b1"
REPLICAS = ("k2v9x", "m4t7c", "z8w3r")
REQUEST_NS = 600 * 10**6
ENDLESS = 50_000_000
TEMPLATES = (
    ("INFO", "POST /v1/chat/completions prompt_tokens={prompt} max_tokens=512"),
    ("DEBUG", "scheduler: batch={batch} kv_cache={cache}% waiting=0"),
    ("INFO", "200 OK completion_tokens={prompt} latency_ms={latency}"),
)
BURST = (
    ("INFO", "POST /v1/chat/completions prompt_tokens={prompt} max_tokens=512"),
    ("ERROR", "engine: request failed: KV cache is exhausted (0 free blocks of 13312, {batch} requests running)"),
    ("ERROR", "500 Internal Server Error latency_ms={latency}"),
)


def serving(world: World, timeline: Timeline) -> None:
    """Serve requests from three replicas without end; from second 12 to 20 most of them fail."""
    first_ns = to_ns(timeline.began)
    burst = range(to_ns(timeline.at(12)), to_ns(timeline.at(20)))

    def line_at(number: int) -> Line:
        request, part = divmod(number, 3)
        moment_ns = first_ns + request * REQUEST_NS
        fails = moment_ns in burst and text.noise(13, request) < 0.7
        level, template = (BURST if fails else TEMPLATES)[part]
        share = text.noise(17, request)
        message = template.format(
            prompt=int(40 + 900 * share),
            batch=int(8 + 60 * share),
            cache=int(30 + 50 * share),
            latency=int(90 + 400 * share),
        )
        stamp_ns = moment_ns + part * 120_000_000 + int(share * 900_000)
        return Line(stamp_ns, message, REPLICAS[request % 3], level, f"req-{text.token(19, request)}")

    statuses = [Status(timeline.began, "BUILDING"), Status(timeline.began + timedelta(minutes=4), "ACTIVE")]
    failing = (timeline.at(12).timestamp(), timeline.at(20).timestamp())
    metrics = steady_serving(
        REPLICAS,
        utilization=busy(23, 0.72, 0.2),
        requests=_during(failing, 0.5, 1.67),
        failures=_during(failing, 1.17, 0.0),
        in_flight=busy(29, 2.4, 1.2),
    )
    script = Script(ENDLESS, line_at)
    deployment = world.add_deployment(MODEL, "srv4ce1", lines=script, statuses=statuses, metrics=metrics)
    deployment.replicas = len(REPLICAS)
    world.model_names[MODEL] = "qwen-7b-chat"


def _during(span: tuple[float, float], value: float, otherwise: float) -> Gauge:
    return lambda moment: value if span[0] <= moment < span[1] else otherwise


def unhealthy(world: World, timeline: Timeline) -> None:
    """Fail health checks at second 25 and recover at second 75."""
    sick, well = timeline.at(25), timeline.at(75)
    story_log = StoryLog("u6h2q")
    story_log.write(
        timeline.began, ["Loading model weights from /models/llama-8b", "Model loaded in 48.2 s"], level="INFO"
    )
    minutes = int((timeline.start - timeline.began).total_seconds()) // 60
    for minute in range(1, minutes):
        story_log.write(timeline.began + timedelta(minutes=minute), "health check passed in 12 ms")
    for number in range(3):
        message = f"health check failed ({number + 1}/3): no answer within 5 s from 127.0.0.1:8080/health"
        story_log.write(sick - timedelta(seconds=6 - 2 * number), message, level="WARNING")
    story_log.write(sick, "replica marked unhealthy, it gets no traffic", level="ERROR")
    story_log.write(well, "health check passed in 14 ms; replica takes traffic again", level="INFO")
    statuses = [Status(timeline.began, "ACTIVE"), Status(sick, "UNHEALTHY"), Status(well, "ACTIVE")]
    metrics = steady_serving(("u6h2q",), utilization=busy(31, 0.4, 0.1))
    deployment = world.add_deployment(MODEL, "unh2lth", lines=story_log.lines, statuses=statuses, metrics=metrics)
    deployment.name, deployment.environment = "staging", "staging"
