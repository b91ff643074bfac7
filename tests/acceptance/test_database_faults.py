"""Faults of the database are named with a remedy, alike by `check`, `check --health`, `db upgrade` and `serve`."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.program import Machine
from tests.support.waiting import eventually

PAGE = 4096
PREFIX = 1500


@dataclass(frozen=True)
class Fault:
    """How to damage a database, and what the commands report."""

    damage: Callable[[Path], None]
    found: str
    remedy: str
    ends_serve: bool = True
    """False: `serve` starts, and its loops report the fault."""


def make_newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '0999'")


def overwrite(file: Path) -> None:
    file.write_bytes(b"not a database, but a note" * 1000)


def scramble_pages(file: Path) -> None:
    """Overwrite every third page with noise, as a failing disk does; the first pages stay."""
    noise = random.Random(1)
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with file.open("r+b") as pages:
        for page in range(3, file.stat().st_size // PAGE, 3):
            pages.seek(page * PAGE)
            pages.write(noise.randbytes(PREFIX))


FAULTS = {
    "newer schema": Fault(make_newer, "version 0999 is newer than this trainwatch's", "Install the trainwatch version"),
    "not a database": Fault(overwrite, "not a database", "Restore a backup"),
    "corrupt pages": Fault(scramble_pages, "the file is corrupt", "Restore a backup", ends_serve=False),
}


@pytest.fixture
async def file(machine: Machine) -> Path:
    """The database of a bot that has run."""
    assert 0 == (await machine.call("db", "upgrade")).code
    return machine.folder / "bot.db"


@pytest.mark.parametrize("name", FAULTS)
async def test_every_command_names_the_fault_and_the_remedy(machine: Machine, file: Path, name: str) -> None:
    fault = FAULTS[name]
    fault.damage(file)
    commands = [("check",), ("check", "--health")]
    commands += [("db", "upgrade"), ("serve",)] if fault.ends_serve else []
    for words in commands:
        ended = await machine.run(*words)
        text = " ".join((ended.text + ended.err).split())
        assert 1 == ended.code, words
        assert fault.found in text, words
        assert fault.remedy in text, words
        assert "Traceback" not in text, words


async def test_a_disk_without_space_fails_the_check(machine: Machine, file: Path) -> None:
    """A limit on the size of files stands for it, because it needs no privileges."""
    machine.program = ("prlimit", f"--fsize={PAGE * 8}", sys.executable, "-m", "bot")
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    for words in (("check", "--json"), ("check", "--health", "--json")):
        ended = await machine.run(*words, **environment)
        problems = [one for one in ended.json["checks"] if one["subject"] == "Database writable"]
        assert [False] == [one["ok"] for one in problems], ended.text
        assert problems[0]["remedy"]


async def test_an_unreachable_server_is_named_without_its_password(machine: Machine) -> None:
    nowhere = {"DATABASE_URL": "postgresql://bot:hunter2@127.0.0.1:1/trainwatch"}
    for words in (("check",), ("check", "--health"), ("db", "upgrade"), ("serve",)):
        ended = await machine.run(*words, **nowhere)
        text = " ".join((ended.text + ended.err).split())
        assert 1 == ended.code, words
        assert "PostgreSQL at 127.0.0.1/trainwatch: cannot be reached" in text, words
        assert "that the server runs" in text, words
        assert "hunter2" not in text


async def test_serve_reports_corrupt_pages_and_backs_off(machine: Machine, file: Path) -> None:
    scramble_pages(file)
    process = await machine.start("serve", TRAINWATCH_LOG_LEVEL="warning")
    assert process.stderr is not None
    lines: list[bytes] = []

    async def read() -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            lines.append(line)

    reading = asyncio.create_task(read())
    try:
        await eventually(lambda: any(b"database unavailable" in line for line in lines) or process.returncode)
        await asyncio.sleep(1)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading
    text = b"".join(lines).decode()
    assert "the file is corrupt" in text
    assert "Restore a backup" in text
    assert len(lines) < 100
