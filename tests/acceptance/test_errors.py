"""Bad days on the command line: a sentence or two that say what happened and what to do, the exit code, and no key."""

from __future__ import annotations

import asyncio
import re
import signal

import pytest

from emulator.faults import Fault
from emulator.logs import Line
from tests.acceptance.logs import REFERENCES, hostile_lines, put
from tests.acceptance.program import ANCHOR_NS, QUICK, Ended, Machine, expected_rows

VENDOR = {"baseten": "baseten", "baseten-model": "baseten", "fireworks": "fireworks", "rivergen": "rivergen"}
TROUBLES = {
    "401": (Fault("status", status=401), "refused|token"),
    "403": (Fault("status", status=403), "refused the key|does not let"),
    "404": (Fault("status", status=404), "no such|knows no"),
    "429": (Fault("status", status=429), "slow down"),
    "429 for ten minutes": (Fault("status", status=429, retry_after_s=600), "slow down|asked us to wait"),
    "429 until a date": (Fault("status", status=429, retry_after_s=60, retry_after_as_date=True), "slow down"),
    "500": (Fault("status", status=500), "trouble of its own"),
    "503": (Fault("status", status=503), "trouble of its own"),
    "stall": (Fault("stall", delay_s=20), "did not answer in time"),
    "truncated": (Fault("truncate", after_bytes=30), "JSON|form its document"),
    "cut off": (Fault("cut_off", after_bytes=30), "broke off the connection"),
    "HTML": (Fault("html", status=200), "HTML page|form its document"),
    "HTML of a proxy": (Fault("html", status=502), "trouble of its own"),
    "reset": (Fault("reset"), "broke off the connection"),
}
MISUSES = (
    ((), "Usage"),
    (("frobnicate",), "frobnicate"),
    (("logs",), "Which job"),
    (("logs", "baseten:a/b", "--lvel", "error"), "--level"),
    (("logs", "baseten:a/b", "--limit", "0"), "--limit"),
    (("logs", "baseten:a/b", "--since", "soon"), "--since"),
    (("logs", "baseten:a/b", "--grep", "(unclosed"), "never closed"),
    (("logs", "baseten:a/b", "--grep", "(?=ahead)"), "look-ahead"),
    (("logs", "baseten:a/b", "--tail", "3", "--all"), "--tail"),
    (("logs", "baseten:a/b", "--public"), "Slack"),
    (("logs", "basten:a/b"), "baseten"),
    (("logs", "https://example.com/nothing/here"), "https://example.com/nothing/here"),
    (("status", "fireworks:"), "fireworks"),
    (("watch", "baseten:a/b", "low_gpu_utilization.treshold=3"), "threshold"),
    (("silence", "2h"), "silence"),
    (("db", "downgrade"), "upgrade"),
)


def assert_is_clear(ended: Ended, machine: Machine, code: int) -> None:
    """One message of at most two sentences on the error stream, nothing of our insides, no secret anywhere."""
    assert code == ended.code, ended.err
    assert ended.err.startswith("trainwatch: ")
    message = ended.err.removeprefix("trainwatch: ").partition("\nUsage: ")[0].strip()
    assert len(message.splitlines()) == 1, message
    assert len(message) <= 400, message
    assert len(re.findall(r"[.!?](?:\s|$)", message)) <= 3, message
    everything = ended.out + ended.err.encode()
    assert b"Traceback" not in everything
    for name, secret in machine.environment.items():
        if name.endswith(("_KEY", "_TOKEN", "_SECRET")):
            assert secret.encode() not in everything


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("system", REFERENCES)
async def test_trouble_at_a_platform_is_explained_and_ends_with_1(machine: Machine, system: str, trouble: str) -> None:
    fault, words = TROUBLES[trouble]
    ref = put(machine.world, system, hostile_lines(100, system))
    for command in ("status", "logs"):
        machine.on.faults.set([fault])
        ended = await machine.call(command, ref, **(QUICK if fault.kind == "stall" else {}))
        assert_is_clear(ended, machine, 1)
        assert re.search(words, ended.err), ended.err


@pytest.mark.parametrize("system", REFERENCES)
async def test_a_storm_that_passes_is_sat_out(machine: Machine, system: str) -> None:
    lines = hostile_lines(3_000, system)
    ref = put(machine.world, system, lines)
    storm = [Fault("status", status=429, times=1, retry_after_s=1), Fault("reset", times=1), Fault("cut_off", times=1)]
    machine.on.faults.set([*storm, Fault("status", status=429, probability=0.1)], seed=3)
    patience = {f"{VENDOR[system].upper()}_RETRY_BUDGET_S": "30"}
    ended = await machine.call("logs", ref, "--all", "--json", **patience)
    assert (0, expected_rows(lines, system)) == (ended.code, ended.rows), ended.err
    assert {"status", "reset", "cut_off"} == set(machine.on.faults.struck)


