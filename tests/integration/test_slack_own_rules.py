"""A rule that a person wrote, from the command in Slack to its alert in the channel and its end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.alerts import Severity
from bot.domain.logs import LogLine
from bot.domain.subscriptions import RuleSettings
from bot.rules.settings import format_settings, parse_settings
from bot.slack.render.tune_form import TuneSubject, current_input, tuned_words
from bot.store.store import Store
from emulator.slack.model import Message
from tests.integration.polling import create_poller, poll_until_idle
from tests.integration.slack_harness import SlackHarness, running
from tests.unit.slack.factories import NOW, REF, line

RULE = "loss > 5 for 10m"


@pytest.fixture
async def harness(store: Store) -> AsyncIterator[SlackHarness]:
    made = SlackHarness(store)
    made.provider.lines = []
    async with running(made) as harness:
        yield harness


def losses(first: int, last: int, value: float) -> list[LogLine]:
    """One line a minute, from one minute after NOW to another."""
    return [line(f"step {at} loss: {value} grad_norm: 1.5", at) for at in range(first, last)]


async def poll(harness: SlackHarness, minute: int, new: list[LogLine]) -> list[Message]:
    """Poll with these new lines at a minute after NOW, as another process would; return the channel's messages."""
    harness.provider.lines += new
    harness.clock.now = NOW + timedelta(minutes=minute)
    await poll_until_idle(create_poller(harness.store, harness.clock, harness.provider))
    await harness.deliver()
    return list(harness.channel().messages)


def about(messages: list[Message], text: str) -> list[Message]:
    return [one for one in messages if text in f"{one.text} {one.blocks}"]


async def test_a_rule_alerts_once_and_ends(harness: SlackHarness) -> None:
    seen = await harness.command(f"watch {REF} {RULE} grad_norm > 100 loss=off")
    (answer,) = await harness.slack.person_actions.until(lambda: harness.channel().messages)
    assert "`loss &gt; 5 for 10m` and `grad_norm &gt; 100`" in str(answer.blocks), seen
    listed = (await harness.command(f"rules {REF}")).messages
    assert "loss above 5." in str(listed[0].blocks)

    quiet = await poll(harness, 20, losses(1, 20, 2.5))
    assert about(quiet, "loss above 5") == []
    alerted = about(await poll(harness, 35, losses(20, 35, 6.25)), "loss above 5")
    (root,) = alerted
    assert "loss is 6.25 at step 30, above 5 for 10 min" in str(root.blocks)
    (reply,) = harness.channel().replies(root.ts)
    for part in ("'name': 'threshold'", "14:22 alert", "*Rule:* loss &gt; 5 for 10m", "*Since:* step 20"):
        assert part in str(reply.blocks)
    again = await poll(harness, 50, losses(35, 50, 6.5))
    assert len(again) == len(quiet) + 1, "one alert a problem"
    assert harness.channel().replies(root.ts) == [reply]
    for minute in (70, 85):
        await poll(harness, minute, losses(minute - 20, minute, 2.0))
    (root,) = about(list(harness.channel().messages), "loss above 5")
    assert "~loss above 5~" in str(root.blocks)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (f"watch {REF} loss &gt; 5 fro 10m", ("Did you mean `for`?", "  loss &gt; 5 fro 10m".strip(), "^^^")),
        (f"rules test {REF} loss fallz", ("Did you mean `falls`?", "loss fallz", "^^^^")),
        (f"watch {REF} loss", ("Invalid setting `loss`", "`loss &gt; 5 for 10m`")),
        ("silence 1h --rule 'loss &gt; x'", ("Unknown rule", "loss &gt; x")),
    ],
)
async def test_an_error_shows_the_word(harness: SlackHarness, typed: str, expected: tuple[str, ...]) -> None:
    (answer,) = (await harness.command(typed.replace("&gt;", ">"))).messages

    for part in expected:
        assert part in str(answer.blocks)


async def test_rules_test_reads_the_past_with_the_rule(harness: SlackHarness) -> None:
    harness.provider.lines = [*losses(-60, -40, 2.5), *losses(-40, -20, 6.5), *losses(-20, -1, 2.5)]

    (answer,) = (await harness.command(f"rules test {REF} {RULE} eval/acc99 falls loss=off --since 2h")).messages

    blocks = str(answer.blocks)
    assert "1 alert would have fired" in blocks
    assert "+ `loss=off` + `loss &gt; 5 for 10m` + `eval/acc99 falls`" in blocks
    assert "*loss above 5*" in blocks
    assert "`eval/acc99` was not found." in blocks


async def test_rules_are_kept_replaced_and_silenced(harness: SlackHarness) -> None:
    """The form shows none of them, so it must lose none; another `watch` replaces them."""
    await harness.command(f"watch {REF} '{RULE}' 'grad_norm >= 100' 'grad_norm >= 200' hang=off")
    (watched,) = await harness.store.subscriptions.list(harness.channel().id)
    settings = watched.subscription.settings
    subject = TuneSubject(str(REF), words=format_settings(settings, is_exact=True))
    typed = replace(current_input(subject, RuleSettings()), severity="warn")
    assert parse_settings(tuned_words(subject, typed, RuleSettings())) == replace(settings, min_severity=Severity.WARN)

    await harness.command(f"watch {REF} 'grad_norm >= 100'")
    (watched,) = await harness.store.subscriptions.list(harness.channel().id)
    assert watched.subscription.settings.own == ("grad_norm >= 100",)
    silenced = (await harness.command("silence 1h --rule 'grad_norm>=100'")).messages
    assert "grad_norm &gt;= 100" in str([one.blocks for one in [*silenced, *harness.channel().messages]])


async def test_a_pattern_takes_rules(harness: SlackHarness) -> None:
    await harness.command(f"watch baseten:* {RULE} announce=off --yes")

    (pattern,) = await harness.store.patterns.list(harness.channel().id)
    assert (pattern.settings.own, pattern.announce) == ((RULE,), False)
