"""Prefixes are removed and the source of the line is kept."""

import pytest

from bot.diagnosis.reading.prefixes import parse_timestamp, split_prefix, unwrap_json

TEXT = "RuntimeError: boom"


@pytest.mark.parametrize(
    ("prefix", "label"),
    [
        ("", None),
        ("[rank3]: ", 3),
        ("[rank12]:", 12),
        ("3: ", 3),
        (" 7: [rank7]: ", 7),
        ("[default5]:", 5),
        ("(pod-2) ", "pod-2"),
        ("worker-1 | ", "worker-1"),
        ("worker-1  | [rank9]: ", 9),
        ("[1,4]<stderr>:", 4),
        ("[2]<stdout>:", 2),
        ("Rank 6 | ", 6),
        ("(RayTrainWorker pid=4411, ip=10.0.0.3) ", "RayTrainWorker"),
        ("[pod/train-abc-worker-0/pytorch] ", "train-abc-worker-0/pytorch"),
        ("[trainer-master-0] ", "trainer-master-0"),
        ("2026-01-01 10:00:00.123 [1234/train/567 (pid 890)] ", None),
        ("2026-01-01T10:00:00.123456789Z ", None),
        ("2026-01-01T10:00:00Z 2026-01-01 10:00:00,120 - ", None),
        ("[2026-01-01 10:00:00,123] [ERROR] ", None),
        ("ERROR:torch.distributed.elastic:", None),
        ("10:00:00 2: ", 2),
        ("2026-01-01T10:00:00.123456789Z stdout F ", None),
        ("Nov 28 01:00:18 node-3 train[4127]: ", None),
        ("node-3: ", None),
        ("2026-01-01 10:00:00    ERROR - ", None),
    ],
)
def test_prefix_is_removed_and_its_source_kept(prefix: str, label: int | str | None) -> None:
    split = split_prefix(prefix + TEXT)

    assert (split.text, split.source.label) == (TEXT, label)


@pytest.mark.parametrize("code", ['  File "/w/train.py", line 3, in main', "    loss.backward()"])
@pytest.mark.parametrize(
    "prefix",
    ["", "[rank3]: ", "[default5]:", "[1,4]<stderr>:", "[1,4]<stderr>: ", "[2]<stderr>:", "3: ", "worker-1  | ",
     "(RayTrainWorker pid=4411) ", "2026-01-01T10:00:00.123456789Z ", "2026-01-01T10:00:00.1Z stderr F ",
     "2026-01-01T10:00:00.1Z stderr F [rank3]: ", "2026-01-01T10:00:00Z [default3]:", "[pod/train-worker-0/pytorch] ",
     "Nov 28 01:00:18 node-3 train[4127]: ", "10:00:00 ", "node-3: ", "ip-10-0-0-3: [rank3]: ", "10.0.0.3: "],
)  # fmt: skip
def test_indentation_of_code_is_kept_behind_a_prefix(prefix: str, code: str) -> None:
    assert split_prefix(prefix + code).text == code


def test_provider_replica_wins_over_name_in_line_but_not_over_rank() -> None:
    assert split_prefix("(pod-2) x y", replica="replica-7").source.label == "replica-7"
    assert split_prefix("[rank4]: x y", replica="replica-7").source.label == 4


def test_provider_rank_is_used_unless_line_has_rank() -> None:
    assert split_prefix(TEXT, rank=3).source.label == 3
    assert split_prefix(f"[rank5]: {TEXT}", rank=3).source.label == 5


def test_metric_with_a_number_in_its_name_is_not_a_host() -> None:
    assert split_prefix("rouge-1: 0.41").text == "rouge-1: 0.41"


def test_failure_table_row_is_not_a_rank_prefix() -> None:
    assert split_prefix("[1]:").source.label is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-01-01T00:00:01Z x", (1_767_225_601_000_000_000, "zoned")),
        ("2026-01-01 00:00:01,500 x", (1_767_225_601_500_000_000, "naive")),
        ("[2026-01-01T02:00:01+02:00] x", (1_767_225_601_000_000_000, "zoned")),
        (':::MLLOG {"namespace": "", "time_ms": 1767225601250}', (1_767_225_601_250_000_000, "mllog")),
        ("step 3", None),
        ("2026-02-31 00:00:01 no such day", None),
    ],
)
def test_timestamp_in_line_is_parsed(line: str, expected: tuple[int, str] | None) -> None:
    assert parse_timestamp(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"level": "ERROR", "message": "a\\nb"}', "a\nb"),
        ('{"ts": 3, "msg": "loss: nan"}', "loss: nan"),
        ('{"step": 40, "loss": 1.25}', '{"step": 40, "loss": 1.25}'),
        ('{"msg": 3}', '{"msg": 3}'),
        ('{"msg": "cut', '{"msg": "cut'),
        ("{'loss': 1}", "{'loss': 1}"),
    ],
)
def test_structured_logging_is_unwrapped(line: str, expected: str) -> None:
    assert unwrap_json(line) == expected


def test_a_line_that_is_nested_very_deeply_is_left_as_it_is() -> None:
    for line in (
        '{"level": "error", "stack": ' + opened * 5000 + closed * 5000 + "}"
        for opened, closed in ("[]", ['{"a":', "}"])
    ):
        assert unwrap_json(line) == line
