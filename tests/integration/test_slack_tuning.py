"""Tune a subscription in its modal: today's values, the command, errors at fields, a test, and saving."""

from __future__ import annotations

from sqlalchemy import text

from bot.domain.alerts import Severity
from bot.domain.audit import AuditResult
from bot.domain.notify import MentionTarget
from bot.slack.render.blocks import Action
from bot.slack.render.modal import field_id
from bot.store.audit import AuditQuery
from bot.store.store import Store
from emulator.slack.model import Message, View
from tests.integration.modal_forms import view_with
from tests.integration.slack_harness import SlackHarness, running
from tests.integration.test_slack_acting import loaded, submit
from tests.unit.slack.factories import NOW, REF, line

TUNE = f"{Action.OPEN}:tune"
GPU_FOR, GPU_BELOW = "low_gpu_utilization.for", "low_gpu_utilization.threshold"


async def watch(harness: SlackHarness, settings: str = "") -> Message:
    await harness.command(f"watch {REF} {settings}".strip(), user="ada")
    return (await harness.slack.person_actions.until(lambda: harness.channel().messages))[-1]


async def tune(harness: SlackHarness, message: Message, *, user: str = "ben") -> View:
    await harness.slack.person_actions.click(user, message, TUNE, wait_s=1)
    return await loaded(harness, user)


async def settings_of(harness: SlackHarness) -> object:
    (watched,) = await harness.store.subscriptions.list(harness.channel().id)
    return watched.subscription.settings


def shown(view: View) -> str:
    return str(view.source["blocks"])


def initial(view: View, name: str) -> object:
    """What a field shows at first."""
    (block,) = [one for one in view.source["blocks"] if one.get("block_id") == name]
    element = block["element"]
    return element.get("initial_value") or [one["value"] for one in element.get("initial_options", [])]


async def test_the_form_shows_todays_values_and_the_command(harness: SlackHarness) -> None:
    view = await tune(harness, await watch(harness, "low_gpu_utilization.for=61s hang=off"))
    assert initial(view, GPU_FOR) == "1m1s"
    assert initial(view, GPU_BELOW) == "20%"
    assert "hang" not in str(initial(view, "problems"))
    assert "You'll hear about failures, NaN, errors" in shown(view)
    assert f"/train watch {REF} low_gpu_utilization.for=61.0s hang=off" in shown(view)

    await harness.slack.person_actions.select("ben", view, field_id("resources"), ["storage_pressure"], wait_s=1)
    await view_with(harness, "low_gpu_utilization=off", user="ben")


async def test_saving_runs_the_same_commands_as_typed(harness: SlackHarness) -> None:
    message = await watch(harness, "low_gpu_utilization.recovery=40% low_gpu_utilization.for=61s")
    view = await tune(harness, message)
    problems = [one for one in initial(view, "problems") if one != "hang"]  # type: ignore[attr-defined]
    typed = {
        "problems": problems,
        GPU_BELOW: "35%",
        "people": ["U0ADA"],
        "groups": ["here"],
        "quiet": "22:00-07:00 UTC",
    }
    saved = await submit(harness, typed)

    command = f"watch {REF} low_gpu_utilization.recovery=0.4 low_gpu_utilization.for=61.0s"
    command += " low_gpu_utilization.threshold=35% hang=off"
    assert saved is not None
    for part in (command, "notify page &lt;@U0ADA&gt; @here", "notify quiet 22:00-07:00 UTC"):
        assert f"/train {part}" in shown(saved)
    (watched,) = await harness.store.subscriptions.list(harness.channel().id)
    settings = watched.subscription.settings
    assert settings.off == ("hang",)
    assert settings.parameters == {"low_gpu_utilization": {"recovery": 0.4, "for": 61.0, "threshold": 0.35}}
    channel = await harness.store.preferences.of_channel(harness.channel().id)
    assert channel.mentions == {Severity.PAGE: (MentionTarget("U0ADA"), MentionTarget("here"))}
    assert channel.quiet is not None
    assert next(one.text for one in harness.channel().replies(message.ts)).startswith("Updated alert settings")
    trail = [one.text for one in (await harness.store.audit.page(AuditQuery(user="U0BEN"))).entries]
    assert {command, "notify page <@U0ADA> @here", "notify quiet 22:00-07:00 UTC", f"tune {REF}"} <= set(trail)


async def test_saving_without_a_change_changes_nothing(harness: SlackHarness) -> None:
    message = await watch(harness, "low_gpu_utilization.for=61s severity=warn")
    before = await settings_of(harness)
    await tune(harness, message)
    saved = await submit(harness, {})
    assert saved is not None
    assert "Nothing changed" in shown(saved)
    assert await settings_of(harness) == before
    assert harness.channel().replies(message.ts) == []


