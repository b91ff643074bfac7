"""Answers other than logs as Slack messages."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.commands.answers import Answer, ErrorAnswer
from bot.commands.parsing.parser import parse
from bot.commands.subcommands.jobs import JobsAnswer, JobsCommand, ProviderJobs, StatusAnswer
from bot.commands.subcommands.rules import RulesAnswer
from bot.commands.subcommands.subscriptions import ListAnswer, SilenceAnswer, UnwatchAnswer, WatchAnswer
from bot.commands.subcommands.table import HelpAnswer
from bot.domain.alerts import Severity
from bot.domain.gaps import Part
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.domain.metrics import (
    GPU_MEMORY,
    GPU_UTILIZATION,
    KNOWN_METRICS,
    MetricPoint,
    MetricSeries,
    MetricSummary,
    summarize,
)
from bot.domain.subscriptions import RuleSettings, Watched
from bot.slack.render.answers import render, render_error, render_shared
from bot.slack.render.blocks import section
from bot.slack.render.message import Message
from bot.slack.render.thread_commands import use_mentions
from tests.unit.slack.channel_samples import (
    EXPECTED,
    HOSTILE_RULE,
    HOSTILE_SILENCE,
    HOSTILE_SUBSCRIPTION,
    SILENCE,
    SUBSCRIPTION,
)
from tests.unit.slack.factories import HOSTILE, NOW, REF, at, incident, job, line
from tests.unit.slack.samples import ANSWERS, HOSTILE_JOB, detailed_metrics, gauge, metrics
from tests.unit.slack.validity import buttons, problems, shown, table_rows


@pytest.mark.parametrize("case", ANSWERS)
def test_rendering_matches_snapshot(case: str, json_snapshot: SnapshotAssertion) -> None:
    message = render(ANSWERS[case])
    assert [] == problems(message)
    assert json_snapshot == message.payload()


@pytest.mark.parametrize(
    "answer",
    [
        StatusAnswer(HOSTILE_JOB, NOW, (line(HOSTILE * 9),) * 50, (), (), (HOSTILE_SUBSCRIPTION,), (incident(),) * 9),
        JobsAnswer((ProviderJobs(HOSTILE, (HOSTILE_JOB,) * 300, HOSTILE),) * 3),
        WatchAnswer(HOSTILE_SUBSCRIPTION, HOSTILE_JOB, True, HOSTILE),
        RulesAnswer((HOSTILE_RULE,) * 300, JobRef("x", HOSTILE)),
        UnwatchAnswer((JobRef("x", HOSTILE),) * 500),
        ListAnswer((Watched(HOSTILE_SUBSCRIPTION, HOSTILE_JOB, NOW, 9),) * 300, (HOSTILE_SILENCE,) * 300, NOW),
        SilenceAnswer(HOSTILE_SILENCE),
        HelpAnswer(HOSTILE, HOSTILE * 9, HOSTILE * 9, ((HOSTILE, HOSTILE),) * 99, ((HOSTILE, HOSTILE),) * 99),
        ErrorAnswer(HOSTILE * 50, HOSTILE * 50),
        replace(metrics(), job=HOSTILE_JOB, missing=(HOSTILE,) * 9),
        detailed_metrics(*(gauge(HOSTILE + str(n), n, [n + 1.0], 5, HOSTILE) for n in range(60))),
        detailed_metrics(*(gauge(GPU_UTILIZATION, n, [0.5], 1, f"node-{n}") for n in range(600))),
        replace(metrics(), summaries=tuple(gauge(HOSTILE + str(n), n, [n + 1.0], 5, HOSTILE) for n in range(60))),
        replace(metrics(), summaries=tuple(gauge(GPU_UTILIZATION, n, [0.5], 1, f"node-{n}") for n in range(600))),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_hostile_or_huge_answers_are_valid_messages(answer: Answer) -> None:
    assert [] == problems(render(answer))
    shared = render_shared(answer)
    assert [] == problems(shared.root)
    assert shared.thread is None or problems(shared.thread) == []


@pytest.mark.parametrize("case", ANSWERS)
def test_a_shared_answer_has_no_share_button(case: str) -> None:
    assert "Share in channel" not in buttons(render_shared(ANSWERS[case]).root)


def test_a_new_subscription_is_one_sentence_with_two_buttons() -> None:
    shared = render_shared(ANSWERS["watch"])
    first, small_print = shown(shared.root).splitlines()
    assert first.endswith(f"llama-8b-sft>*. {EXPECTED}")
    assert small_print == "by <@U0ANNA>, until the job ends"
    assert buttons(shared.root) == {"Tune": f"rules {REF}", "Unwatch": f"unwatch {REF}"}
    assert shared.thread is None
    assert shared.root.text == f"Watching llama-8b-sft. {EXPECTED}"


def test_the_rules_of_a_subscription_name_its_job() -> None:
    message = render(ANSWERS["channel_rules"])
    text = shown(message)
    assert text.startswith(f"*Alerts this channel gets for `{REF}`*")
    assert ["🟠 log_errors (off)", "New log lines at level ERROR or worse."] in [row[:2] for row in table_rows(message)]
    assert f"Change: `/train watch {REF} rule.parameter=value`" in text


def test_a_subscription_shows_how_its_rules_differ_from_the_defaults() -> None:
    settings = RuleSettings({"low_gpu_utilization": {"for": 60.0}}, ("log_gap",), Severity.WARN)
    answer = WatchAnswer(replace(SUBSCRIPTION, settings=settings), job(), True, EXPECTED)
    changes = "custom settings: low_gpu_utilization · off: log_gap · severity warn and higher"
    assert changes in shown(render_shared(answer).root)


@pytest.mark.parametrize(
    ("summaries", "count"),
    [
        (metrics().summaries, 8 + 1),
        (tuple(gauge(GPU_UTILIZATION, 7, [0.5] * 9, None, f"pretrain-h100-{node}") for node in (9, 10)), 2),
    ],
)
def test_a_metric_table_is_narrow_enough_for_a_phone(summaries: tuple[MetricSummary, ...], count: int) -> None:
    text = shown(render(detailed_metrics(*summaries)))
    rows = [row for row in text.splitlines() if re.match(r"[\w/-]+( 8)? +[▁▂▃▄▅▆▇█·]{4,8} ", row)]
    assert count == len(rows)
    assert max(map(len, rows)) <= 40


def nodes(count: int) -> tuple[MetricSummary, ...]:
    """Eight GPUs on each node; GPU 3 of the first one fills up, and node 5 is idle."""
    made = []
    for node in range(count):
        for gpu in range(8):
            busy = [0.1] * 4 if node == 5 else [0.94] * 4
            used = [75e9, 78e9, 81e9, 84e9] if (node, gpu) == (0, 3) else [66e9] * 4
            made.append(gauge(GPU_UTILIZATION, gpu, busy, None, f"multi2n-{node}"))
            made.append(gauge(GPU_MEMORY, gpu, used, 79.6 * 2**30, f"multi2n-{node}"))
        made.append(gauge("cpu_usage_cores", 0, [34.0], 208.0, f"multi2n-{node}"))
        made.append(gauge("cache_used_bytes", 0, [2**40 * 0.5], None, f"multi2n-{node}"))
        made.append(gauge("cache_utilization_ratio", 0, [0.37], None, f"multi2n-{node}"))
    return tuple(made)


def test_metrics_start_with_a_row_for_each_node_and_fit_a_phone() -> None:
    message = render(replace(metrics(), summaries=nodes(2), missing=(), gaps=()))
    assert [] == problems(message)
    assert table_rows(message) == [
        ["Node", "Util %", "GiB of 80", "Memory 67-80"],
        ["0", "94/94/94", "61/63/78", "▂▄▆█"],
        ["1", "94/94/94", "61/61/61", "▁▁▁▁"],
    ]
    assert "CPU 34 of 208 cores · cache 512 GiB (37%)" in shown(message)
    assert f"each GPU: `/train metrics {REF} --gpus`" in shown(message)
    assert len(shown(message).splitlines()) <= 14


def test_of_many_nodes_the_least_busy_and_the_fullest_are_shown() -> None:
    message = render(replace(metrics(), summaries=nodes(64)))
    names = [row[0] for row in table_rows(message)[1:]]
    assert {"0", "5"} <= set(names)
    assert len(names) == 12
    assert "showing 12 of 64 nodes: the least busy and the fullest" in shown(message)


def test_nodes_are_labelled_by_the_end_of_their_names() -> None:
    nodes = [gauge(GPU_UTILIZATION, 3, [0.5] * 9, None, f"pretrain-h100-{node}") for node in (10, 11)]
    text = shown(render(detailed_metrics(*nodes)))
    assert "node/gpu" in text
    assert "10/3 " in text
    assert "11/3 " in text


def test_gpus_with_the_same_figures_share_a_row() -> None:
    assert "all 8 ▇▇▇▇       67   66   65   67   67" in shown(render(detailed_metrics()))


def test_a_training_curve_is_a_wide_sparkline_with_exact_figures() -> None:
    loss = gauge("loss", 0, [0.7 - 0.01 * index for index in range(40)])
    text = shown(render(replace(metrics(), summaries=(loss,))))
    line, figures, more = text.split("```")[1].strip().splitlines()
    assert 34 == len(line)
    assert ("█", "▁") == (line[0], line[-1])
    assert "last 0.31  min 0.31  max 0.7" == figures
    assert "mean 0.505  p5 0.3295  p95 0.6805" == more


def test_the_alt_text_of_metrics_has_figures() -> None:
    assert "8 GPUs at 18%, from 0% to 35%." in render(metrics()).text
    assert "loss 0.25" in render(replace(metrics(), summaries=(gauge("loss", 0, [0.5, 0.25]),))).text


def test_a_platform_without_known_metrics_does_not_list_each() -> None:
    text = shown(render(replace(metrics(), missing=KNOWN_METRICS)))
    assert "no samples of GPUs, CPU, memory or storage" in text


def test_metrics_are_limited_to_the_blocks_of_a_message() -> None:
    many = tuple(gauge(f"loss_{number}", 0, [1.0, 2.0]) for number in range(90))
    message = render(replace(detailed_metrics(*many), missing=()))
    assert [] == problems(message)
    assert "Showing 42 of 90 metrics" in shown(message)


def test_a_missing_series_is_listed_and_not_drawn_as_zero() -> None:
    assert "no samples of Cache" in shown(render(metrics()))


def test_a_gap_in_a_series_is_a_gap_in_its_sparkline() -> None:
    points = tuple(MetricPoint(0.5, at(minutes)) for minutes in (-60, -59, -58, -57, -4, -3, -2, -1))
    made = summarize(MetricSeries(GPU_UTILIZATION, points, None, 0))
    assert made is not None
    assert "0 ▅······▅" in shown(render(detailed_metrics(made)))


def test_a_failed_job_has_a_diagnose_button_and_no_watch_button() -> None:
    over = StatusAnswer(replace(job(JobState.FAILED), ended_at=at(-3)), NOW)
    assert ["Diagnose", "Logs", "Metrics", "Share in channel"] == list(buttons(render(over)))
    well = StatusAnswer(job(), NOW)
    assert ["Logs", "Metrics", "Watch here", "Share in channel"] == list(buttons(render(well)))
    without = replace(well, missing=frozenset({Part.METRICS}))
    assert ["Logs", "Watch here", "Share in channel"] == list(buttons(render(without)))
    assert "Diagnose" in buttons(render(replace(well, incidents=(incident(),))))


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("status_failed", "llama-8b-sft: failed (Exit code 1), 1 alert firing, as of"),
        ("jobs", "2 jobs on 4 platforms: llama-8b-sft running, baseten:proj42/job7f3a failed."),
        ("list", "This channel watches 2 jobs (llama-8b-sft running) and has 1 silence."),
        ("usage", "Invalid duration `x` for `--since`. Usage: `/train logs REF [OPTIONS]`"),
    ],
)
def test_the_alt_text_summarizes_the_answer(case: str, words: str) -> None:
    assert render(ANSWERS[case]).text.startswith(words)


def test_a_silence_of_an_unwatched_job_has_a_note() -> None:
    idle = SilenceAnswer(SILENCE, is_watched=False)
    assert "This channel watches no such job." in shown(render(idle))
    assert "does not watch" not in shown(render(ANSWERS["silence"]))


def test_the_alt_text_of_a_silence_has_who_what_and_how_long() -> None:
    text = "<@U0ANNA> muted alerts for job `baseten:proj42/job7f3a` for 2 h."
    assert text == render(ANSWERS["silence"]).text


def test_an_unknown_state_is_shown_as_the_platforms_status() -> None:
    assert "*REHYDRATING*" in shown(render(ANSWERS["status_unknown"]))


def test_a_silence_shows_who_until_when_why_and_how_to_end_it() -> None:
    message = render(SilenceAnswer(replace(SILENCE, ends_at=NOW + timedelta(hours=1))))
    for fact in ("<@U0ANNA>", "13 Mar 15:02 UTC", "(restarting nodes)"):
        assert fact in shown(message)
    assert buttons(message) == {"Unmute": "silence end 7"}
    listed = shown(render(ANSWERS["list"]))
    assert "(restarting nodes) · `/train silence end 7`" in listed


def test_an_ended_silence_shows_who_ended_it() -> None:
    assert shown(render(ANSWERS["silence_ended"])) == "🔔 <@U0BEN> unmuted alerts for job `baseten:proj42/job7f3a`."


@pytest.mark.parametrize("case", ANSWERS)
def test_the_value_of_a_button_is_a_valid_command(case: str) -> None:
    for text in buttons(render(ANSWERS[case])).values():
        assert parse(text)


def test_a_long_list_of_jobs_is_shown_page_by_page() -> None:
    jobs = tuple(replace(job(), ref=JobRef("baseten", f"p/j{number}")) for number in range(37))
    answer = JobsAnswer((ProviderJobs("baseten", jobs, read=100),), JobsCommand("baseten", 100, "running"))
    seen: list[str] = []
    commands = ["jobs baseten running"]
    while commands:
        command = parse(commands.pop())
        assert isinstance(command, JobsCommand)
        message = render(replace(answer, command=command))
        assert [] == problems(message)
        assert "37 running jobs on 1 platform" in shown(message)
        assert "Only its newest 100 jobs were searched." in shown(message)
        rows = re.findall(r"baseten:p/j\d+", str(table_rows(message)))
        assert len(rows) in (20, 17)
        seen += rows
        commands += [value for label, value in buttons(message).items() if label == "Next"]
    assert seen == [str(one.ref) for one in jobs]


def test_a_menu_opens_the_jobs_of_a_list() -> None:
    listed = JobsAnswer(
        (ProviderJobs("baseten", (job(), replace(job(JobState.FAILED, "sft"), ref=JobRef("baseten", "p/2")))),)
    )
    message = render(listed)
    assert {"llama-8b-sft": f"status {REF}", "sft": "status baseten:p/2"} == {
        label: value for label, value in buttons(message).items() if label != "Share in channel"
    }
    assert ["Job", "State"] == table_rows(message)[0]


def test_jobs_that_may_have_been_meant_are_buttons() -> None:
    jobs = (
        KnownJob(JobRef("baseten", "p/j1"), "llama-70b", JobState.RUNNING),
        KnownJob(JobRef("fireworks", "acme/j2")),
    )
    answer = ErrorAnswer("2 jobs match `llama`. Which one?", typed="llama", suggestions=jobs)
    message = render_error(answer, 'logs --tail 5 llama --grep "the loss" --include=nan')
    assert [] == problems(message)
    assert buttons(message) == {
        "llama-70b": 'logs --tail 5 baseten:p/j1 --grep "the loss" --include=nan',
        "acme/j2": 'logs --tail 5 fireworks:acme/j2 --grep "the loss" --include=nan',
    }
    many = replace(answer, suggestions=jobs * 6)
    assert "Showing 10 of 12" in shown(render_error(many, "status llama"))


def test_commands_in_a_thread_are_shown_as_mentions() -> None:
    message = use_mentions(render_error(ErrorAnswer("See `/train jobs`.", "/train logs REF")))
    assert [] == problems(message)
    assert "`@trainwatch jobs`" in shown(message)
    assert "`@trainwatch logs REF`" in shown(message)
    fenced = Message("x", (section("```\n`/train x`\n```"),))
    assert fenced == use_mentions(fenced)
