"""Every other answer: how it looks, and that nothing foreign in it is obeyed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.parsing import parser as grammar
from bot.commands.subcommands.help import HelpAnswer
from bot.commands.subcommands.jobs import JobsAnswer, MetricsAnswer, MetricsCommand, ProviderJobs, StatusAnswer
from bot.commands.subcommands.rules import RuleShown
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer, Watched
from bot.domain.alerts import Severity
from bot.domain.gaps import Gap, GapReason, Part
from bot.domain.jobs import JobRef, JobState
from bot.domain.metrics import (
    CACHE,
    GPU_MEMORY,
    GPU_UTILIZATION,
    KNOWN_METRICS,
    MetricPoint,
    MetricSeries,
    MetricSummary,
    summarize,
)
from bot.domain.subscriptions import Matcher, RuleSettings, Silence, Subscription
from bot.slack.render.answers import render, render_shared, render_working
from tests.unit.slack.factories import HOSTILE, NOW, REF, at, incident, job, line
from tests.unit.slack.validity import buttons, problems, shown

SUBSCRIPTION = Subscription(3, "C0RUNS", REF, "U0ANNA", at(-60))
RULES = (
    RuleShown("job_failed", "The platform reports that the job failed.", Severity.PAGE, True, ()),
    RuleShown("log_errors", "New log lines at level ERROR or worse.", Severity.WARN, False, ()),
    RuleShown(
        "low_gpu_utilization",
        "A GPU stays below a threshold.",
        Severity.WARN,
        True,
        (("threshold", "20%", "Fires below this"), ("for", "15m", "How long utilization must be low")),
    ),
)
HOSTILE_RULE = RuleShown(HOSTILE, HOSTILE * 9, Severity.INFO, True, ((HOSTILE, HOSTILE, HOSTILE),) * 9)
SILENCE = Silence(7, "C0RUNS", (Matcher("job", str(REF)),), "U0ANNA", NOW, at(120), "restarting nodes")


def gauge(
    name: str, gpu: int, values: list[float], limit: float | None = None, node: str | None = None
) -> MetricSummary:
    points = tuple(MetricPoint(value, at(-60 + 60 * index / len(values))) for index, value in enumerate(values))
    made = summarize(MetricSeries(name, points, node, gpu, limit))
    assert made is not None
    return made


def metrics(count: int = 8) -> MetricsAnswer:
    used = [gauge(GPU_UTILIZATION, gpu, [0.2, 0.5, 0.97, 0.98, 0.96, 0.97, 0.99, 0.05 * gpu]) for gpu in range(count)]
    memory = [gauge(GPU_MEMORY, gpu, [70e9, 71e9, 72e9, 71.5e9], 80 * 2**30) for gpu in range(count)]
    gap = Gap(Part.METRICS, GapReason.UNAVAILABLE, "The cache figures could not be read.")
    return MetricsAnswer(job(), at(-60), NOW, (*used, *memory), MetricsCommand(str(REF)), (CACHE,), (gap,))


CASES: dict[str, Answer] = {
    "status": StatusAnswer(job(), NOW, (line("step 9 loss 2.1"),), metrics().summaries, (), (SUBSCRIPTION,)),
    "status_failed": StatusAnswer(
        replace(job(JobState.FAILED), error="Exit code 1", ended_at=at(-3)), NOW, incidents=(incident(),)
    ),
    "status_unknown": StatusAnswer(replace(job(JobState.UNKNOWN), vendor_status="REHYDRATING"), NOW),
    "jobs": JobsAnswer(
        (
            ProviderJobs("baseten", (job(), job(JobState.FAILED, None))),
            ProviderJobs("fireworks", (), "Fireworks refused the key. Check FIREWORKS_API_KEY."),
            ProviderJobs("rivergen", (), "RiverGen does not list its models.", lists=False),
            ProviderJobs("acme"),
        )
    ),
    "metrics": metrics(),
    "no_metrics": MetricsAnswer(job(), at(-60), NOW, (), MetricsCommand(str(REF)), (GPU_UTILIZATION, CACHE)),
    "watch": WatchAnswer(SUBSCRIPTION, job(), True, RULES),
    "watch_again": WatchAnswer(SUBSCRIPTION, job(), False, RULES),
    "watch_same": WatchAnswer(SUBSCRIPTION, job(), False, RULES, is_news=False),
    "unwatch": UnwatchAnswer((REF,)),
    "unwatch_nothing": UnwatchAnswer(()),
    "list": ListAnswer((Watched(SUBSCRIPTION, job(), at(-1), 2), Watched(SUBSCRIPTION, None, None)), (SILENCE,), NOW),
    "list_nothing": ListAnswer((), (), NOW),
    "silence": SilenceAnswer(SILENCE),
    "silence_over": SilenceAnswer(SILENCE, ended=True),
    "help": HelpAnswer("logs", "/train logs REF [OPTIONS]", "Show log lines.", (("--since SPAN", "from so long ago"),),
                       (("/train logs baseten:p/j", "the last 100 lines"),)),
    "error": ErrorAnswer("There is no job `p/j` at Baseten; `/train jobs baseten` lists them."),
    "usage": ErrorAnswer("--since wants a span such as 30m.", "/train logs REF [OPTIONS]"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_looks_like_this(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render(CASES[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


HOSTILE_JOB = replace(
    job(name=HOSTILE), ref=JobRef("x", HOSTILE), vendor_status=HOSTILE, state=JobState.UNKNOWN, error=HOSTILE * 9
)
HOSTILE_SUBSCRIPTION = replace(SUBSCRIPTION, created_by=HOSTILE, job=JobRef("x", HOSTILE))
HOSTILE_SILENCE = replace(SILENCE, matchers=(Matcher("rule", HOSTILE),) * 9, reason=HOSTILE * 9, created_by=HOSTILE)


@pytest.mark.parametrize(
    "answer",
    [
        StatusAnswer(HOSTILE_JOB, NOW, (line(HOSTILE * 9),) * 50, (), (), (HOSTILE_SUBSCRIPTION,), (incident(),) * 9),
        JobsAnswer((ProviderJobs(HOSTILE, (HOSTILE_JOB,) * 300, HOSTILE),) * 3),
        WatchAnswer(HOSTILE_SUBSCRIPTION, HOSTILE_JOB, True, (HOSTILE_RULE,) * 300),
        UnwatchAnswer((JobRef("x", HOSTILE),) * 500),
        ListAnswer((Watched(HOSTILE_SUBSCRIPTION, HOSTILE_JOB, NOW, 9),) * 300, (HOSTILE_SILENCE,) * 300, NOW),
        SilenceAnswer(HOSTILE_SILENCE),
        HelpAnswer(HOSTILE, HOSTILE * 9, HOSTILE * 9, ((HOSTILE, HOSTILE),) * 99, ((HOSTILE, HOSTILE),) * 99),
        ErrorAnswer(HOSTILE * 50, HOSTILE * 50),
        replace(metrics(), job=HOSTILE_JOB, missing=(HOSTILE,) * 9),
        replace(metrics(), summaries=tuple(gauge(HOSTILE + str(n), n, [n + 1.0], 5, HOSTILE) for n in range(60))),
        replace(metrics(), summaries=tuple(gauge(GPU_UTILIZATION, n, [0.5], 1, f"node-{n}") for n in range(600))),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_hostile_or_huge_answers_make_messages_that_slack_takes(answer: Answer) -> None:
    assert [] == problems(render(answer))
    shared = render_shared(answer)
    assert [] == problems(shared.root)
    assert shared.thread is None or problems(shared.thread) == []


@pytest.mark.parametrize("case", CASES)
def test_a_shared_answer_offers_no_sharing(case: str) -> None:
    assert "Share in channel" not in buttons(render_shared(CASES[case]).root)


def test_a_new_subscription_is_told_in_two_lines_and_its_settings_in_the_thread() -> None:
    shared = render_shared(CASES["watch"])
    assert "by <@U0ANNA>" in shown(shared.root)
    assert "its rules are in the thread" == shared.pointer
    assert shared.thread is not None
    assert "🟠 *log_errors* · *off* New log lines at level ERROR or worse." in shown(shared.thread)
    assert "A GPU stays below a threshold. `threshold=20%, for=15m`" in shown(shared.thread)
    assert "🔴 page · 🟠 warn · 🔵 info" in shown(shared.thread)


def test_a_subscription_says_in_the_channel_what_is_not_as_usual() -> None:
    settings = RuleSettings({"low_gpu_utilization": {"for": 60.0}}, ("log_gap",), Severity.WARN)
    answer = WatchAnswer(replace(SUBSCRIPTION, settings=settings), job(), True, RULES)
    said = "low_gpu_utilization set differently · log_gap off · only warn and worse"
    assert said in shown(render_shared(answer).root)


@pytest.mark.parametrize(
    ("summaries", "count"),
    [
        (metrics().summaries, 8 + 1),
        (tuple(gauge(GPU_UTILIZATION, 7, [0.5] * 9, None, f"pretrain-h100-{node}") for node in (9, 10)), 2),
    ],
)
def test_a_metric_table_is_narrow_enough_for_a_phone(summaries: tuple[MetricSummary, ...], count: int) -> None:
    told = shown(render(replace(metrics(), summaries=summaries)))
    rows = [row for row in told.splitlines() if re.match(r"[\w/-]+( 8)? +[▁▂▃▄▅▆▇█·]{4,8} ", row)]
    assert count == len(rows)
    assert max(map(len, rows)) <= 40


def test_nodes_are_told_apart_by_the_end_of_their_names() -> None:
    nodes = [gauge(GPU_UTILIZATION, 3, [0.5] * 9, None, f"pretrain-h100-{node}") for node in (10, 11)]
    told = shown(render(replace(metrics(), summaries=tuple(nodes))))
    assert "node/gpu" in told
    assert "10/3 " in told
    assert "11/3 " in told


def test_gpus_with_the_same_figures_share_a_row() -> None:
    assert "all 8 ▇▇▇▇       67   66   65   67   67" in shown(render(metrics()))


def test_a_training_curve_has_a_wide_line_from_least_to_greatest_and_exact_figures() -> None:
    loss = gauge("loss", 0, [0.7 - 0.01 * index for index in range(40)])
    told = shown(render(replace(metrics(), summaries=(loss,))))
    line, figures, more = told.split("```")[1].strip().splitlines()
    assert 34 == len(line)
    assert ("█", "▁") == (line[0], line[-1])
    assert "last 0.31  min 0.31  max 0.7" == figures
    assert "mean 0.505  p5 0.3295  p95 0.6805" == more


def test_the_figures_of_a_metric_are_said_to_those_who_hear_the_message() -> None:
    assert "8 GPUs at 18%, from 0% to 35%." in render(metrics()).text
    assert "loss 0.25" in render(replace(metrics(), summaries=(gauge("loss", 0, [0.5, 0.25]),))).text


def test_a_platform_without_any_of_the_usual_metrics_does_not_list_them() -> None:
    told = shown(render(replace(metrics(), missing=KNOWN_METRICS)))
    assert "no samples of GPUs, CPU, memory or storage" in told


def test_as_many_metrics_are_shown_as_a_message_has_blocks() -> None:
    many = tuple(gauge(f"loss_{number}", 0, [1.0, 2.0]) for number in range(90))
    message = render(replace(metrics(), summaries=many, missing=()))
    assert [] == problems(message)
    assert "44 more metrics do not fit" in shown(message)


def test_a_missing_series_is_said_and_not_drawn_as_zero() -> None:
    assert "no samples of Cache" in shown(render(metrics()))


def test_a_gap_in_a_series_is_a_gap_in_its_line() -> None:
    points = tuple(MetricPoint(0.5, at(minutes)) for minutes in (-60, -59, -58, -57, -4, -3, -2, -1))
    made = summarize(MetricSeries(GPU_UTILIZATION, points, None, 0))
    assert made is not None
    assert "0 ▅······▅" in shown(render(replace(metrics(), summaries=(made,))))


def test_what_has_failed_is_to_be_diagnosed_and_not_to_be_watched() -> None:
    over = StatusAnswer(replace(job(JobState.FAILED), ended_at=at(-3)), NOW)
    assert ["Diagnose", "Logs", "Metrics", "Share in channel"] == list(buttons(render(over)))
    well = StatusAnswer(job(), NOW)
    assert ["Logs", "Metrics", "Watch here", "Share in channel"] == list(buttons(render(well)))
    assert "Diagnose" in buttons(render(replace(well, incidents=(incident(),))))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("status_failed", "llama-8b-sft: failed (Exit code 1), 1 alert firing, as of"),
        ("jobs", "2 jobs on 4 platforms: llama-8b-sft running, baseten:proj42/job7f3a failed."),
        ("list", "This channel watches 2 jobs (llama-8b-sft running) and has muted 1 thing."),
        ("usage", "--since wants a span such as 30m. Usage: `/train logs REF [OPTIONS]`"),
    ],
)
def test_what_is_shown_is_heard_too(case: str, words: str) -> None:
    assert render(CASES[case]).text.startswith(words)


def test_a_silence_that_mutes_nothing_says_so() -> None:
    idle = SilenceAnswer(SILENCE, is_watched=False)
    assert "this channel does not watch that job now" in shown(render(idle))
    assert "does not watch" not in shown(render(CASES["silence"]))


def test_what_is_silenced_and_until_when_is_heard() -> None:
    said = "No alerts of job `baseten:proj42/job7f3a` until 13 Mar 16:02 UTC."
    assert said == render(CASES["silence"]).text


def test_an_unknown_state_is_shown_in_the_platforms_own_word() -> None:
    assert "*REHYDRATING*" in shown(render(CASES["status_unknown"]))


def test_who_silenced_until_when_and_how_to_end_it_is_told() -> None:
    told = shown(render(SilenceAnswer(replace(SILENCE, ends_at=NOW + timedelta(hours=1)))))
    for fact in ("<@U0ANNA>", "13 Mar 15:02 UTC", "restarting nodes", "/train silence end 7"):
        assert fact in told


@pytest.mark.parametrize("case", CASES)
def test_what_a_button_carries_can_be_typed(case: str) -> None:
    for text in buttons(render(CASES[case])).values():
        grammar.parse(text)


def test_waiting_says_what_is_looked_for() -> None:
    message = render_working("logs baseten:p/j --grep <!here>")
    assert [] == problems(message)
    assert "logs baseten:p/j" in shown(message)