async def test_notifications_that_cannot_be_saved_are_an_error(harness: SlackHarness) -> None:
    await tune(harness, await watch(harness))
    async with harness.store.preferences._database.write() as connection:
        fails = "CREATE TRIGGER fails BEFORE INSERT ON notify_settings BEGIN INSERT INTO missing VALUES (1); END"
        await connection.execute(text(fails))
    view = await submit(harness, {"quiet": "22:00-07:00 UTC"})
    assert view is not None
    assert "database is busy" in shown(view)
    newest = (await harness.store.audit.page(AuditQuery(user="U0BEN"))).entries[0]
    assert (newest.text, newest.result) == ("notify quiet 22:00-07:00 UTC", AuditResult.FAILED)


async def test_wrong_values_are_explained_at_their_fields(harness: SlackHarness) -> None:
    await tune(harness, await watch(harness))
    view = await submit(harness, {GPU_FOR: "soon", GPU_BELOW: "300%", "quiet": "night"})
    assert view is not None
    assert {name: text[:14] for name, text in view.errors.items()} == {
        GPU_FOR: "Invalid durati",
        GPU_BELOW: "Invalid ratio ",
        "quiet": "Use `notify qu",
    }
    saved = await submit(harness, {GPU_FOR: "", GPU_BELOW: "0.3", "quiet": ""})
    assert saved is not None
    assert f"/train watch {REF} low_gpu_utilization.threshold=0.3" in shown(saved)


async def test_a_test_runs_with_the_values_as_entered_before_they_are_saved(store: Store) -> None:
    async with running(SlackHarness(store, patience_s=0.05, progress_s=0.05)) as harness:
        harness.provider.lines = [line("ERROR: disk quota exceeded", -30)]
        view = await tune(harness, await watch(harness, "log_errors=off"))
        await harness.slack.person_actions.click("ben", view, f"{Action.SHOW}:test", wait_s=1)
        without = await view_with(harness, "would have sent", user="ben")
        assert "*no alert*" in shown(without)
        boxes = [one["value"] for one in _options(without, "problems")]
        harness.slack.person_actions.fill(without, field_id("problems"), boxes)
        harness.slack.person_actions.fill(without, field_id(GPU_BELOW), "45%")
        await harness.slack.person_actions.click("ben", without, f"{Action.SHOW}:test", wait_s=1)
        tested = await view_with(harness, "*1 alert*", user="ben")
        assert "disk quota exceeded" in shown(tested)
        assert "low_gpu_utilization.threshold=45%" in shown(tested)
        assert "log_errors" in str(await settings_of(harness))
        assert NOW == harness.clock()


def _options(view: View, name: str) -> list[dict[str, str]]:
    (block,) = [one for one in view.source["blocks"] if one.get("block_id") == name]
    options: list[dict[str, str]] = block["element"]["options"]
    return options


async def test_a_pattern_is_tuned_like_a_job(harness: SlackHarness) -> None:
    await harness.command("watch baseten:* hang=off announce=off limit=40", user="ada")
    (message,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    view = await tune(harness, message)
    assert "/train watch baseten:* announce=off limit=40 --yes hang=off" in shown(view)
    saved = await submit(harness, {GPU_BELOW: "35%", "notify": "all"})
    assert saved is not None
    assert "low_gpu_utilization.threshold=35%" in shown(saved)
    (pattern,) = await harness.store.patterns.list(harness.channel().id)
    assert pattern.settings.parameters == {"low_gpu_utilization": {"threshold": 0.35}}
    assert (pattern.settings.off, pattern.settings.run.notify.value) == (("hang",), "all")
    assert (pattern.announce, pattern.limit) == (False, 40)


async def test_groups_that_the_channel_knows_can_be_chosen_and_none_is_lost(harness: SlackHarness) -> None:
    groups = " ".join(f"<!subteam^S0GROUP{number:02}|@group-{number}>" for number in range(9))
    await harness.command(f"notify page {groups}")
    await harness.command("notify escalate page 15m <!subteam^S0LEADS|@leads>")
    view = await tune(harness, await watch(harness))
    boxes = [one["value"] for one in _options(view, "groups")]
    ticked = [f"S0GROUP{number:02}" for number in range(9)]
    assert (initial(view, "groups"), boxes) == (ticked, [*ticked, "S0LEADS"])
    assert "Nothing changed" in shown(await submit(harness, {}) or view)

    await harness.slack.person_actions.close_view("ben")
    await tune(harness, harness.channel().messages[-1])
    await submit(harness, {"groups": [*ticked[:2], "S0LEADS"]})
    channel = await harness.store.preferences.of_channel(harness.channel().id)
    names = [one.name for one in channel.mentions[Severity.PAGE]]
    assert names == ["group-0", "group-1", "leads"]


async def test_a_form_for_what_is_no_longer_watched_explains_it(harness: SlackHarness) -> None:
    message = await watch(harness)
    await harness.command(f"unwatch {REF}")
    view = await tune(harness, message)
    assert "does not watch" in shown(view)
