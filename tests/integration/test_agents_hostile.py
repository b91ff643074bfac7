"""A hostile or careless agent: many calls, cancelled calls, lost connections and malformed messages."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client

from bot.agents.calls import ToolCalls
from bot.agents.server import build_server
from bot.domain.audit import AuditResult
from bot.errors import BotError
from bot.providers.budget import BudgetLimits
from tests.integration.agent_harness import agent, audit_of, call, calls_on, served, text_of
from tests.integration.slack_harness import SECRET, SlackHarness, step_lines
from tests.support.waiting import LONGEST_S, eventually
from tests.unit.slack.factories import REF

JOB = str(REF)
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


async def still_works(calls: ToolCalls) -> None:
    """Nothing runs any more, and a new agent is answered."""
    await eventually(lambda: not calls.running)
    async with agent(calls) as client:
        assert not (await call(client, "logs", ref=JOB)).is_error


async def test_progress_is_reported_while_a_read_is_long(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    texts: list[str] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        texts.append(message or "")
        if harness.provider.gate is not None:
            harness.provider.gate.set()

    async with agent(calls_on(harness)) as client:
        result = await client.call_tool("logs", {"ref": JOB}, progress_callback=note)
    assert not result.is_error
    assert texts[0].startswith("Read ")


async def test_cancelled_call_ends_the_read_and_its_record(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    calls = calls_on(harness)
    async with agent(calls) as client:
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(lambda: call(client, "logs", ref=JOB))
                await eventually(lambda: harness.provider.open_log_queries)
                scope.cancel()
        await eventually(lambda: not harness.provider.open_log_queries)
        await eventually(lambda: not calls.running)
    (entry,) = await audit_of(harness)
    assert (entry.result, entry.detail) == (AuditResult.FAILED, "interrupted")
    harness.provider.gate.set()
    await still_works(calls)


async def test_lost_connection_ends_the_read(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    calls = calls_on(harness)
    async with served(calls) as url:
        task = asyncio.create_task(_read_once(url))
        await eventually(lambda: harness.provider.open_log_queries)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(lambda: not calls.running)
        assert not harness.provider.open_log_queries
        harness.provider.gate.set()
        await _read_once(url)


async def _read_once(url: str) -> None:
    async with Client(url, read_timeout_seconds=LONGEST_S) as client:
        assert not (await call(client, "logs", ref=JOB)).is_error


async def test_fifty_calls_at_once_are_answered_and_more_than_the_limit_refused(harness: SlackHarness) -> None:
    harness.provider.lines = step_lines(300)
    calls = calls_on(harness)
    async with agent(calls) as client:
        results = await asyncio.gather(*(call(client, "logs", ref=JOB, limit=200) for _ in range(50)))
        assert [one.is_error for one in results] == [False] * 50
        assert {len(one.structured_content["lines"]) for one in results} == {200}
    calls = replace(calls, most=3)
    async with agent(calls) as client:
        harness.provider.gate = asyncio.Event()
        waiting = [asyncio.create_task(call(client, "logs", ref=JOB)) for _ in range(3)]
        await eventually(lambda: len(calls.running) == 3)
        refused = await call(client, "logs", ref=JOB)
        assert refused.is_error
        assert "Too many requests right now." in text_of(refused)
        harness.provider.gate.set()
        assert not any(one.is_error for one in await asyncio.gather(*waiting))
    assert "too many calls at once" in [entry.detail for entry in await audit_of(harness)]


async def test_call_ends_with_its_budget_and_shows_what_it_read(harness: SlackHarness) -> None:
    harness.provider.lines, harness.provider.page_lines = step_lines(2_000), 10
    harness.provider.hangs_at_line = 20
    async with agent(calls_on(harness, limits=BudgetLimits(seconds=1.5))) as client:
        result = await call(client, "logs", ref=JOB, limit=500)
    assert not result.is_error
    assert 0 < len(result.structured_content["lines"]) <= 20
    assert "the limit of one command" in text_of(result)
    assert result.structured_content["older"]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("logs", {"ref": JOB, "include": ["x" * 2**20]}),
        ("logs", {"ref": JOB, "grep": "(" * 900}),
        ("logs", {"ref": JOB, "rank": ["0-9999999"]}),
        ("logs", {"ref": JOB, "since": "9" * 900 + "d"}),
        ("logs", {"ref": {"a": ["b"] * 1000}}),
        ("logs", {"ref": "\x00\x1b]0;title\x07"}),
        ("status", {"ref": "../../etc/passwd"}),
        ("rules", {"test": JOB, "settings": ["hang.quiet_after=" + "9" * 500]}),
        ("jobs", {"limit": -1}),
        ("", {}),
        ("x" * 2**20, {"y" * 2**20: 1}),
    ],
    ids=range(11),
)
async def test_absurd_arguments_are_explained_in_few_words(
    harness: SlackHarness, tool: str, arguments: dict[str, Any]
) -> None:
    calls = calls_on(harness)
    async with agent(calls) as client:
        result = await call(client, tool, **arguments)
        assert result.is_error
        assert 10 < len(text_of(result)) < 1_500
        assert "Traceback" not in text_of(result)
    (entry,) = await audit_of(harness)
    assert entry.result is AuditResult.INVALID
    await still_works(calls)


async def test_error_inside_is_a_number_and_no_traceback(harness: SlackHarness) -> None:
    harness.provider.status_error = RuntimeError(f"boom {SECRET}")
    async with agent(calls_on(harness)) as client:
        broken = await call(client, "status", ref=JOB)
        harness.provider.status_error = BotError(f"The platform says {SECRET}.")
        failed = await call(client, "status", ref=JOB)
    assert "Something went wrong on our side (error " in text_of(broken)
    assert SECRET not in text_of(broken) + text_of(failed)
    assert [entry.result for entry in await audit_of(harness)] == [AuditResult.FAILED] * 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Basic the-token-of-this-test"}, 401),
        ({"Authorization": "Bearer the-token-of-this-test", "Host": "evil.example"}, 421),
        ({"Authorization": "Bearer the-token-of-this-test", "Origin": "http://evil.example"}, 403),
        ({"Authorization": "bearer the-token-of-this-test", "Origin": "http://localhost:1"}, 200),
    ],
)
async def test_http_needs_the_token_and_a_known_host(
    harness: SlackHarness, headers: dict[str, str], status: int
) -> None:
    async with (
        served(calls_on(harness), "the-token-of-this-test") as url,
        httpx2.AsyncClient(timeout=LONGEST_S) as http,
    ):
        accept = {"Accept": "application/json, text/event-stream"}
        answer = await http.post(url, json=INITIALIZE, headers={**accept, **headers})
        assert answer.status_code == status, answer.text


async def test_malformed_messages_over_http_do_not_stop_the_server(harness: SlackHarness) -> None:
    calls = calls_on(harness)
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    bodies = [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps({**request, "params": {"name": 7, "arguments": "x"}}).encode(),
        json.dumps({**request, "params": None}).encode(),
        json.dumps({**request, "id": {"a": 1}, "method": "x" * 100_000}).encode(),
        json.dumps({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}).encode(),
    ]
    async with served(calls) as url:
        async with httpx2.AsyncClient(headers=headers, timeout=LONGEST_S) as http:
            for body in bodies:
                answer = await http.post(url, content=body)
                assert answer.status_code < 500 or (answer.status_code == 500 and "Traceback" not in answer.text)
        await _read_once(url)


async def test_standard_input_that_ends_in_the_middle_ends_the_server(harness: SlackHarness) -> None:
    harness.provider.gate = asyncio.Event()
    calls = calls_on(harness)
    server = build_server(calls, "1")
    to_server, reading = anyio.create_memory_object_stream[Any](10)
    writing, _from_server = anyio.create_memory_object_stream[Any](100)
    task = asyncio.create_task(server.run(reading, writing, server.create_initialization_options()))
    await to_server.send(ValueError("not JSON"))
    await to_server.aclose()
    await asyncio.wait_for(task, LONGEST_S)
    await calls.drain()
    assert not calls.running
