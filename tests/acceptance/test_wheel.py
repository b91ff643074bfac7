"""The Dockerfile's steps without Docker: the wheel from what it copies, in an empty environment, up to a bot."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.shell import CheckCommand, ServeCommand
from emulator.demo import connected
from tests.acceptance.program import REPOSITORY, Machine

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, its continued lines joined."""

    word: str
    rest: str


def steps() -> list[Step]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def final_stage() -> list[Step]:
    begins = max(number for number, step in enumerate(steps()) if step.word == "FROM")
    return steps()[begins:]


def copied() -> list[str]:
    """What the build copies from the repository."""
    return [
        source
        for step in steps()
        if step.word == "COPY" and "--from=" not in step.rest
        for source in step.rest.split()[:-1]
    ]


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel, and the program it became."""

    wheel: Path
    python: Path
    program: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The build sandbox of the Dockerfile, in a folder with nothing but what it copies."""
    folder = tmp_path_factory.mktemp("image")
    source, target = folder / "src", folder / "trainwatch"
    source.mkdir()
    for name in copied():
        origin = REPOSITORY / name
        shutil.copytree(origin, source / name) if origin.is_dir() else shutil.copy(origin, source / name)
    locked = uv("export", "--locked", "--no-dev", "--no-emit-project", "--format", "requirements-txt", folder=source)
    (source / "requirements.txt").write_text(locked)
    uv("venv", "--python", sys.executable, str(target), folder=source)
    python = target / "bin" / "python"
    uv("pip", "install", "--python", str(python), "-r", "requirements.txt", folder=source)
    uv("build", "--wheel", "--out-dir", "dist", folder=source)
    (wheel,) = (source / "dist").glob("*.whl")
    uv("pip", "install", "--python", str(python), "--no-deps", str(wheel), folder=source)
    yield Installed(wheel, python, target / "bin" / "trainwatch")
    shutil.rmtree(folder)


def uv(*words: str, folder: Path) -> str:
    """Run uv: from its cache where that is enough, else with the network."""
    local = REPOSITORY / ".boot" / "bin" / "uv"
    program = str(local) if local.exists() else shutil.which("uv")
    assert program, "uv is missing: make setup"
    settings = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    settings |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for offline in ("--offline", "--no-progress"):
        done = subprocess.run(
            [program, *words, offline], cwd=folder, env=settings, capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            return done.stdout
    raise AssertionError(f"uv {words[0]}: {done.stderr}")


@pytest.fixture
def image(machine: Machine, installed: Installed) -> Machine:
    """A machine that has the wheel and not the repository."""
    machine.program = (str(installed.program),)
    return machine


def test_the_wheel_holds_the_program_and_nothing_beside_it(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    program = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "bot").rglob("*") if path.is_file()}
    program = {name for name in program if "__pycache__" not in name}
    scripts = [path for path in (REPOSITORY / "migrations").rglob("*.py") if "__pycache__" not in path.parts]
    migrations = {f"bot/_migrations/{path.relative_to(REPOSITORY / 'migrations').as_posix()}" for path in scripts}
    assert "bot/diagnosis/signatures.toml" in names
    assert len(migrations) > 1
    assert set() == (program | migrations) - names
    assert {"bot"} == {name.partition("/")[0] for name in names if ".dist-info/" not in name}


def test_neither_the_emulator_nor_the_tests_nor_their_tools_are_installed(installed: Installed) -> None:
    for module in ("emulator", "tests", "pytest", "starlette", "uvicorn", "playwright"):
        done = subprocess.run(
            [installed.python, "-c", f"import {module}"], cwd=installed.wheel.parent, capture_output=True, check=False
        )
        assert b"ModuleNotFoundError" in done.stderr, module


async def test_help_and_version_come_without_any_setting(image: Machine) -> None:
    image.environment = {}
    shown, version = await image.run("--help"), await image.run("--version")
    assert (0, "", True) == (shown.code, shown.err, "serve" in shown.text)
    assert (0, "trainwatch 0.1.0\n") == (version.code, version.text)


async def test_the_database_is_made_and_all_is_well(image: Machine) -> None:
    upgraded = await image.run("db", "upgrade")
    assert (0, "The database is up to date.\n") == (upgraded.code, upgraded.err)
    checked = await image.run("check", "--json")
    assert (0, True) == (checked.code, checked.json["ok"])


async def test_serve_makes_its_database_answers_is_healthy_and_ends_at_once_when_told(image: Machine) -> None:
    image.world.add_training_job("proj", "job1")
    process = await image.start("serve")
    try:
        await connected(image.on, process)
        seen = await image.on.slack.person_actions.slash(
            "ada", "#training", "/train", "status baseten:proj/job1", wait_s=10
        )
        assert "job1" in seen.text
        assert 0 == (await image.run("check", "--health")).code
        process.send_signal(signal.SIGTERM)
        told_at = time.monotonic()
        _, errors = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert 0 == process.returncode, errors
    assert 5 > time.monotonic() - told_at
    assert b"Traceback" not in errors


def test_the_build_sees_what_the_dockerfile_copies_and_nothing_else() -> None:
    """`.dockerignore` shuts everything out, a `.env` too, and lets these in."""
    rules = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert "*" == rules[0]
    assert sorted(f"!{name}" for name in copied()) == sorted(rule for rule in rules if rule.startswith("!"))
    assert [] == [name for name in copied() if not (REPOSITORY / name).exists()]


def test_the_image_runs_as_a_user_without_rights() -> None:
    users = [step.rest for step in final_stage() if step.word == "USER"]
    assert ["trainwatch"] == users
    uid = re.search(r"useradd\b.*--uid (\d+)", DOCKERFILE)
    assert uid is not None
    assert int(uid[1]) >= 1000


def test_the_image_serves_and_its_health_check_looks_at_the_heartbeats() -> None:
    final = {step.word: step.rest for step in final_stage()}
    assert ServeCommand() == parse_argv(words_of(final["CMD"])[1:])
    assert CheckCommand(health=True) == parse_argv(words_of(final["HEALTHCHECK"].partition("CMD ")[2])[1:])


def test_the_database_lies_in_a_volume_that_the_user_may_write() -> None:
    final = {step.word: step.rest for step in final_stage()}
    assert "DATABASE_URL=sqlite:////data/" in final["ENV"]
    assert "/data" == final["VOLUME"]
    assert "chown trainwatch /data" in final["RUN"]


def words_of(exec_form: str) -> list[str]:
    """`["trainwatch", "serve"]`; the shell form would keep signals from the program."""
    found = re.fullmatch(r'\s*\[\s*("[^"]*"(?:\s*,\s*"[^"]*")*)\s*\]\s*', exec_form)
    assert found is not None, exec_form
    words = [word.strip().strip('"') for word in found[1].split(",")]
    assert "trainwatch" == words[0]
    return words
