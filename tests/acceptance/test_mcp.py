"""`trainwatch mcp` as a process: the official client lists and calls every tool over both transports."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from bot.agents.tools import list_tools
from bot.domain.audit import AuditResult
from emulator.logs import Line
from emulator.slack.app import create_slack
from emulator.slack.limits import RateLimits
from emulator.world import Status
from tests.acceptance.program import ANCHOR, ANCHOR_NS, Machine, machine_at
from tests.support.scopes import GRANTED
from tests.support.waiting import LONGEST_S

USER, CHANNEL, TOKEN = "U0ADA1234", "C0000001", "a-token-of-agents-0123456789"
NAMED = ("--as", USER, "--channel", CHANNEL)
SECRET = "hf_q7Zk29dVx41LmP8saB3aB3aB3aB3"
ACCESS = f'default = "read"\n[[grant]]\nrole = "operate"\nusers = ["{USER}"]\n'
ALLOWED = {AuditResult.DONE.value: 13, AuditResult.REFUSED.value: 1}
"""`audit` needs the role `administer`; the other tools do not."""


@pytest.fixture
async def machine(tmp_path: Any) -> AsyncIterator[Machine]:
    slack = create_slack(scopes=GRANTED, limits=RateLimits(enabled=False))
    async with machine_at(tmp_path, slack=slack) as machine:
        (tmp_path / "access.toml").write_text(ACCESS)
        machine.environment |= {"TRAINWATCH_ACCESS": str(tmp_path / "access.toml"), "TRAINWATCH_MCP_TOKEN": TOKEN}
        yield machine


def plant(machine: Machine) -> dict[str, dict[str, Any]]:
    """Add a job whose log has a secret; return a call of each tool."""
    lines = [Line(ANCHOR_NS - 9, f"ERROR: no access with {SECRET}", "r0abc", "ERROR")]
    statuses = [Status(ANCHOR - timedelta(hours=1), "TRAINING_JOB_RUNNING")]
    machine.world.add_training_job("proj", "job1", lines=lines, statuses=statuses)
    ref = "baseten:proj/job1"
    return {
        **{tool: {"ref": ref} for tool in ("logs", "metrics", "status", "diagnose")},
        **{tool: {} for tool in ("jobs", "list", "digest", "notify", "rules", "check", "audit")},
        **{tool: {"jobs": [ref]} for tool in ("watch", "unwatch")},
        "silence": {"duration": "1h", "jobs": [ref]},
    }


async def call_everything(client: Client, calls: dict[str, dict[str, Any]]) -> None:
    """Call every listed tool; only `audit` is refused, and nothing shows the secret."""
    tools = [one.name for one in (await client.list_tools()).tools]
    assert tools == [one.name for one in list_tools(has_channel=True)]
    assert sorted(tools) == sorted(calls)
    for tool in tools:
        result = await client.call_tool(tool, calls[tool])
        shown = result.model_dump_json()
        assert result.is_error is (tool == "audit"), shown
        assert ("[hidden]" in shown) is (tool in ("logs", "status", "diagnose")), shown
        assert SECRET not in shown
    assert "This needs the role" in (await client.call_tool("audit", {})).model_dump_json()


def recorded(machine: Machine) -> dict[str, int]:
    """The number of records by result, without the last one."""
    with closing(sqlite3.connect(machine.folder / "bot.db")) as connection:
        rows = connection.execute("SELECT result, user, channel, kind, text FROM audit ORDER BY id").fetchall()
    assert {row[1:4] for row in rows} == {(USER, CHANNEL, "mcp")}
    assert SECRET not in repr(rows)
    results = [row[0] for row in rows[:-1]]
    return {result: results.count(result) for result in results}


async def test_every_tool_over_standard_input_and_output(machine: Machine) -> None:
    calls = plant(machine)
    program, *first = machine.program
    parameters = StdioServerParameters(
        command=program, args=[*first, "mcp", *NAMED], env=machine.process_environment(), cwd=machine.folder
    )
    async with Client(parameters, read_timeout_seconds=LONGEST_S) as client:
        await call_everything(client, calls)
    assert recorded(machine) == ALLOWED


@asynccontextmanager
async def http_server(machine: Machine, *argv: str) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A running server and its URL."""
    process = await machine.start("mcp", "--http", "127.0.0.1:0", *argv)
    assert process.stderr is not None
    try:
        line = (await asyncio.wait_for(process.stderr.readline(), LONGEST_S)).decode()
        assert line.startswith("Serving MCP at http://127.0.0.1:"), line
        yield line.split()[-1], process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.slow
async def test_every_tool_over_http(machine: Machine) -> None:
    calls = plant(machine)
    async with http_server(machine, *NAMED) as (url, process):
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=LONGEST_S) as http:
            async with Client(streamable_http_client(url, http_client=http), read_timeout_seconds=LONGEST_S) as client:
                await call_everything(client, calls)
            assert recorded(machine) == ALLOWED
            rebound = await http.post(url, json={}, headers={"Host": "evil.example"})
            assert rebound.status_code == 421
            from_page = await http.post(url, json={}, headers={"Origin": "http://evil.example"})
            assert from_page.status_code == 403
            large = await http.post(url, content=b"x" * (3 * 1024 * 1024), headers={"Content-Type": "application/json"})
            assert large.status_code == 413
        async with httpx2.AsyncClient(timeout=LONGEST_S) as stranger:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}):
                refused = await stranger.post(url, json={}, headers=headers)
                assert refused.status_code == 401
                assert refused.headers["www-authenticate"] == "Bearer"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), LONGEST_S) == 0


@pytest.mark.parametrize(
    ("argv", "environment", "expected"),
    [
        (("--http", "0.0.0.0:0"), {"TRAINWATCH_MCP_TOKEN": ""}, "set TRAINWATCH_MCP_TOKEN"),
        (("--http", "0.0.0.0:0"), {"TRAINWATCH_MCP_TOKEN": "short"}, "TRAINWATCH_MCP_TOKEN must have at least 16"),
        (("--http", "nowhere"), {}, "Invalid address `nowhere`"),
        (("--http", "192.0.2.1:80"), {}, "Cannot listen on 192.0.2.1:80"),
        (("--as", "ada"), {}, "Use a Slack user id"),
        (("--channel", "#training"), {}, "Use a Slack channel id"),
        (("--allow-host", "x.example"), {}, "`--allow-host` applies only to `--http`."),
        ((), {"DATABASE_URL": "sqlite:////nowhere/x.db"}, "Database"),
        ((), {"TRAINWATCH_ACCESS": "/nowhere.toml"}, "TRAINWATCH_ACCESS"),
    ],
)
async def test_server_that_cannot_start_says_why(
    machine: Machine, argv: tuple[str, ...], environment: dict[str, str], expected: str
) -> None:
    ended = await machine.call("mcp", *argv, **environment)
    assert ended.code != 0
    assert expected in ended.err
    assert "Traceback" not in ended.err
