"""`trainwatch scan`: reports for every kind of log file, without settings."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from bot import __main__ as program
from bot.commands.parsing.parser import parse_argv
from bot.commands.subcommands.shell import ScanCommand
from bot.errors import UsageError
from bot.rules.diagnosis_config import build_scanner
from bot.terminal.output import Output
from bot.terminal.report import failure_text, report_text
from bot.terminal.scan import scan
from tests.unit.commands.insights import DIAGNOSIS, QUIET

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FAILING = """\
step 1 loss 2.5
[rank3]: Traceback (most recent call last):
[rank3]:   File "/app/train.py", line 412, in step
[rank3]:     loss.backward()
[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB.
"""
HEALTHY = "step 1 loss 2.5\nstep 2 loss 2.4\nTraining finished\n"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRAINWATCH_SIGNATURES", raising=False)


def write(text: str) -> str:
    Path("train.log").write_text(text)
    return "train.log"


def incidents(printed: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(printed)["incidents"]
    return found


def test_failing_log_reports_failure_with_line_and_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == program.run(["scan", write(FAILING)])
    out = capsys.readouterr().out
    assert out.startswith("1 problem found.\n\nPAGE  GPU out of memory\n      line 5 · rank 3\n")
    assert "▶ r3 torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB." in out
    assert "Try: " in out
    assert "Last logged: step 1 · loss 2.5." in out
    assert "5 lines read." in out


def test_healthy_log_reports_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == program.run(["scan", write(HEALTHY)])
    assert capsys.readouterr().out.startswith("No known failure in 3 lines. The log is too short for a diagnosis.\n\n")


def test_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with Path(write(FAILING)).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert 0 == program.run(["scan", "--json", "-"])
    (incident,) = incidents(capsys.readouterr().out)
    assert {
        "severity", "category", "signature", "title", "hint", "why", "line", "ranks", "count", "first", "last",
        "excerpt", "confidence", "confidence_word", "verdict", "verdict_reason", "verdict_missing",
    } == set(incident)  # fmt: skip
    assert ("page", "gpu_memory", 5, [3]) == tuple(incident[name] for name in ("severity", "category", "line", "ranks"))


def test_gzip_file_is_decompressed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log.gz").write_bytes(gzip.compress(FAILING.encode()))
    assert 0 == program.run(["scan", "train.log.gz", "--json"])
    assert 1 == len(incidents(capsys.readouterr().out))


def test_zstd_file_is_decompressed(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log.zst").write_bytes(zstd.compress(FAILING.encode()))
    assert 0 == program.run(["scan", "train.log.zst", "--json"])
    assert 1 == len(incidents(capsys.readouterr().out))


def test_truncated_gzip_file_is_read_as_far_as_possible(capsys: pytest.CaptureFixture[str]) -> None:
    noise = "".join(f"step {number} loss {number * 7919 % 1000}\n" for number in range(50_000))
    whole = gzip.compress((FAILING + noise).encode())
    Path("torn.gz").write_bytes(whole[: len(whole) // 2])
    assert 0 == program.run(["scan", "torn.gz", "--json"])
    shown = capsys.readouterr()
    assert 1 == len(incidents(shown.out))
    assert "truncated or damaged" in shown.err


FORMATS = {
    "xz": lzma.compress(FAILING.encode()),
    "bzip2": bz2.compress(FAILING.encode()),
    "padded gzip": gzip.compress(FAILING.encode()) + bytes(512),
    "padded xz": lzma.compress(FAILING.encode()) + bytes(512),
    "two gzip members": gzip.compress(FAILING[:40].encode()) + gzip.compress(FAILING[40:].encode()),
    "two xz streams": lzma.compress(FAILING[:40].encode()) + bytes(8) + lzma.compress(FAILING[40:].encode()),
    "two bzip2 streams": bz2.compress(FAILING[:40].encode()) + bz2.compress(FAILING[40:].encode()),
    "large bzip2": bz2.compress(FAILING.encode() + b"step\n" * 2_000_000),
    "UTF-16 with byte order mark": FAILING.encode("utf-16"),
    "big-endian UTF-16": b"\xfe\xff" + FAILING.encode("utf-16-be"),
    "compressed UTF-16": gzip.compress(FAILING.encode("utf-16")),
}


@pytest.mark.parametrize("file_format", FORMATS)
def test_log_is_read_in_every_format(file_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log").write_bytes(FORMATS[file_format])
    assert 0 == program.run(["scan", "train.log"])
    shown = capsys.readouterr()
    assert ("GPU out of memory" in shown.out, shown.err) == (True, "")


def test_xz_file_that_needs_gigabytes_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    packed = FORMATS["xz"]
    header = packed[12:16] + bytes([40]) + packed[17:20]  # a dictionary of 4 GiB
    changed = packed[:12] + header + zlib.crc32(header).to_bytes(4, "little") + packed[24:]
    Path("train.log").write_bytes(changed)
    assert 0 == program.run(["scan", "train.log"])
    assert "Memory usage limit exceeded" in capsys.readouterr().err


def test_truncated_xz_file_is_read_as_far_as_possible(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log").write_bytes(FORMATS["xz"][:-20])
    assert 0 == program.run(["scan", "train.log", "--json"])
    assert "truncated or damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (gzip.compress(gzip.compress(FAILING.encode())), "train.log is compressed. Decompress it first."),
        (b"PK\x03\x04" + bytes(100), "train.log is a binary file, not a text log."),
        (bytes(range(1, 256)) * 9, "train.log is a binary file, not a text log."),
        (FAILING.encode("utf-16-le"), "train.log is a binary file, not a text log."),
    ],
)
def test_binary_file_is_rejected_by_name(data: bytes, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log").write_bytes(data)
    for follow in ([], ["--follow"]):
        assert 2 == program.run(["scan", "train.log", *follow])
        assert ("", f"trainwatch: {expected}\n") == capsys.readouterr()


def test_leading_nul_bytes_of_a_truncated_log_are_ignored(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.log").write_bytes(bytes(5000) + FAILING.encode())
    assert 0 == program.run(["scan", "train.log"])
    assert "GPU out of memory" in capsys.readouterr().out


@pytest.mark.parametrize(("text", "asked", "code"), [(FAILING, True, 3), (FAILING, False, 0), (HEALTHY, True, 0)])
def test_exit_code_3_requires_option_and_problem(text: str, asked: bool, code: int) -> None:
    assert code == program.run(["scan", write(text), *(["--exit-code"] if asked else [])])


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("nope.log", "Cannot read nope.log: No such file or directory."),
        (".", "No log files in ."),
        ("*.log", "No file matches *.log."),
    ],
)
def test_unreadable_file_is_reported(path: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert 2 == program.run(["scan", path])
    assert shown in capsys.readouterr().err


def test_empty_file_is_named_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == program.run(["scan", write("")])
    assert capsys.readouterr().out == "The log is empty.\n"


def test_secrets_are_redacted_unless_no_redact(capsys: pytest.CaptureFixture[str]) -> None:
    token = "hf_" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cE1gH3"
    path = write(FAILING.replace("Tried", f"token={token} Tried"))
    program.run(["scan", path])
    assert token not in capsys.readouterr().out
    program.run(["scan", path, "--no-redact"])
    assert token in capsys.readouterr().out


def test_custom_signatures_are_used_and_validated(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = Path("own.toml")
    monkeypatch.setenv("TRAINWATCH_SIGNATURES", str(own))
    own.write_text("[[signature]]\nname = 'vault'\ntitle = 'The vault is sealed'\npattern = 'vault .* sealed'\n")
    program.run(["scan", write("E: vault eu-1 is sealed\n")])
    assert "PAGE  The vault is sealed" in capsys.readouterr().out
    own.write_text("\n[[signature]]\nname = 'vault'\n")
    assert 2 == program.run(["scan", "train.log"])
    assert "TRAINWATCH_SIGNATURES: own.toml: line 2: Signature vault needs" in capsys.readouterr().err


def test_invalid_unrelated_setting_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINWATCH_HTTP_PORT", "many")
    assert 0 == program.run(["scan", write(HEALTHY)])


def test_long_reads_show_progress_with_rate_and_size() -> None:
    big = write("reading shard 17 of /data/shards\n" * (3 << 16))
    out, err = io.StringIO(), io.StringIO()
    output = Output(out, err, show_progress=True, progress_every_s=0)
    scan(ScanCommand((big,)), build_scanner(), output)
    assert re.search(r"█{24} 100% of 6 MiB · [\d,]+ MiB/s", err.getvalue())


def test_short_reads_show_no_progress() -> None:
    err = io.StringIO()
    scan(ScanCommand((write(HEALTHY),)), build_scanner(), Output(io.StringIO(), err, show_progress=True))
    assert err.getvalue() == ""


@pytest.mark.parametrize("argv", [["scan"], ["scan", "--follow", "a", "b"], ["scan", "a", "--since", "3h"]])
def test_invalid_arguments_show_usage(argv: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse_argv(argv)
    assert "trainwatch scan FILE... | FOLDER | - [OPTIONS]" == caught.value.usage


def test_report_lists_worst_first_and_notes_in_one_line() -> None:
    text = report_text(DIAGNOSIS.diagnosis)
    assert text.startswith("1 problem found, 1 warning.\n")
    assert text.index("PAGE  GPU out of memory") < text.index("WARN  A data-loader") < text.index("info  Gradient")
    assert "rank 3 first, then 0, 1 · 2026-03-13 11:55:00 to 2026-03-13 11:57:00 · 3 occurrences" in " ".join(
        text.split()
    )
    assert "loss 1.128 · gradient norm 0.9" in text
    assert "No known failure in 10 lines." in report_text(QUIET.diagnosis)


def test_report_escapes_control_characters() -> None:
    (worst, *_) = DIAGNOSIS.diagnosis.failures
    assert "\x1b" not in failure_text(worst)
    assert "\x1b[31mred" not in failure_text(worst, colour=True)


def test_long_excerpt_lines_are_wrapped_to_the_width() -> None:
    path = "/mnt/data/" + "x" * 50 + ".tar"
    text = f"[rank3]: RuntimeError: cannot read {path} because of {'a reason ' * 20}"
    failure = replace(DIAGNOSIS.diagnosis.failures[0], excerpt=("    indented code", text), root_index=1)
    rows = failure_text(failure, width=80).splitlines()

    assert max(map(len, rows)) <= 80
    assert any(path in row for row in rows), "a path stays whole"
    assert "            indented code" in rows