@pytest.mark.parametrize("system", REFERENCES)
async def test_a_key_that_is_wrong_is_named_with_its_variable(machine: Machine, system: str) -> None:
    ref = put(machine.world, system, hostile_lines(10, system))
    variable = f"{VENDOR[system].upper()}_API_KEY"
    ended = await machine.run("status", ref, **{variable: "wrong-key-0123456789"})
    assert_is_clear(ended, machine, 1)
    assert "wrong-key-0123456789" not in ended.err
    missing = await machine.run("status", ref, **{variable: ""})
    assert_is_clear(missing, machine, 2)
    assert variable in missing.err


async def test_a_platform_that_is_not_there_is_said(machine: Machine) -> None:
    ended = await machine.run("status", "baseten:a/b", BASETEN_BASE_URL="http://127.0.0.1:9")
    assert_is_clear(ended, machine, 1)
    assert "baseten cannot be reached" in ended.err


async def test_a_job_that_ends_in_the_middle_of_a_log_leaves_the_lines_before(machine: Machine) -> None:
    lines = hostile_lines(3_000, "baseten")
    ref = put(machine.world, "baseten", lines)
    jobs, pages = 1, 1
    machine.on.faults.set([Fault("slow", times=jobs + pages, delay_s=0.01), Fault("status", status=500)])
    ended = await machine.call("logs", ref, "--all", "--json")
    assert 1 == ended.code
    assert 0 < len(ended.rows) < len(lines)
    assert expected_rows(lines, "baseten")[: len(ended.rows)] == ended.rows


@pytest.mark.parametrize(
    ("words", "told"), MISUSES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
async def test_what_cannot_be_understood_ends_with_2(machine: Machine, words: tuple[str, ...], told: str) -> None:
    ended = await machine.call(*words)
    if not words:
        assert (0, True) == (ended.code, told in ended.text)
        return
    assert_is_clear(ended, machine, 2)
    assert told in ended.err


async def test_a_key_in_the_log_is_hidden_unless_asked_for(machine: Machine) -> None:
    key = machine.environment["BASETEN_API_KEY"]
    texts = [f"using {key} now", "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "fine"]
    ref = put(machine.world, "baseten", [Line(ANCHOR_NS - 9 + n, text) for n, text in enumerate(texts)])
    hidden = await machine.run("logs", ref)
    assert (key in hidden.text, "wJalrXUtnFEMI" in hidden.text) == (False, False)
    assert "2 secrets hidden" in hidden.err
    assert "--no-redact" in hidden.err
    shown = await machine.run("logs", ref, "--json", "--no-redact")
    assert texts == [row["message"] for row in shown.rows]


async def test_a_reader_that_has_seen_enough_is_no_error(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(10_000, "baseten"))
    process = await machine.start("logs", ref, "--all", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    first = await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]
    errors = await process.stderr.read()
    assert (0, b"") == (await process.wait(), errors)
    assert first.startswith(b'{"timestamp"')


async def test_ctrl_c_ends_with_130_and_without_a_word(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(100, "baseten"))
    machine.on.faults.set([Fault("stall", delay_s=60)])
    process = await machine.start("logs", ref, BASETEN_TIMEOUT_S="50")
    while not machine.on.faults.in_flight:  # noqa: ASYNC110 - what the emulator has counted makes no event
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (130, b"", b"") == (process.returncode, out, err)


async def test_settings_come_from_a_file_and_the_environment_wins(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(10, "baseten"))
    settings = machine.environment
    machine.environment = {}
    (machine.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    assert 0 == (await machine.run("status", ref)).code
    wrong = await machine.run("status", ref, BASETEN_API_KEY="not-the-one-in-the-file")
    assert 1 == wrong.code
    assert "not-the-one-in-the-file" not in wrong.err


async def test_serve_without_tokens_says_which_where_and_that_the_demo_needs_none(machine: Machine) -> None:
    for tokens, named, unnamed in (
        ({"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}, ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN"], []),
        ({"SLACK_APP_TOKEN": ""}, ["SLACK_APP_TOKEN"], ["SLACK_BOT_TOKEN"]),
        (
            {"SLACK_SIGNING_SECRET": "", "TRAINWATCH_SLACK_MODE": "http"},
            ["SLACK_SIGNING_SECRET"],
            ["SLACK_APP_TOKEN"],
        ),
    ):
        ended = await machine.run("serve", **tokens)
        assert 2 == ended.code
        assert [] == [word for word in (*named, "https://api.slack.com/apps", "make demo") if word not in ended.err]
        assert [] == [word for word in unnamed if word in ended.err]


async def test_a_wrong_setting_is_named_and_its_value_is_not_shown(machine: Machine) -> None:
    ended = await machine.run("serve", TRAINWATCH_POLL_INTERVAL="xoxb-pasted-into-the-wrong-place")
    assert_is_clear(ended, machine, 2)
    assert "TRAINWATCH_POLL_INTERVAL" in ended.err
    assert "xoxb-pasted" not in ended.err


async def test_serve_with_a_database_it_cannot_use_says_so(machine: Machine) -> None:
    ended = await machine.run("serve", DATABASE_URL="sqlite:////dev/null/bot.db")
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err
    assert ended.err.startswith("trainwatch: ")
