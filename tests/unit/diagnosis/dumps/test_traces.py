"""Flight recorders: the missing or diverging collective, per process group."""

from collections.abc import Mapping, Sequence

import pytest

from bot.diagnosis.dumps.flight_recorder import UnreadableDump, read_flight_recorder
from bot.diagnosis.dumps.rank_dumps import RankDump, compare_dumps, is_rank_dump
from bot.diagnosis.findings import Failure

from .recorders import Call, as_json, as_pickle, entry, recorder

STEP: Call = ("all_reduce", 1024)
GATHER: Call = ("_all_gather_base", 64)


def compare(calls: Mapping[int, Sequence[Call]], *, world: int | None = None, backend: str = "nccl") -> Failure | None:
    """The finding for ranks that entered these calls, from pickles and from JSON, which must agree."""
    members = range(world or len(calls))
    dumps = {rank: recorder(known, members=members, backend=backend) for rank, known in calls.items()}
    found = []
    for encode in (as_pickle, as_json):
        encoded = {rank: encode(dump) for rank, dump in dumps.items()}
        assert all(is_rank_dump(data) for data in encoded.values())
        parts = [(RankDump(f"t_{rank}", read_flight_recorder(data)), rank) for rank, data in encoded.items()]
        found.append(compare_dumps(parts))
    pickled, plain = (None if one is not None and one.severity == "info" else one for one in found)
    assert (pickled is None) == (plain is None)
    assert pickled is None or plain is None or (pickled.title, pickled.ranks) == (plain.title, plain.ranks)
    return pickled


@pytest.mark.parametrize(
    ("calls", "ranks", "title"),
    [
        ({0: [STEP] * 8, 1: [STEP] * 8, 2: [STEP] * 7, 3: [STEP] * 8}, (2,), "Rank 2 never entered all_reduce 8"),
        ({0: [STEP] * 8, 1: [STEP] * 7}, (1,), "Rank 1 never entered all_reduce 8"),
        ({0: [STEP] * 9, 1: [STEP] * 12, 2: [STEP] * 7}, (2,), "Rank 2 never entered all_reduce 8"),
        ({0: [STEP] * 3, **dict.fromkeys((1, 2, 3), [STEP] * 2)}, (0,), "Only rank 0 entered all_reduce 3"),
        (
            {0: [STEP, STEP], 1: [STEP, STEP], 2: [STEP, ("all_reduce", 1536)]},
            (2,),
            "Rank 2 sent another size to all_reduce 2",
        ),
        (
            {0: [STEP, GATHER, STEP], 1: [STEP, GATHER, STEP], 2: [STEP, STEP, GATHER]},
            (2,),
            "Rank 2 entered two collectives in another order",
        ),
        (
            {
                0: [STEP, GATHER, STEP, ("barrier", 1)],
                1: [STEP, GATHER, STEP, ("barrier", 1)],
                2: [STEP, STEP, ("barrier", 1)],
            },
            (2,),
            "Rank 2 skipped _all_gather_base 2",
        ),
        (
            {0: [STEP, STEP, STEP], 1: [STEP, STEP, STEP], 2: [STEP, GATHER, STEP, STEP]},
            (2,),
            "Rank 2 entered an extra collective before all_reduce 2",
        ),
        ({0: [STEP, GATHER], 1: [STEP, ("broadcast", 8)]}, (1,), "Ranks disagree on _all_gather_base 2"),
        ({rank: [STEP] * 3 for rank in range(3)}, (), "All ranks wait in all_reduce 3"),
    ],
)
def test_finds_the_odd_rank(calls: dict[int, list[Call]], ranks: tuple[int, ...], title: str) -> None:
    failure = compare(calls)

    assert failure is not None
    assert (failure.title, failure.ranks, failure.category) == (title, ranks, "collective")
    assert failure.hint
    assert failure.excerpt


def test_gloo_does_not_record_what_is_complete() -> None:
    missing = compare({0: [STEP] * 4, 1: [STEP] * 3, 2: [STEP] * 4}, backend="gloo")

    assert missing is not None
    assert missing.ranks == (1,)
    assert compare({rank: [STEP] * 4 for rank in range(3)}, backend="gloo") is None


def test_the_sentence_names_who_waits_where() -> None:
    failure = compare({rank: [STEP] * (7 if rank == 5 else 8) for rank in range(16)})

    assert failure is not None
    assert failure.why == (
        "Ranks 0-4, 6-15 entered all_reduce 8 in synchronize (train.py:28); rank 5 never did."
        " Its last collective was all_reduce 7 in synchronize (train.py:27)."
    )
    assert failure.root_index is not None
    assert failure.excerpt[failure.root_index].startswith("rank 5: last: all_reduce 7")
    assert failure.excerpt[-1] == "… 4 more ranks not shown …"


def test_one_rank_without_a_dump_is_suspect_and_many_are_not() -> None:
    one = compare({rank: [STEP] * 3 for rank in range(7)}, world=8)
    many = compare({rank: [STEP] * 3 for rank in range(4)}, world=8)

    assert one is not None
    assert one.ranks == (7,)
    assert "rank 7 wrote no dump" in one.why
    assert many is not None
    assert many.ranks == ()
    assert "do not show which" in many.why
    assert "py-spy dump" in many.hint


def test_ranks_that_completed_everything_did_not_fail() -> None:
    dumps = [
        (RankDump("t", read_flight_recorder(as_pickle(recorder([STEP] * count, is_waiting=False)))), rank)
        for rank, count in enumerate((5, 5, 4))
    ]

    found = compare_dumps(dumps)
    assert found is not None
    assert found.severity == "info"


def test_groups_are_compared_apart_and_the_rank_that_waits_elsewhere_is_not_blamed() -> None:
    def dump(world: int, tensor: int | None) -> bytes:
        merged = recorder([STEP] * world, members=range(4))
        if tensor is not None:
            other = recorder([GATHER] * tensor, group="7", description="TENSOR", members=(2, 3))
            entries = [
                entry(number, GATHER, group="7", description="TENSOR", state="started")
                for number in range(1, tensor + 1)
            ]
            known = merged["entries"]
            assert isinstance(known, list)
            merged = {**merged, "entries": [*known, *entries]}
            for key in ("pg_config", "pg_status"):
                ours, theirs = merged[key], other[key]
                assert isinstance(ours, dict)
                assert isinstance(theirs, dict)
                merged[key] = {**ours, **theirs}
        return as_pickle(merged)

    # Rank 3 hangs before the tensor group's third call; rank 2 waits for it there, and 0 and 1 for both in the world.
    encoded = [dump(5, None), dump(5, None), dump(4, 3), dump(4, 2)]
    found = compare_dumps([(RankDump("t", read_flight_recorder(data)), rank) for rank, data in enumerate(encoded)])

    assert found is not None
    assert found.ranks == (3,)
    assert "of group TENSOR" in found.title


def test_uneven_gathers_are_allowed() -> None:
    calls = {0: [("all_gather", 10)], 1: [("all_gather", 12)]}
    found = compare(calls)

    assert found is not None
    assert found.title == "All ranks wait in all_gather 1"


@pytest.mark.parametrize("data", [b"{", b'{"entries": 5, "pg_config": {}}', b"[]", b"\x80\x02c", b'{"a":' * 5000])
def test_damaged_dumps_are_refused(data: bytes) -> None:
    with pytest.raises(UnreadableDump):
        read_flight_recorder(data)
