"""App Home: what it shows to whom, and that Slack takes every view."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.commands.answers import SystemStatus
from bot.domain.alerts import Incident, Receipt, Severity
from bot.domain.dashboard import ALL, MINE, Dashboard, HomeFilter, OpenIncident, Viewer
from bot.domain.job_matching import Matcher
from bot.domain.jobs import Job, JobRef, JobState
from bot.domain.ownership import Acknowledgement, Muting
from bot.domain.progress import RunProgress
from bot.domain.subscriptions import PatternSubscription, Silence, Subscription, Watched
from bot.domain.undelivered import Undelivered
from bot.providers.base import RequestRate
from bot.slack.render.home import HomePage, OperatorFigures, digest_view, render_home
from tests.unit.slack.factories import NOW, alert, at, incident, job
from tests.unit.slack.test_hostile_text import FOREIGN, attacks
from tests.unit.slack.validity import texts, view_problems

CHANNELS = {"C0RUNS": "runs", "C0EVAL": "evals"}
ADA = Viewer("U0ADA", "ada@example.org", "D0ADA", CHANNELS)
FIGURES = OperatorFigures(
    SystemStatus(timedelta(minutes=2), 3, timedelta(minutes=2), {"baseten": RequestRate(1234, 3200)}),
    [("Polling", at(-0.1)), ("Alert delivery", at(-5)), ("Other", None)],
    [Undelivered("C0RUNS", "not_in_channel", 2, at(-30), is_waiting=True)],
)
RTL = "\u05d0\u05d1\u05d2 \u202eabc\u202c \u0627\u0644\u0639\u0631\u0628\u064a\u0629 "


def watched(
    name: str, channel: str = "C0RUNS", by: str = "U0BEN", progress: RunProgress | None = None, **changes: Any
) -> Watched:
    """A running job that a channel watches."""
    ref = JobRef("baseten", name)
    running: Job = replace(job(name=name), ref=ref, progress=progress, **changes)
    return Watched(Subscription(1, channel, ref, by, at(-60)), running, at(-0.2))


def opened(
    number: int = 1, channel: str = "C0RUNS", severity: Severity = Severity.PAGE, **changes: Any
) -> OpenIncident:
    """An open incident, with its message."""
    made: Incident = replace(incident(alert(severity=severity)), id=f"inc-{number:012x}", channel=channel, **changes)
    return OpenIncident(made, Receipt(channel, f"{number}.5"))


def page(dashboard: Dashboard, viewer: Viewer = ADA, chosen: HomeFilter | None = None, **changes: Any) -> HomePage:
    """What a person sees."""
    part = dashboard.select_for(viewer, chosen or HomeFilter())
    links = {one.root: f"https://acme.slack.com/archives/{one.root.ts}" for one in part.incidents if one.root}
    return HomePage(part, viewer, links, at(15), at(-0.1), **changes)


def shown(of: HomePage) -> str:
    """All its text."""
    return "\n".join(texts(render_home(of)["blocks"]))


def checked(of: HomePage) -> list[str]:
    """Everything wrong with the view."""
    view: Any = render_home(of)
    return view_problems(view) + attacks(texts(view["blocks"]))


def test_an_alert_is_one_line_with_what_since_when_who_and_a_link() -> None:
    text = shown(page(Dashboard(NOW, [opened()])))
    (row,) = [line for line in text.splitlines() if "Errors in the log" in line]
    assert "*<https://acme.slack.com/archives/1.5|Errors in the log>*" in row
    for fact in ("llama-8b-sft", "since <!date^", "*no owner*", "<#C0RUNS>"):
        assert fact in row
    assert "*1 open alert*" in text


def test_the_worst_come_first_and_muted_ones_last() -> None:
    muted = Muting("U0ADA", at(60), 3)
    taken = Acknowledgement("U0BEN", at(1))
    given_in_any_order = [
        opened(1, severity=Severity.WARN),
        opened(2, muted=muted),
        opened(3, acknowledgement=taken),
        opened(4),
    ]
    part = Dashboard(NOW, given_in_any_order).select_for(ADA, HomeFilter())
    assert [4, 3, 1, 2] == [int(one.incident.id[4:], 16) for one in part.incidents]


def test_a_private_channel_is_shown_to_its_members_only() -> None:
    silence = Silence(7, "C0SECRET", (), "U0BEN", NOW, at(60), "merger")
    secret = Dashboard(NOW, [opened(channel="C0SECRET")], [watched("q-star", "C0SECRET")], [silence])
    for chosen in (HomeFilter(), HomeFilter(MINE), HomeFilter("C0SECRET")):
        assert "q-star" not in str(render_home(page(secret, chosen=chosen)))
        assert "C0SECRET" not in str(render_home(page(secret, chosen=chosen)))
    member = replace(ADA, channels={**CHANNELS, "C0SECRET": "secret"})
    text = str(render_home(page(secret, member)))
    for fact in ("q-star", "C0SECRET", "merger", "Acknowledge", "Unmute"):
        assert fact in text


def test_the_own_run_is_shown_without_the_channel_that_the_person_is_not_in() -> None:
    own = replace(job(), user="Ada@example.org")
    part = page(Dashboard(NOW, [opened(channel="C0SECRET", job=own)], [watched("mine", "C0SECRET", user=own.user)]))
    text = str(render_home(part))
    assert "Errors in the log" in text
    assert "mine" in text
    assert "C0SECRET" not in text


def test_without_the_scopes_a_person_sees_the_own_subscriptions() -> None:
    alone = replace(ADA, channels={}, hidden_kinds=("public", "private"))
    dashboard = Dashboard(
        NOW,
        [opened(), opened(2, "C0EVAL")],
        [watched("proj42/job7f3a", by="U0ADA"), watched("other", "C0EVAL")],
    )
    part = dashboard.select_for(alone, HomeFilter())
    assert ["proj42/job7f3a"] == [one.ref.id for one in part.running]
    assert ["C0RUNS"] == [one.incident.channel for one in part.incidents]


def test_each_scope_shows_its_part() -> None:
    dashboard = Dashboard(
        NOW,
        [opened(1), opened(2, "C0EVAL")],
        [
            watched("own", "C0EVAL", user="ada@example.org"),
            watched("subscribed", "C0EVAL", by="U0ADA"),
            watched("direct", "D0ADA"),
            watched("runs"),
        ],
    )
    for scope, jobs, incidents in (
        (ALL, {"own", "subscribed", "direct", "runs"}, 2),
        (MINE, {"own", "subscribed", "direct"}, 0),
        ("C0RUNS", {"runs"}, 1),
        ("C0GONE", {"own", "subscribed", "direct", "runs"}, 2),
    ):
        part = dashboard.select_for(ADA, HomeFilter(scope))
        assert (jobs, incidents) == ({one.ref.id for one in part.running}, part.incident_count), scope
        assert [] == checked(page(dashboard, chosen=HomeFilter(scope)))


def test_progress_and_end_are_shown_and_rarely_change() -> None:
    progress = RunProgress(step=620, total_steps=1000, step_s=60.0, last_ns=int(NOW.timestamp() * 1e9))
    before = page(Dashboard(NOW, watched=[watched("tune", progress=progress)]))
    assert "62% · ends about <!date^" in shown(before)
    later = replace(progress, step=621, last_ns=int(at(1).timestamp() * 1e9))
    after = page(Dashboard(at(1), watched=[watched("tune", progress=later)]))
    assert digest_view(before, render_home(before)) == digest_view(after, render_home(after))


def test_the_estimated_end_counts_from_the_last_poll_if_the_log_is_in_the_future() -> None:
    progress = RunProgress(step=500, total_steps=1000, step_s=60.0, last_ns=253_402_000_000 * 10**9)
    ends_at = (
        Dashboard(NOW, watched=[watched("tune", progress=progress)]).select_for(ADA, HomeFilter()).running[0].ends_at
    )
    assert ends_at is not None
    assert abs(ends_at - at(500)) < timedelta(hours=1)


def test_patterns_are_named_and_are_not_nothing() -> None:
    pattern = PatternSubscription(1, "C0RUNS", (Matcher("job", "baseten:p/*", is_pattern=True),), "U0BEN", NOW)
    made = page(Dashboard(NOW, patterns=[pattern] * 9))
    assert "New jobs are watched too: `baseten:p/*` <#C0RUNS>" in shown(made)
    assert "and 4 more" in shown(made)
    assert not made.dashboard.is_empty
    assert [] == checked(made)
    assert page(Dashboard(NOW, patterns=[pattern]), Viewer("U0EVE")).dashboard.is_empty


def test_a_job_in_several_channels_is_one_row() -> None:
    both = page(Dashboard(NOW, watched=[watched("tune"), watched("tune", "C0EVAL"), watched("tune", "C0OTHER")]))
    assert "<#C0RUNS>, <#C0EVAL>" in shown(both)
    assert 1 == both.dashboard.running_count


def test_only_failing_hides_what_runs() -> None:
    dashboard = Dashboard(NOW, [opened()], [watched("tune")])
    assert "tune" not in shown(page(dashboard, chosen=HomeFilter(failing_only=True)))


def test_ended_jobs_are_not_listed() -> None:
    ended = watched("done", state=JobState.SUCCEEDED)
    assert page(Dashboard(NOW, watched=[ended])).dashboard.is_empty


def test_operators_figures_are_only_for_administrators() -> None:
    assert "requests in the last minute" not in shown(page(Dashboard(NOW)))
    text = shown(page(Dashboard(NOW), operator=FIGURES))
    for fact in (
        "Polling is 2 min behind",
        "3 messages not sent",
        "Alert delivery is late",
        "1,234 of 3,200",
        "given up",
    ):
        assert (fact in text) == (fact != "given up"), fact


def test_figures_that_change_all_the_time_publish_nothing_until_they_become_a_problem() -> None:
    def digest(status: SystemStatus) -> str:
        made = page(Dashboard(NOW), operator=replace(FIGURES, status=status))
        return digest_view(made, render_home(made))

    on_time = SystemStatus(timedelta(0), 0, timedelta(0), {"baseten": RequestRate(1234, 3200)})
    busy = SystemStatus(timedelta(seconds=3), 7, timedelta(seconds=1), {"baseten": RequestRate(2000, 3200)})
    assert digest(on_time) == digest(busy)
    assert digest(on_time) != digest(replace(busy, overdue=timedelta(minutes=1)))


def test_a_late_poll_is_reported_to_everybody() -> None:
    assert "not checked the platforms since" in shown(replace(page(Dashboard(NOW)), polled_at=at(-9)))


def test_a_role_for_some_jobs_hides_the_others() -> None:
    limited = replace(ADA, may_read=lambda channel, ref: channel == "C0RUNS" and ref is not None and ref.id == "seen")
    silences = [Silence(1, "C0RUNS", (Matcher("job", "baseten:hidden"),), "U0BEN", NOW, at(60))]
    dashboard = Dashboard(NOW, [opened()], [watched("seen"), watched("hidden"), watched("seen", "C0EVAL")], silences)
    part = dashboard.select_for(limited, HomeFilter())
    assert (["seen"], 1, 0) == ([one.ref.id for one in part.running], part.running_count, part.incident_count)
    assert 0 == part.silence_count


def test_a_role_in_a_channel_that_the_person_is_not_in_shows_nothing() -> None:
    limited = replace(ADA, may_read=lambda channel, ref: channel == "C0OTHER")
    dashboard = Dashboard(NOW, watched=[watched("both"), watched("both", "C0OTHER")])
    part = dashboard.select_for(limited, HomeFilter())
    assert ((), 0) == (tuple(part.running), part.running_count)


def crowd(jobs: int, name: str, channels: Mapping[str, str]) -> Dashboard:
    """Many jobs, incidents and silences with long names in all channels."""
    places = list(channels)
    silences = [
        Silence(n, places[n % len(places)], (Matcher("name", name),), "U0BEN", NOW, at(60), name * 3)
        for n in range(min(jobs, 40))
    ]
    runs = [watched(f"{n} {name}", places[n % len(places)], url=None) for n in range(jobs)]
    found = [opened(n, places[n % len(places)], job=replace(job(name=name), url=None)) for n in range(min(jobs, 300))]
    return Dashboard(NOW, found, runs, silences)


NAMES = st.one_of(FOREIGN, st.just("x" * 250), st.just(RTL * 20), st.just("<" * 250), st.text(max_size=250))


@settings(max_examples=30, deadline=None)
@given(st.sampled_from([0, 1, 30, 400]), NAMES, st.booleans())
@example(5000, "&" * 250, True)
@example(5000, RTL * 20, False)
def test_slack_takes_a_home_of_any_size(jobs: int, name: str, is_admin: bool) -> None:
    channels = {f"C{n:04}": name or "x" for n in range(120)}
    viewer = Viewer("U0ADA", "ada@example.org", "D0ADA", channels)
    dashboard = crowd(jobs, name, channels)
    operator = replace(FIGURES, undelivered=[Undelivered("C1", name, 2, NOW, is_waiting=False)] * jobs)
    for chosen in (HomeFilter(), HomeFilter(MINE), HomeFilter("C0001"), HomeFilter(failing_only=True)):
        made = page(dashboard, viewer, chosen, operator=operator if is_admin else None, notes=["🟡 note"])
        assert [] == checked(made)
        assert json.dumps(render_home(made))
    if jobs == 5000:
        text = shown(page(dashboard, viewer))
        assert "… and 4,985 more jobs" in text
        assert "… and 288 more alerts" in text
