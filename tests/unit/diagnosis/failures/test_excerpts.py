"""The excerpt centres on the decisive line, keeps the exception and the user's frame, and states what is cut."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.diagnosis.diagnoser import Diagnoser, Line
from bot.diagnosis.failures.excerpts import DECISIVE_CHARS, ROW_CHARS
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner

SECOND = 1_000_000_000
LIBRARY = "/usr/lib/python3.12/site-packages/torch/nn"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.91 GiB. GPU 3 has a total capacity of 79.11 GiB."
SHARD = "ERROR data: shard s3://corpora/code-0412.jsonl.zst is corrupt at byte 88127311"
ZSTD = "zstd.ZstdError: zstd decompress error: Data corruption detected"
_CUT = re.compile(r"\u2026 ([\d,]+) frames? cut \u2026")


def frame(path: str, number: int = 1) -> list[str]:
    return [f'  File "{path}", line {number}, in forward', f"    return self.call_{number}(x)"]


def traceback(error: str, *paths: str) -> list[str]:
    frames = [line for number, path in enumerate(paths, 1) for line in frame(path, number)]
    return ["Traceback (most recent call last):", *frames, error]


def diagnose(scanner: PageScanner, *lines: str) -> Failure:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page("\n".join(lines).encode())
    return diagnoser.report().failures[0]


def diagnose_lines(scanner: PageScanner, lines: list[Line], *, restart: bool) -> Failure:
    """Diagnose lines as a platform gives them; with a restart after each."""
    diagnoser = Diagnoser(scanner)
    for line in lines:
        diagnoser.feed_many([line])
        if restart:
            stored = json.loads(json.dumps(diagnoser.dump()))
            diagnoser = Diagnoser(scanner)
            diagnoser.load(stored)
    return diagnoser.report(10**18).failures[0]


def decisive(failure: Failure) -> str:
    assert failure.root_index is not None
    return failure.excerpt[failure.root_index]


def test_exception_replaces_the_error_line_that_announced_it(scanner: PageScanner) -> None:
    log = [
        *(f"{{'loss': 1.{n}, 'epoch': 0.21}}" for n in range(1000, 1020)),
        "2026-11-29 03:06:20,204 - trainer - ERROR - step 2683 failed on rank 3: CUDA out of memory",
        *(f"[rank3]: {line}" for line in traceback(OOM, "/app/train.py", "/app/model.py", *[f"{LIBRARY}/a.py"] * 3)),
        "[rank0]: Traceback (most recent call last):",
    ]
    failure = diagnose(scanner, *log)

    assert list(failure.excerpt) == [
        log[20],
        "[rank3]: Traceback (most recent call last):",
        "\u2026 1 frame cut \u2026",
        '[rank3]:   File "/app/model.py", line 2, in forward',
        "[rank3]:     return self.call_2(x)",
        "\u2026 3 frames cut \u2026",
        f"[rank3]: {OOM}",
    ]
    assert decisive(failure) == f"[rank3]: {OOM}"
    assert (failure.line, failure.count, failure.root_rank) == (33, 1, 3)


def test_error_line_that_names_the_file_is_decisive(scanner: PageScanner) -> None:
    failure = diagnose(scanner, "step 7 loss 2.0", SHARD, *traceback(ZSTD, "/w/train.py", "/w/data.py"))

    assert decisive(failure) == SHARD
    assert failure.excerpt[-1] == ZSTD
    assert failure.line == 2


@pytest.mark.parametrize("restart", [False, True])
def test_lines_of_other_ranks_are_left_out_wherever_the_log_is_cut(scanner: PageScanner, restart: bool) -> None:
    own = [SHARD, *traceback(ZSTD, "/w/train.py", "/w/data.py"), "rank 2 gives up"]
    lines: list[Line] = []
    for number, text in enumerate(own):
        lines.append((text, 2, None, number * SECOND))
        lines.append((f"ERROR data: slow shard /mnt/other-{number}.bin", number % 2, None, number * SECOND))
    failure = diagnose_lines(scanner, lines, restart=restart)

    assert decisive(failure) == SHARD
    assert list(failure.excerpt) == own
    assert failure.root_rank == 2


def test_lines_of_another_replica_are_left_out(scanner: PageScanner) -> None:
    own = [SHARD, *traceback(ZSTD, "/w/train.py", "/w/data.py"), "giving up"]
    other = [f"ERROR data: slow shard /mnt/other-{number}.bin" for number in range(len(own))]
    pairs = zip(own, other, strict=True)
    lines: list[Line] = [
        (text, None, replica, SECOND) for pair in pairs for text, replica in zip(pair, ("m0a5c", "m1f8e"), strict=True)
    ]
    failure = diagnose_lines(scanner, lines, restart=True)

    assert list(failure.excerpt) == own
    assert failure.ranks == ("m0a5c",)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param([SHARD, "step 8 loss 2.0"], ZSTD, id="the run continued after it"),
        pytest.param(["ERROR data: something is corrupt"], ZSTD, id="it names no file"),
        pytest.param(["INFO data: reading /mnt/code-0412.jsonl"], ZSTD, id="it is not an error"),
        pytest.param(
            ["data: cannot read /mnt/code-0412.jsonl"], "data: cannot read /mnt/code-0412.jsonl", id="no level"
        ),
    ],
)
def test_only_an_error_line_of_this_failure_is_decisive(scanner: PageScanner, lines: list[str], expected: str) -> None:
    assert decisive(diagnose(scanner, *lines, *traceback(ZSTD, "/w/data.py"))) == expected


def test_rank_of_the_exception_replaces_the_replica_of_the_announcement(scanner: PageScanner) -> None:
    texts = ["ERROR: CUDA out of memory", *(f"[rank3]: {line}" for line in traceback(OOM, "/app/train.py"))]
    failure = diagnose_lines(scanner, [(text, None, "x3b7q", SECOND) for text in texts], restart=True)

    assert failure.ranks == (3,)
    assert list(failure.excerpt) == texts


def test_error_line_after_the_exception_that_names_the_file_is_decisive(scanner: PageScanner) -> None:
    failure = diagnose(scanner, "step 7 loss 2.0", *traceback(ZSTD, "/w/data.py"), "bye", SHARD, "ERROR x /mnt/other/y")

    assert decisive(failure) == SHARD
    assert (failure.line, failure.excerpt[-1]) == (7, "ERROR x /mnt/other/y")


def test_hint_refers_to_a_named_file_only_if_the_log_names_it(scanner: PageScanner) -> None:
    bad = "ValueError: expected 512 tokens, found 17"
    named = diagnose(scanner, SHARD, *traceback(bad, "/w/data.py"))
    unnamed = diagnose(scanner, *traceback(bad, "/w/data.py"))

    assert named.hint.startswith("Check the named file or sample")
    assert unnamed.hint.startswith("The log does not name the file or sample")


def test_inner_exception_that_names_the_file_is_decisive(scanner: PageScanner) -> None:
    inner = "FileNotFoundError: [Errno 2] No such file or directory: '/mnt/data/shard-0042.tar'"
    outer = "FileNotFoundError: Caught FileNotFoundError in DataLoader worker process 0."
    reraised = traceback(outer, "/app/train.py", f"{LIBRARY}/_utils.py")
    failure = diagnose(scanner, *reraised, "Original " + "\n".join(traceback(inner, "/app/data.py")))

    assert (failure.signature, decisive(failure)) == ("dataloader_exc", inner)
    assert outer in failure.excerpt


def test_error_line_that_names_the_host_keeps_its_exception(scanner: PageScanner) -> None:
    host = "[E socket.cpp:957] The client socket has timed out after 60s while trying to connect to (10.0.0.4, 29500)."
    error = "torch.distributed.DistNetworkError: The client socket has timed out after 60s"
    failure = diagnose(scanner, host, *traceback(error, "/app/train.py"))

    assert decisive(failure) == host
    assert failure.excerpt[-1] == error


def test_structured_line_shows_its_message_and_exception(scanner: PageScanner) -> None:
    error = {"level": "error", "msg": "epoch failed", "exc_info": "\n".join(traceback("ValueError: x", "/app/a.py"))}
    failure = diagnose(scanner, json.dumps({"level": "info", "msg": "start"}), json.dumps(error))

    assert list(failure.excerpt) == ["start", "epoch failed", *traceback("ValueError: x", "/app/a.py")]


def test_progress_between_rows_is_counted(scanner: PageScanner) -> None:
    bars = "\r".join(f" 12%|█▏        | {n}/1000 [02:11<16:02,  1.09s/it]" for n in range(120, 124))
    failure = diagnose(
        scanner, "WARNING data: slow storage", bars, *traceback("KeyError: 'x'", "/app/a.py"), bars, "bye"
    )

    assert list(failure.excerpt) == [
        "WARNING data: slow storage",
        "\u2026 4 progress lines cut \u2026",
        *traceback("KeyError: 'x'", "/app/a.py"),
        "\u2026 4 progress lines cut \u2026",
        "bye",
    ]


def test_bar_on_the_line_of_the_exception_is_left_out(scanner: PageScanner) -> None:
    bar = "Epoch 1:  12%|█▏        | 120/1000 [02:11<16:02,  1.09s/it, loss=2.31]"
    failure = diagnose(scanner, "step 7 loss 2.0", bar + OOM)

    assert decisive(failure) == f"\u2026 {OOM}"


def test_frames_of_a_native_trace_are_left_out(scanner: PageScanner) -> None:
    error = "RuntimeError: CUDA error: an illegal memory access was encountered"
    native = [f"frame #{n}: c10::Error::Error() + 0x42 (0x15 in /usr/lib/libc10.so)" for n in range(9)]
    failure = diagnose(scanner, "about to fail", *native, *traceback(error, "/app/a.py"), *native)

    assert list(failure.excerpt) == ["about to fail", "\u2026 9 frames cut \u2026", *traceback(error, "/app/a.py")]


def test_frame_of_a_compiled_module_is_not_the_users(scanner: PageScanner) -> None:
    failure = diagnose(
        scanner, *traceback("KeyError: 'x'", "/app/a.py", f"{LIBRARY}/a.py", "h5py/h5o.pyx", "h5py/h5o.pyx")
    )

    assert failure.title == "KeyError: 'x' in a.py:forward"
    assert any("/app/a.py" in row for row in failure.excerpt)


def test_excerpt_ends_before_another_traceback(scanner: PageScanner) -> None:
    chain = "During handling of the above exception, another exception occurred:"
    first, second = traceback("KeyError: 'k'", "/app/a.py"), traceback("ValueError: 2", "/app/b.py")
    failure = diagnose(scanner, *first, "", chain, "", *second)

    assert list(failure.excerpt) == first


def test_unfinished_traceback_shows_the_user_frame(scanner: PageScanner) -> None:
    failure = diagnose(scanner, *traceback("", "/app/a.py", *[f"{LIBRARY}/a.py"] * 9)[:-1])

    assert list(failure.excerpt) == ['  File "/app/a.py", line 1, in forward', "\u2026 9 frames cut \u2026"]


def test_long_rows_are_cut_visibly_and_keep_what_the_hint_refers_to(scanner: PageScanner) -> None:
    long = "ERROR data: " + "x " * 400 + "shard s3://corpora/code-0412.jsonl.zst is corrupt " + "y" * 900
    failure = diagnose(scanner, "z" * 900, long, *traceback(ZSTD, "/w/data.py"))

    assert [len(row) <= ROW_CHARS for row in failure.excerpt[:1]] == [True]
    assert failure.excerpt[0].endswith("\u2026")
    assert len(decisive(failure)) <= DECISIVE_CHARS
    assert "s3://corpora/code-0412.jsonl.zst is corrupt" in decisive(failure)
    assert decisive(failure).endswith("\u2026")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(owns=st.lists(st.booleans(), min_size=1, max_size=150), ranks=st.integers(1, 4))
def test_shown_and_cut_frames_add_up(scanner: PageScanner, owns: list[bool], ranks: int) -> None:
    """For any depth, even where the log before the exception is longer than what is kept of it."""
    paths = [f"/app/own{n}.py" if own else f"{LIBRARY}/m{n}.py" for n, own in enumerate(owns)]
    texts = traceback("KeyError: 'label'", *paths)
    failure = diagnose(scanner, *(f"[rank{rank}]: {text}" for text in texts for rank in range(ranks)))
    rows = [row.removeprefix("[rank0]: ") for row in failure.excerpt]
    shown = [row for row in rows if row.startswith("  File ")]
    cut = sum(int(found.group(1).replace(",", "")) for row in rows if (found := _CUT.fullmatch(row)))

    assert len(shown) + cut == len(owns)
    assert rows[-1] == "KeyError: 'label'"
    assert len(rows) <= 12
    if any(owns):
        innermost = max(n for n, own in enumerate(owns) if own)
        assert any(f"own{innermost}.py" in row for row in shown)


def test_indented_details_of_exception_are_shown_with_what_follows(scanner: PageScanner) -> None:
    details = [
        "\tclass_name: RayTrainWorker",
        "\tactor_id: ab12cd",
        "\tpid: 5544",
        "\tnamespace: 7f0",
        "\tip: 10.0.0.7",
    ]
    end = "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR"
    log = traceback(
        "ray.exceptions.RayActorError: The actor died unexpectedly before finishing this task.", "/w/train.py"
    )
    failure = diagnose(scanner, *log, *details, end, *(f"\tpart_{n}: {n}" for n in range(40)))

    assert [row.strip() for row in failure.excerpt[4:10]] == [*(row.strip() for row in details), end]
    assert len(failure.excerpt) <= 13


@pytest.mark.parametrize("prefix", ["[default5]:", "[1,5]<stderr>:", "2026-11-29T03:06:22.304Z ", "[rank5]: "])
def test_excerpt_behind_any_prefix_keeps_the_header_and_the_user_frame(scanner: PageScanner, prefix: str) -> None:
    log = traceback(OOM, "/w/train.py", "/w/loop.py", *[f"{LIBRARY}/{n}.py" for n in range(4)])
    failure = diagnose(scanner, *(prefix + line for line in log))

    assert [row.removeprefix(prefix) for row in failure.excerpt] == [
        "Traceback (most recent call last):", "… 1 frame cut …", *frame("/w/loop.py", 2), "… 4 frames cut …", OOM,
    ]  # fmt: skip
