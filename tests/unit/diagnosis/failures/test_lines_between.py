"""A diagnosis depends on the sequence of lines alone: not on where pages end, nor on when a report is taken."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser, Line
from bot.diagnosis.page_scanner import PageScanner
from tests.support.work import count_calls

SECOND = 1_000_000_000
JOB_HELD_BEFORE_EXCEPTION = """\
012 (7812.000.000) 2026-03-04 10:45:00 Job was held.
\tError from slot1@n3: Job has gone over disk limit of 20 GB
\tCode 26 Subcode 0
Traceback (most recent call last):
  File "/v/lib/python3.10/site-packages/torch_npu/npu/utils.py", line 58, in synchronize
    return torch_npu._C._npu_synchronize()
RuntimeError: ACL stream synchronize failed, error code:507015
"""
ABORT_BEFORE_EXCEPTION = """\
terminate called after throwing an instance of 'std::runtime_error'
  what():  cannot open the index /data/vocab.idx: No such file or directory
Traceback (most recent call last):
  File "/w/launch.py", line 4, in <module>
    check(worker)
ChildProcessError: worker 3 exited
"""
MESSAGE_BELOW_EXCEPTION = """\
Traceback (most recent call last):
  File "/opt/mm/registry/build_functions.py", line 121, in build_from_cfg
    obj = obj_cls(**args)
FileNotFoundError:
Images of the split val2 are not there, missing folder '/data/wheat/val2/images'
Set data_root in the config.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/opt/mm/registry/build_functions.py", line 130, in build_from_cfg
    raise RuntimeError(f"class `WheatDataset` in /opt/mm/wheat.py: {e}") from e
RuntimeError: class `WheatDataset` in /opt/mm/wheat.py:
Images of the split val2 are not there, missing folder '/data/wheat/val2/images'
"""
REASON_BELOW_PYDANTIC = """\
pydantic_core._pydantic_core.ValidationError: 1 validation error for TrainArgs
optim.betas
  Input should be a valid tuple [type=tuple_type, input_value='0.9', input_type=str]
slurmstepd: error: *** JOB 991 ON n4 CANCELLED AT 2026-03-04T10:45:00 ***
Traceback (most recent call last):
  File "/w/fit.py", line 9, in main
    args = parse()
SystemExit: 1
"""
LOGS = [JOB_HELD_BEFORE_EXCEPTION, ABORT_BEFORE_EXCEPTION, MESSAGE_BELOW_EXCEPTION, REASON_BELOW_PYDANTIC]


def diagnose(scanner: PageScanner, *pages: list[Line], reports: bool = False) -> dict[str, object]:
    diagnoser = Diagnoser(scanner)
    for page in pages:
        diagnoser.feed_many(page)
        diagnoser.dump()  # ends the page
        if reports:
            diagnoser.report()
    return diagnoser.report().to_json()


def spaced(*texts: str, seconds: int = 1) -> list[Line]:
    return [(text, None, "pod", n * seconds * SECOND) for n, text in enumerate(texts)]


@pytest.mark.parametrize("log", LOGS)
def test_pages_may_end_after_any_line(scanner: PageScanner, log: str) -> None:
    lines = spaced(*log.splitlines())

    whole = diagnose(scanner, lines)
    for cut in range(1, len(lines)):
        assert diagnose(scanner, lines[:cut], lines[cut:]) == whole, cut
    assert diagnose(scanner, *([line] for line in lines), reports=True) == whole


@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("log", LOGS)
def test_pages_may_end_after_any_line_of_several_replicas(scanner: PageScanner, log: str, replicas: int) -> None:
    lines: list[Line] = [
        (text, None, f"replica-{n % replicas}", n * SECOND) for n, text in enumerate(log.splitlines() * 2)
    ]

    assert diagnose(scanner, *([line] for line in lines), reports=True) == diagnose(scanner, lines)


def test_reason_below_held_job_remains_decisive_once_an_exception_follows(scanner: PageScanner) -> None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(JOB_HELD_BEFORE_EXCEPTION.encode())

    assert "disk limit" in diagnoser.report().failures[0].decisive_text


def test_failure_expires_at_the_line_that_is_late_enough(scanner: PageScanner) -> None:
    trace = ["Traceback (most recent call last):", '  File "/w/fit.py", line 9, in main', "KeyError: 'prompt'"]
    quiet = [(f"GET /health {n}", None, "pod", 4000 * n * SECOND) for n in range(1, 4)]
    answers = [(f'"POST /v1/completions HTTP/1.1" 200 {n}', None, "pod", (16_000 + n) * SECOND) for n in range(9)]
    lines = [*spaced(*trace), *quiet, *answers, *((text, None, "pod", 17_000 * SECOND) for text in trace)]

    assert diagnose(scanner, *([line] for line in lines)) == diagnose(scanner, lines)


def test_time_that_goes_back_does_not_change_when_failure_expires(scanner: PageScanner) -> None:
    trace = ["Traceback (most recent call last):", '  File "/w/fit.py", line 9, in main', "KeyError: 'prompt'"]
    lines = [*spaced(*trace), ("late", None, "pod", 9000 * SECOND), ("early", None, "pod", 4 * SECOND)]

    assert diagnose(scanner, *([line] for line in lines)) == diagnose(scanner, lines)


def test_report_does_not_change_later_ones(scanner: PageScanner) -> None:
    work = [f"worker-1  | INFO scored chunk of {n} rows in {50 + n} ms" for n in range(40)]
    crash = ["worker-1  | Fatal Python error: Segmentation fault", "worker-1 exited with code 139 (restarting)"]
    lines = spaced(*work, *crash, *work)
    late: list[Line] = [("worker-1  | epoch", None, "pod", (9000 + n) * SECOND) for n in range(9)]

    assert diagnose(scanner, lines, late, reports=True) == diagnose(scanner, lines, late)


def test_lines_between_events_are_decoded_once(scanner: PageScanner) -> None:
    def log(count: int) -> list[Line]:
        rows = []
        for n in range(count):
            rows += [f"[rank{n % 8}]: reading shard {n} of {rank}" for rank in range(8)]
            rows += [f"[rank{n % 8}]: RuntimeError: CUDA error: device-side assert triggered {n}"]
        return spaced(*rows)

    few, many = log(25), log(200)
    diagnose(scanner, few)  # warm the catalogue's caches

    assert count_calls(lambda: diagnose(scanner, many)) < 12 * count_calls(lambda: diagnose(scanner, few))
