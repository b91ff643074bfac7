"""Foreign text in any field of any message is shown and has no effect."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.commands.answers import ErrorAnswer
from bot.domain.alerts import Notification
from bot.domain.job_matching import KnownJob
from bot.domain.jobs import JobRef, JobState
from bot.domain.overwritten_text import shown_text
from bot.slack.render.alerts import render_notification
from bot.slack.render.answers import render, render_error, render_shared
from bot.slack.render.log_lines import excerpt_rows, line_rows
from bot.slack.render.logs import render_snippet
from bot.slack.render.message import Message
from bot.slack.render.text import ELLIPSIS, clean, code, escape, fence, one_line
from tests.unit.slack.factories import line
from tests.unit.slack.insight_samples import INSIGHTS, RULES
from tests.unit.slack.run_samples import BOARDS, RUNS
from tests.unit.slack.samples import ANSWERS, LOG_ANSWERS, NOTIFICATIONS, log_answer
from tests.unit.slack.validity import problems, texts

_OURS = frozenset({"severity", "category", "signature", "fingerprint", "rules", "pinned", "older", "newer"})
"""Fields whose text is not foreign: fixed words, and commands for buttons, which are left out if invalid."""
_MARKUP = (
    "<!channel> <!here|x> <@U0ATTACK1> <#C0ATTACK> <https://evil.example|click> <!date^1^{date}|x> &amp; &lt;!here&gt;"
    " < > | & ` `` ``` ```` *bold* _ ~gone~ :fire: loss 0.1 step 🙂 👩\u200d💻 \u05d0\u05d1 a\u0301"
)
_ODD = "\n \r \r\n \u2028 \x85 \t \x00 \x07 \x1b[31m \x1b]8;;https://evil\x07 \x1b"
PIECES = st.sampled_from(
    [
        *_MARKUP.split(" "),
        *_ODD.split(" "),
        *"\u202e\u2066\u200b\u200f\ufeff\u2060\U000e0041\u061c\ud800\udfff\ufffe\xad ",
        *("\u0301" * 40_000, "e" + "\u0301" * 20, "x" * 4000, "&" * 900),
    ]
)
FOREIGN = st.lists(PIECES, max_size=12).map(lambda pieces: "loss " + "".join(pieces))
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff\U000e0000-\U000e007f]"
)
_FENCED = re.compile(r"\A(?:(?!```)[\s\S])*\n```\n(?:(?!```)[\s\S])*\n```(?:(?!```)[\s\S])*\Z")
_STACKED = re.compile("[\u0300-\u036f]{9}")
SAMPLES: list[Any] = [
    *(one for name, one in sorted(ANSWERS.items()) if "help" not in name),
    *(one for one in INSIGHTS.values() if one is not RULES),
    *LOG_ANSWERS.values(),
    *NOTIFICATIONS.values(),
    *RUNS.values(),
    *BOARDS.values(),
]


def poisoned(value: Any, text: str) -> Any:
    """The value with every text in it replaced."""
    match value:
        case enum.Enum():
            return value
        case str():
            return text
        case tuple() if hasattr(value, "_fields"):
            return type(value)(*(poisoned(one, text) for one in value))
        case tuple():
            return tuple(poisoned(one, text) for one in value)
        case _ if is_dataclass(value):
            changes = {one.name: getattr(value, one.name) for one in fields(value) if one.name not in _OURS}
            return replace(value, **{name: poisoned(one, text) for name, one in changes.items()})  # type: ignore[type-var]
        case _:
            return value


def messages(sample: Any) -> list[Message]:
    """The messages that show the sample."""
    if isinstance(sample, Notification):
        return [render_notification(sample)]
    shared = render_shared(sample)
    return [one for one in (render(sample), shared.root, shared.thread) if one is not None]


def faults(message: Message) -> list[str]:
    """Everything wrong with a message, including what Slack would accept."""
    return problems(message) + attacks([message.text, *texts(message.blocks)])


def attacks(shown: Iterable[str]) -> list[str]:
    """Everything in these texts by which foreign text has an effect."""
    found = list[str]()
    for text in shown:
        found += [f"attacked: {text[:80]}"] if re.search(r"<[^<>]*ATTACK", text) else []
        found += [f"invisible {hit[0]!r}" for hit in _INVISIBLE.finditer(text)][:3]
        found += ["marks on marks"] if _STACKED.search(text) else []
        if text.startswith("```\n"):
            found += [] if text.count("```") == 2 and text.endswith("\n```") else ["the code block ends early"]
        else:
            found += ["a code block begins"] if "```" in text and not _FENCED.search(text) else []
            found += [f"open code: {row[:80]}" for row in text.split("\n") if row.count("`") % 2 and "```" not in row]
    return found


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
@settings(max_examples=12, deadline=None)
@given(FOREIGN)
@example("```")
@example("`")
@example("\u0301" * 40_000)
@example("x" * 60 + "&" * 5000)
@example("loss <!channel>" + "&" * 900 + "x" * 900)
def test_foreign_text_does_not_notify_link_or_leave_its_block(sample: Any, foreign: str) -> None:
    assert [] == [fault for one in messages(poisoned(sample, foreign)) for fault in faults(one)]


@settings(max_examples=200, deadline=None)
@given(FOREIGN)
def test_text_and_names_in_an_error_are_escaped(foreign: str) -> None:
    job = KnownJob(JobRef("x", foreign), foreign, JobState.RUNNING)
    answer = ErrorAnswer(f"No job found for `{foreign}`.", typed="x:y", suggestions=(job,))
    assert [] == faults(render_error(answer, "status x:y"))


@given(FOREIGN, FOREIGN)
def test_a_file_with_any_text_can_be_sent(name: str, text: str) -> None:
    snippet = render_snippet(replace(log_answer(), job=JobRef("x", name), lines=(line(text), line("the end"))))
    assert re.fullmatch(r"[A-Za-z0-9._-]+\.log\.txt", snippet.filename)
    assert [] == _INVISIBLE.findall(snippet.title)
    assert b"".join(snippet.parts()).endswith(b"the end\n")


def readable(text: str) -> str:
    """The letters, symbols and digits of a text."""
    text = re.sub(r"[`\u02cb\u200b]+", "", clean(text))
    return "".join(
        letter for letter in text if unicodedata.category(letter)[0] in "LNPS" and letter not in "\ufffd" + ELLIPSIS
    )


@given(FOREIGN, st.integers(20, 4000))
@example(" " * 5000 + "the error", 100)
@example("a" + " " * 5000 + "b", 100)
def test_a_truncated_line_ends_with_an_ellipsis(foreign: str, limit: int) -> None:
    for text in (one_line(foreign, limit), code(foreign, limit).strip("`")):
        if not text.rstrip("`").endswith(ELLIPSIS):
            assert readable(escape(" ".join(foreign.split()))) == readable(text)


@given(st.lists(FOREIGN, min_size=1, max_size=5))
def test_a_truncated_row_counts_hidden_characters(foreign: list[str]) -> None:
    for rows in (line_rows([line(text) for text in foreign], max_line=300), excerpt_rows(foreign, None, max_line=300)):
        assert len(foreign) == len(rows)
        for text, row in zip(foreign, rows, strict=True):
            if "characters)" not in row:
                assert readable(row).endswith(readable(escape(shown_text(text).rstrip())))
        assert fence(rows).count("```") == 2
