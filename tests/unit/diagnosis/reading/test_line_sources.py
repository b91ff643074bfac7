"""Ranks and names are read from the prefixes of a line, whatever launcher wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.diagnosis.reading.line_sources import are_labelled, comes_from, rank_of, split_rank, with_rank_tag
from bot.diagnosis.reading.prefixes import split_prefix
from bot.domain.logs import LogLine, source_tag

RANKED = (
    ("[rank3]: loss 1.2", "loss 1.2"),
    ("[rank3]:[E1129 03:06:22.1 x.cpp:6] [Rank 3] timed out", "[E1129 03:06:22.1 x.cpp:6] [Rank 3] timed out"),
    ("[Rank 3] step=10", "step=10"),
    ("[rank: 3] Seed set to 42", "Seed set to 42"),
    ("[default3]:loss 1.2", "loss 1.2"),
    ("[default3]: loss 1.2", "loss 1.2"),
    ("[local_rank=3] loss 1.2", "loss 1.2"),
    ("3: loss 1.2", "loss 1.2"),
    ("  3: [rank3]:   File \"train.py\", line 3", "  File \"train.py\", line 3"),
    ("[1,3]<stderr>:loss 1.2", "loss 1.2"),
    ("[1,mpirank:3,algo-1]<stdout>:loss 1.2", "loss 1.2"),
    ("[3]<stdout>:loss 1.2", "loss 1.2"),
    ("Rank 3 | loss 1.2", "loss 1.2"),
    ("rank3: loss 1.2", "loss 1.2"),
    ("(RayWorker rank=3) loss 1.2", "loss 1.2"),
    ("(RayTrainWorker(rank=3) pid=12) loss 1.2", "loss 1.2"),
    ("(RayTrainWorker pid=12, rank=3) loss 1.2", "loss 1.2"),
    ("(RayWorker pid=12, ip=10.0.0.3, rank=3) loss 1.2", "loss 1.2"),
    ("(VllmWorker rank=3 pid=12) INFO 11-29 10:00:00 [x.py:3] ready", "INFO 11-29 10:00:00 [x.py:3] ready"),
    ("2026-03-13T10:00:00Z worker-1 | 3: [rank3]: loss 1.2", "2026-03-13T10:00:00Z worker-1 | loss 1.2"),
    ("2026-03-13 10:00:00,123: rank3[77][MainThread]: INFO: x", "2026-03-13 10:00:00,123: INFO: x"),
    ("\x1b[36m(RayTrainWorker pid=1)\x1b[0m [rank3]: loss 1.2", "(RayTrainWorker pid=1) loss 1.2"),
)  # fmt: skip


@pytest.mark.parametrize(("message", "text"), RANKED)
def test_rank_is_read_and_removed(message: str, text: str) -> None:
    assert split_rank(message, has_labels=True) == (3, text)
    assert rank_of(LogLine(1, message)) == 3


@pytest.mark.parametrize("message", [row[0] for row in RANKED])
def test_rank_is_that_of_the_diagnosis(message: str) -> None:
    plain = message.replace("\x1b[36m", "").replace("\x1b[0m", "")

    assert split_prefix(plain).source.rank == 3


@pytest.mark.parametrize(
    "message",
    [
        "[E ProcessGroupNCCL.cpp:828] [Rank 3] timed out",
        "[E1129 03:06:22.1 ProcessGroupNCCL.cpp:616] [PG ID 0 PG GUID 0(default_pg) Rank 3] timed out",
    ],
)
def test_rank_after_a_header_of_torch_is_read_and_kept(message: str) -> None:
    assert split_rank(message) == (3, message)


@pytest.mark.parametrize(
    "message",
    ["loss 1.2", "step 3: loss 1.2", "Epoch 3: 5%", "rank 3 died", "3", "3:", "[3] x", "3: nan, 4: 2.0", "rank3", ""],
)
def test_line_without_a_rank(message: str) -> None:
    assert split_rank(message) == (None, message)
    assert split_rank(message, 7) == (7, message)


def test_number_before_a_colon_is_a_rank_only_among_labels() -> None:
    assert split_rank("3: apples") == (None, "3: apples")
    assert split_rank("3: apples", has_labels=True) == (3, "apples")
    assert split_rank("3: [rank3]: apples") == (3, "apples")
    assert split_rank("4: [rank3]: apples") == (3, "4: apples")
    assert are_labelled(["3: a", "4: b", "10:00:00 4: c", "d"])
    assert not are_labelled(["3: a"])
    assert not are_labelled(["Ingredients:", "1: apples", "2: pears", "mix", "bake"])


def test_rank_of_the_line_wins_over_the_platform() -> None:
    assert rank_of(LogLine(1, "[rank3]: x", rank=0)) == 3
    assert rank_of(LogLine(1, "x", rank=0)) == 0
    assert split_rank("[rank3]: x", 0) == (3, "x")


def test_rank_is_removed_from_further_lines_of_a_message() -> None:
    message = "[rank3]: Traceback:\n[rank3]:   File 'a'\n[rank4]: b\nc"

    assert split_rank(message) == (3, "Traceback:\n  File 'a'\n[rank4]: b\nc")


@pytest.mark.parametrize(
    ("message", "names"),
    [
        ("worker-1 | loss", ("worker-1",)),
        ("worker-1  | [rank9]: loss", ("worker-1",)),
        ("[pod/train-abc-worker-0/pytorch] loss", ("train-abc-worker-0/pytorch", "train-abc-worker-0", "pytorch")),
        ("(RayTrainWorker pid=4411, ip=10.0.0.3) loss", ("RayTrainWorker", "10.0.0.3")),
        ("(pod-2) loss", ("pod-2",)),
        ("[trainer-master-0] loss", ("trainer-master-0",)),
        ("10.0.0.3: loss", ("10.0.0.3",)),
        ("[node3:4411] loss", ("node3",)),
        ("Mar 13 10:00:00 node3 loss", ("node3",)),
    ],
)
def test_names_of_pods_workers_and_hosts(message: str, names: tuple[str, ...]) -> None:
    assert [comes_from([name])(LogLine(1, message)) for name in names] == [True] * len(names)
    assert comes_from(["other"])(LogLine(1, message)) is False
    assert comes_from(["abcde"])(LogLine(1, message, replica="abcde")) is True


def test_line_without_a_name() -> None:
    assert comes_from(["worker-1"])(LogLine(1, "[rank3]: worker-1 is ready")) is None
    assert comes_from(["worker-1"])(LogLine(1, "loss", replica="abcde")) is False


def test_tags() -> None:
    assert [source_tag(3, "abcde"), source_tag(None, "abcde"), source_tag(None, None)] == ["r3", "abcde", None]
    assert [with_rank_tag("[rank3]:   x"), with_rank_tag("loss 1.2")] == ["r3   x", "loss 1.2"]


@given(st.text(alphabet="[]rank3:1 |<std>out\n(),=.\x1bm\udcff", max_size=60))
def test_prefilter_drops_no_rank(message: str) -> None:
    first = message.partition("\n")[0]
    if "\x1b" not in first:
        assert rank_of(LogLine(1, message)) == split_prefix(first).source.rank
