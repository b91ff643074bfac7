"""Errors on the command line: one clear message, the right exit code, and no secrets."""

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
FAULTS = {
    "401": (Fault("status", status=401), "API key|the key|token"),
    "403": (Fault("status", status=403), "API key|the key|does not allow"),
    "404": (Fault("status", status=404), "could not find|no such|knows no"),
    "429": (Fault("status", status=429), "slow down|rate limit"),
    "429 for ten minutes": (Fault("status", status=429, retry_after_s=600), "slow down|rate limit"),
    "429 with a date": (
        Fault("status", status=429, retry_after_s=60, retry_after_as_date=True),
        "slow down|rate limit",
    ),
    "500": (Fault("status", status=500), "server error"),
    "503": (Fault("status", status=503), "server error"),
    "stall": (Fault("stall", delay_s=20), "did not answer in time"),
    "truncated": (Fault("truncate", after_bytes=30), "JSON|does not match its documentation"),
    "cut off": (Fault("cut_off", after_bytes=30), "closed the connection"),
    "HTML": (Fault("html", status=200), "HTML page|does not match its documentation"),
    "HTML of a proxy": (Fault("html", status=502), "server error"),
    "reset": (Fault("reset"), "closed the connection"),
}
INVALID_COMMANDS = (
    ((), "Usage"),
    (("frobnicate",), "frobnicate"),
    (("logs",), "Which job?"),
    (("logs", "baseten:a/b", "--lvel", "error"), "--level"),
    (("logs", "baseten:a/b", "--limit", "0"), "--limit"),
    (("logs", "baseten:a/b", "--since", "soon"), "Can't read the time `soon`"),
    (("logs", "baseten:a/b", "--grep", "(unclosed"), "unclosed `(`"),
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


def assert_clear_error(ended: Ended, machine: Machine, code: int) -> None:
    """Check for one short message on standard error, without traceback or secrets."""
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


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("system", REFERENCES)
async def test_platform_fault_is_explained_and_exits_with_1(machine: Machine, system: str, name: str) -> None:
    fault, pattern = FAULTS[name]
    ref = put(machine.world, system, hostile_lines(100, system))
    for command in ("status", "logs"):
        machine.on.faults.set([fault])
        ended = await machine.call(command, ref, **(QUICK if fault.kind == "stall" else {}))
        assert_clear_error(ended, machine, 1)
        assert re.search(pattern, ended.err), ended.err


@pytest.mark.parametrize("system", REFERENCES)
async def test_temporary_faults_are_retried(machine: Machine, system: str) -> None:
    lines = hostile_lines(3_000, system)
    ref = put(machine.world, system, lines)
    faults = [Fault("status", status=429, times=1, retry_after_s=1), Fault("reset", times=1), Fault("cut_off", times=1)]
    machine.on.faults.set([*faults, Fault("status", status=429, probability=0.1)], seed=3)
    retry_budget = {f"{VENDOR[system].upper()}_RETRY_BUDGET_S": "30"}
    ended = await machine.call("logs", ref, "--all", "--json", **retry_budget)
    assert (0, expected_rows(lines, system)) == (ended.code, ended.rows), ended.err
    assert {"status", "reset", "cut_off"} == set(machine.on.faults.struck)


@pytest.mark.parametrize("system", REFERENCES)
async def test_invalid_key_is_reported_and_missing_key_names_its_variable(machine: Machine, system: str) -> None:
    ref = put(machine.world, system, hostile_lines(10, system))
    variable = f"{VENDOR[system].upper()}_API_KEY"
    ended = await machine.run("status", ref, **{variable: "wrong-key-0123456789"})
    assert_clear_error(ended, machine, 1)
    assert "wrong-key-0123456789" not in ended.err
    missing = await machine.run("status", ref, **{variable: ""})
    assert_clear_error(missing, machine, 2)
    assert variable in missing.err


async def test_unreachable_platform_is_reported(machine: Machine) -> None:
    ended = await machine.run("status", "baseten:a/b", BASETEN_BASE_URL="http://127.0.0.1:9")
    assert_clear_error(ended, machine, 1)
    assert "baseten cannot be reached" in ended.err


async def test_lines_before_a_failed_page_are_printed(machine: Machine) -> None:
    lines = hostile_lines(3_000, "baseten")
    ref = put(machine.world, "baseten", lines)
    jobs, pages = 1, 1
    machine.on.faults.set([Fault("slow", times=jobs + pages, delay_s=0.01), Fault("status", status=500)])
    ended = await machine.call("logs", ref, "--all", "--json")
    assert 1 == ended.code
    assert 0 < len(ended.rows) < len(lines)
    assert expected_rows(lines, "baseten")[: len(ended.rows)] == ended.rows


@pytest.mark.parametrize(
    ("words", "expected"), INVALID_COMMANDS, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
async def test_invalid_command_exits_with_2(machine: Machine, words: tuple[str, ...], expected: str) -> None:
    ended = await machine.call(*words)
    if not words:
        assert (0, True) == (ended.code, expected in ended.text)
        return
    assert_clear_error(ended, machine, 2)
    assert expected in ended.err


async def test_key_in_a_log_is_redacted_unless_no_redact(machine: Machine) -> None:
    key = machine.environment["BASETEN_API_KEY"]
    texts = [f"using {key} now", "export AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "fine"]
    ref = put(machine.world, "baseten", [Line(ANCHOR_NS - 9 + n, text) for n, text in enumerate(texts)])
    hidden = await machine.run("logs", ref)
    assert (key in hidden.text, "wJalrXUtnFEMI" in hidden.text) == (False, False)
    assert "2 secrets hidden" in hidden.err
    assert "--no-redact" in hidden.err
    shown = await machine.run("logs", ref, "--json", "--no-redact")
    assert texts == [row["message"] for row in shown.rows]


async def test_closed_pipe_is_not_an_error(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(10_000, "baseten"))
    process = await machine.start("logs", ref, "--all", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    first = await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined]
    errors = await process.stderr.read()
    assert (0, b"") == (await process.wait(), errors)
    assert first.startswith(b'{"timestamp"')


async def test_ctrl_c_exits_with_130_and_states_only_that(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(100, "baseten"))
    machine.on.faults.set([Fault("stall", delay_s=60)])
    process = await machine.start("logs", ref, BASETEN_TIMEOUT_S="50")
    while not machine.on.faults.in_flight:  # noqa: ASYNC110 - what the emulator has counted makes no event
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    assert (130, b"", b"trainwatch: Interrupted.\n") == (process.returncode, out, err)


async def test_environment_overrides_env_file(machine: Machine) -> None:
    ref = put(machine.world, "baseten", hostile_lines(10, "baseten"))
    settings = machine.environment
    machine.environment = {}
    (machine.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    assert 0 == (await machine.run("status", ref)).code
    wrong = await machine.run("status", ref, BASETEN_API_KEY="not-the-one-in-the-file")
    assert 1 == wrong.code
    assert "not-the-one-in-the-file" not in wrong.err


async def test_serve_without_tokens_names_them_and_the_demo(machine: Machine) -> None:
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


async def test_invalid_setting_is_named_without_its_value(machine: Machine) -> None:
    ended = await machine.run("serve", TRAINWATCH_POLL_INTERVAL="xoxb-pasted-into-the-wrong-variable")
    assert_clear_error(ended, machine, 2)
    assert "TRAINWATCH_POLL_INTERVAL" in ended.err
    assert "xoxb-pasted" not in ended.err


async def test_serve_reports_an_unusable_database(machine: Machine) -> None:
    ended = await machine.run("serve", DATABASE_URL="sqlite:////dev/null/bot.db")
    assert ended.code in (1, 2)
    assert "Traceback" not in ended.err
    assert ended.err.startswith("trainwatch: ")
