"""Run the steps of the Dockerfile without Docker: build the wheel, install it in an empty environment, run the bot."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.shell import CheckCommand, ServeCommand
from bot.terminal.topics import TOPICS
from emulator.demo import connected
from tests.acceptance.program import REPOSITORY, Machine
from tests.support.waiting import LONGEST_S

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Step:
    """One Dockerfile instruction, with continuation lines joined."""

    instruction: str
    arguments: str


def steps() -> list[Step]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE))
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def final_stage() -> list[Step]:
    start = max(number for number, step in enumerate(steps()) if step.instruction == "FROM")
    return steps()[start:]


def copied() -> list[str]:
    """Paths that the build copies from the repository."""
    return [
        source
        for step in steps()
        if step.instruction == "COPY" and "--from=" not in step.arguments
        for source in step.arguments.split()[:-1]
    ]


@dataclass(frozen=True, slots=True)
class Installed:
    """The wheel and its installation."""

    wheel: Path
    python: Path
    program: Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Run the build stage of the Dockerfile in a folder with only the copied files."""
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
    """Run uv offline, or with network access if its cache is incomplete."""
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
    """A machine with the installed wheel, without the repository."""
    machine.program = (str(installed.program),)
    return machine


def test_wheel_contains_only_the_program(installed: Installed) -> None:
    names = set(zipfile.ZipFile(installed.wheel).namelist())
    program = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "bot").rglob("*") if path.is_file()}
    program = {name for name in program if "__pycache__" not in name}
    scripts = [path for path in (REPOSITORY / "migrations").rglob("*.py") if "__pycache__" not in path.parts]
    migrations = {f"bot/_migrations/{path.relative_to(REPOSITORY / 'migrations').as_posix()}" for path in scripts}
    assert "bot/diagnosis/signatures.toml" in names
    assert len(migrations) > 1
    documents = {f"bot/_docs/{name}" for name in ("manifest.yml", *(topic.file for topic in TOPICS.values()))}
    assert set() == (program | migrations | documents) - names
    assert {"bot"} == {name.partition("/")[0] for name in names if ".dist-info/" not in name}


def test_metadata_of_the_wheel_is_complete(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        (name,) = (one for one in wheel.namelist() if one.endswith(".dist-info/METADATA"))
        metadata = message_from_bytes(wheel.read(name))
    described = ("Summary", "Author", "License-Expression", "License-File", "Keywords", "Requires-Python")
    assert [] == [field for field in described if not metadata[field]]
    tested = {one.rpartition(" ")[2] for one in metadata.get_all("Classifier", []) if "Python :: 3." in one}
    assert {"3.11", "3.12", "3.13", "3.14"} == tested
    assert str(metadata.get_payload()).startswith("# trainwatch\n")


def test_emulator_and_tests_are_not_installed(installed: Installed) -> None:
    for module in ("emulator", "tests", "pytest", "starlette", "uvicorn", "playwright"):
        done = subprocess.run(
            [installed.python, "-c", f"import {module}"], cwd=installed.wheel.parent, capture_output=True, check=False
        )
        assert b"ModuleNotFoundError" in done.stderr, module


async def test_help_and_version_need_no_settings(image: Machine) -> None:
    image.environment = {}
    shown, version = await image.run("--help"), await image.run("--version")
    assert (0, "", True) == (shown.code, shown.err, "serve" in shown.text)
    assert (0, "trainwatch 0.1.0\n") == (version.code, version.text)
    topic = await image.run("help", "json")
    assert (0, "", True) == (topic.code, topic.err, "longest_gap_seconds" in topic.text)


async def test_database_is_created_and_check_passes(image: Machine) -> None:
    upgraded = await image.run("db", "upgrade")
    assert (0, "The database is up to date.\n") == (upgraded.code, upgraded.err)
    checked = await image.run("check", "--json")
    assert (0, True) == (checked.code, checked.json["ok"])


async def test_serve_creates_database_answers_and_stops_on_sigterm(image: Machine) -> None:
    image.world.add_training_job("proj", "job1")
    process = await image.start("serve")
    try:
        await connected(image.on, process)
        seen = await image.on.slack.person_actions.slash(
            "ada", "#training", "/train", "status baseten:proj/job1", wait_s=LONGEST_S
        )
        assert "job1" in seen.text
        assert 0 == (await image.run("check", "--health")).code
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), LONGEST_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert 0 == process.returncode, errors
    assert b"Traceback" not in errors


def test_docker_context_has_only_the_copied_paths() -> None:
    """`.dockerignore` excludes everything else, including `.env`."""
    rules = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert "*" == rules[0]
    assert sorted(f"!{name}" for name in copied()) == sorted(rule for rule in rules if rule.startswith("!"))
    assert [] == [name for name in copied() if not (REPOSITORY / name).exists()]


def test_image_runs_as_unprivileged_user() -> None:
    users = [step.arguments for step in final_stage() if step.instruction == "USER"]
    assert ["trainwatch"] == users
    uid = re.search(r"useradd\b.*--uid (\d+)", DOCKERFILE)
    assert uid is not None
    assert int(uid[1]) >= 1000


def test_image_runs_serve_and_checks_heartbeats() -> None:
    final = {step.instruction: step.arguments for step in final_stage()}
    assert ServeCommand() == parse_argv(arguments_of(final["CMD"])[1:])
    assert CheckCommand(health=True) == parse_argv(arguments_of(final["HEALTHCHECK"].partition("CMD ")[2])[1:])


def test_database_is_in_a_writable_volume() -> None:
    final = {step.instruction: step.arguments for step in final_stage()}
    assert "DATABASE_URL=sqlite:////data/" in final["ENV"]
    assert "/data" == final["VOLUME"]
    assert "chown trainwatch /data" in final["RUN"]


def arguments_of(exec_form: str) -> list[str]:
    """Parse the exec form, such as `["trainwatch", "serve"]`. The shell form would not forward signals."""
    found = re.fullmatch(r'\s*\[\s*("[^"]*"(?:\s*,\s*"[^"]*")*)\s*\]\s*', exec_form)
    assert found is not None, exec_form
    words = [word.strip().strip('"') for word in found[1].split(",")]
    assert "trainwatch" == words[0]
    return words


async def test_agents_need_a_package_that_the_image_has(image: Machine) -> None:
    """It is installed here without the extra."""
    ended = await image.run("mcp")
    assert ended.code != 0
    assert "uv tool install --force '.[mcp]'" in ended.err
    assert "--extra mcp" in DOCKERFILE
