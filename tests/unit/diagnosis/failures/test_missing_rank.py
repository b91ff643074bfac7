"""The rank that the others of a collective waited for, from what PyTorch reports for every rank."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.failures.collective_reports import MAX_GROUPS, MAX_REPORTS, CollectiveReports
from bot.diagnosis.failures.missing_rank import find_missing_rank
from bot.diagnosis.findings import Failure
from bot.diagnosis.page_scanner import PageScanner

_WORLD = "PG ID 0 PG GUID 0(default_pg)"


def timed_out(
    rank: int, number: int, operation: str = "ALLREDUCE", *, group: str = _WORLD, ahead: int = 0
) -> list[str]:
    """The lines of a watchdog whose collective timed out (PyTorch 2.6 to 2.13)."""
    prefix = f"[rank{rank}]:[E1129 21:21:09.90{rank % 10} ProcessGroupNCCL.cpp:"
    return [
        f"{prefix}632] [Rank {rank}] Watchdog caught collective operation timeout: WorkNCCL(SeqNum={number},"
        f" OpType={operation}, NumelIn=1024, NumelOut=1024, Timeout(ms)=600000) ran for 600012 milliseconds before"
        " timing out.",
        f"{prefix}2271] [{group} Rank {rank}]  failure detected by watchdog at work sequence id: {number} PG status:"
        f" last enqueued work: {number + ahead}, last completed work: {number - 1}",
        f"{prefix}2106] [{group} Rank {rank}] First PG on this rank to signal dumping.",
    ]


def notified(rank: int, enqueued: int, by: int = 0) -> list[str]:
    """The lines of a rank whose own collective did not time out."""
    prefix = f"[rank{rank}]:[E1129 21:21:10.00{rank % 10} ProcessGroupNCCL.cpp:"
    return [
        f"{prefix}1682] [{_WORLD} Rank {rank}] Observed flight recorder dump signal from another rank via TCPStore.",
        f"{prefix}1746] [{_WORLD} Rank {rank}] Received a dump signal due to a collective timeout from  rank {by}"
        f" and we will try our best to dump the debug info. Last enqueued NCCL work: {enqueued}, last completed"
        f" NCCL work: {enqueued}.This is most likely caused by incorrect usages of collectives.",
    ]


def older(rank: int, number: int, enqueued: int) -> list[str]:
    """The line of PyTorch 2.3."""
    return [
        f"[rank{rank}]:[E ProcessGroupNCCL.cpp:1316] [PG 0 Rank {rank}] Exception (either an error or timeout) detected"
        f" by watchdog at work: {number}, last enqueued NCCL work: {enqueued}, last completed NCCL work: {number - 1}."
    ]


def lost(rank: int) -> list[str]:
    """A rank whose peer went away, over gloo."""
    return [
        f"[rank{rank}]: Traceback (most recent call last):",
        f'[rank{rank}]:   File "/app/train.py", line 20, in synchronize',
        f"[rank{rank}]: RuntimeError: [/gloo/transport/tcp/pair.cc:553] Connection closed by peer [10.0.0.{rank}]:9622."
        " This is typically caused by a remote worker crashing.",
    ]


def mismatch(rank: int, own: int, other_rank: int, other: int) -> list[str]:
    """What TORCH_DISTRIBUTED_DEBUG=DETAIL reports."""
    fingerprint = "CollectiveFingerPrint(SequenceNumber=3, OpType=ALLREDUCE, TensorShape=[{}], TensorDtypes=Float)"
    return [
        f"[rank{rank}]: RuntimeError: Detected mismatch between collectives on ranks. Rank {rank} is running"
        f" collective: {fingerprint.format(own)}, but Rank {other_rank} is running collective:"
        f" {fingerprint.format(other)}."
    ]


def barrier_mismatch(rank: int) -> str:
    """What DETAIL reports of a rank that is in a barrier already; PyTorch 2.13 leaves out a comma there."""
    return (
        f"[rank{rank}]: RuntimeError: Detected mismatch between collectives on ranks. Rank {rank} is running"
        " collective: CollectiveFingerPrint(SequenceNumber=6, OpType=ALLREDUCE, TensorShape=[1024]), but"
        " Rank 1 is running collective: CollectiveFingerPrint(SequenceNumber=6OpType=BARRIER)."
    )


def table(exits: dict[int, int]) -> list[str]:
    """The failure table of torchrun; the first rank is the one that it observed first."""
    rows: list[str] = ["Failures:"]
    for index, (rank, code) in enumerate(list(exits.items())[1:], 1):
        rows += [f"[{index}]:", f"  rank      : {rank} (local_rank: {rank})", f"  exitcode  : {code} (pid: 14)"]
    first, code = next(iter(exits.items()))
    rows += ["Root Cause (first observed failure):", "[0]:", f"  rank      : {first} (local_rank: {first})"]
    return [*rows, f"  exitcode  : {code} (pid: 15)"]


def diagnose(scanner: PageScanner, lines: list[str]) -> Failure:
    """The only page of a log."""
    diagnoser = Diagnoser(scanner)
    for line in lines:
        diagnoser.feed(line)
    diagnoser.load(diagnoser.dump())  # as the watcher does between two polls
    (page,) = [one for one in diagnoser.report().failures if one.severity == "page"]
    return page


@pytest.mark.parametrize(
    ("lines", "rank", "sentence"),
    [
        (
            [*timed_out(0, 40881, "ALLGATHER"), *timed_out(3, 40881, "ALLGATHER", ahead=4), *timed_out(9, 40881),
             *timed_out(14, 40881), *notified(11, 40880)],
            11,
            "Ranks 0, 3, 9, 14 waited in ALLGATHER 40881; rank 11 never entered it (last entered: 40,880).",
        ),
        (
            [*timed_out(0, 90), *timed_out(1, 90), *timed_out(2, 71), *timed_out(3, 90)],
            2,
            "Ranks 0, 1, 3 waited in ALLREDUCE 90; rank 2 was still in ALLREDUCE 71, the smallest sequence number.",
        ),
        (
            [*older(0, 5, 6), *older(1, 5, 5), *older(2, 4, 4)],
            2,
            "Ranks 0, 1 waited in collective 5; rank 2 was still in collective 4, the smallest sequence number.",
        ),
        (
            [*timed_out(0, 8), *timed_out(1, 8), *timed_out(2, 8), *notified(3, 8)],
            3,
            "Ranks 0-2 waited in ALLREDUCE 8; rank 3 only observed their signal, so it waits in no collective itself.",
        ),
        (
            # Each group counts for itself: rank 2 is far behind in its own group only because that group does less.
            [*timed_out(0, 900), *timed_out(1, 900), *notified(3, 899),
             *timed_out(2, 12, "BROADCAST", group="PG ID 5 PG GUID 22(TENSOR)")],
            3,
            "Ranks 0, 1 waited in ALLREDUCE 900; rank 3 never entered it (last entered: 899).",
        ),
        (
            [*lost(0), *lost(1), *lost(3), *table({1: 1, 0: 1, 3: -15})],
            2,
            "Ranks 0, 1, 3 timed out or lost a connection; only rank 2 did not report that.",
        ),
        (
            [*mismatch(0, 1024, 3, 1536), *mismatch(1, 1024, 3, 1536), *mismatch(3, 1536, 0, 1024)],
            3,
            "Ranks 0, 1 ran ALLREDUCE 3 [1024]; rank 3 ran ALLREDUCE 3 [1536].",
        ),
        (
            [barrier_mismatch(0), barrier_mismatch(2)],
            1,
            "Ranks 0, 2 ran ALLREDUCE 6 [1024]; rank 1 ran BARRIER 6.",
        ),
        (
            # What a rank states of itself counts: PyTorch 2.13 garbles the call of the other one now and then.
            [
                *(line.replace("BARRIER", "GATHER") for line in map(barrier_mismatch, (0, 2))),
                "[rank1]: RuntimeError: Detected mismatch between collectives on ranks. Rank 1 is running collective:"
                " CollectiveFingerPrint(SequenceNumber=6OpType=BARRIER), but Rank 0 is running collective:"
                " CollectiveFingerPrint(SequenceNumber=0, OpType=REDUCE, TensorShape=[])",
            ],
            1,
            "Ranks 0, 2 ran ALLREDUCE 6 [1024]; rank 1 ran BARRIER 6.",
        ),
    ],
)  # fmt: skip
def test_names_the_missing_rank(scanner: PageScanner, lines: list[str], rank: int, sentence: str) -> None:
    page = diagnose(scanner, lines)

    assert page.category == "collective"
    assert (page.root_rank, page.why[page.why.find("Rank", 1) :][: len(sentence)]) == (rank, sentence)


@pytest.mark.parametrize(("is_alive", "rank"), [(True, 3), (False, 0)])
def test_rank_to_whose_log_the_others_refer_is_only_blamed_if_it_names_none(
    scanner: PageScanner, is_alive: bool, rank: int
) -> None:
    refer = (
        "[rank{0}]: RuntimeError: Rank {0} successfully reached monitoredBarrier, but received errors while waiting for"
        " send/recv from rank 0. Please check rank 0 logs for faulty rank."
    )
    named = ["[rank0]: RuntimeError: [Rank 0]: Ranks 3 failed to pass monitoredBarrier in 15000 ms"] if is_alive else []
    named += (
        ["[rank0]:[E ProcessGroupGloo.cpp:2901] [Rank 0]: Rank 3 failed to pass monitoredBarrier"] if is_alive else []
    )
    page = diagnose(scanner, [refer.format(1), refer.format(2), *named])

    assert page.root_rank == rank


def test_rank_that_the_launcher_stopped_is_not_the_one_that_ended(scanner: PageScanner) -> None:
    page = diagnose(scanner, [*lost(0), *lost(2), *table({0: 1, 2: 1, 1: -15})])

    assert "only rank" not in page.why


def test_many_silent_ranks_are_not_decided(scanner: PageScanner) -> None:
    exits = dict.fromkeys(range(16), -15)
    page = diagnose(scanner, [*timed_out(0, 8), *timed_out(1, 8), *table(exits)])

    assert "14 of 16 ranks did not report, so the log does not tell which one is missing." in page.why
    assert "py-spy dump" in page.why
    assert "TORCH_FR_BUFFER_SIZE" in page.why


def test_mismatch_without_a_check_names_no_rank(scanner: PageScanner) -> None:
    error = (
        "terminate called after throwing an instance of 'gloo::EnforceNotMet'\n  what():  [enforce fail at pair.cc:456]"
    )
    lines = [
        f"{error} op.preamble.length <= op.nbytes. 768 vs 512. Received data size doesn't match.",
        *lost(0),
        *lost(2),
    ]
    page = diagnose(scanner, lines)

    assert page.signature == "collective_mismatch"
    assert "does not tell which rank differs" in page.why


def test_memory_is_bounded() -> None:
    reports = CollectiveReports()
    for rank in range(2 * MAX_REPORTS):
        group = f"PG ID 1 PG GUID {rank % (2 * MAX_GROUPS)}(tp)"
        for line in timed_out(rank, rank, group=group):
            reports.read(line, rank)

    assert len(reports.waiting) == MAX_REPORTS
    assert len(reports.groups) <= MAX_GROUPS
    assert sum(len(one.stuck) + len(one.entered) for one in reports.groups.values()) <= MAX_REPORTS + 2
    assert find_missing_rank(reports) is not None or reports.waiting


def test_reports_of_files_are_combined() -> None:
    combined = CollectiveReports()
    for rank in (0, 1, 3):
        part = CollectiveReports()
        part.read("RuntimeError: Connection closed by peer [10.0.0.1]:9622", None)
        combined.merge(part, rank)
    for rank in range(4):
        combined.add_known(rank)

    missing = find_missing_rank(combined)

    assert missing is not None
    assert missing.ranks == (2,)
