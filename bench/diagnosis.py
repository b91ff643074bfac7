"""Measure the diagnosis of logs, compared with a plain `re` scan and with ripgrep for the same patterns.

Run `python -m bench.diagnosis`. `run()` returns the rows for the report.
"""

import random
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bot.diagnosis.catalogue import HIDING_ROLES, Catalogue, load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner

Row = tuple[str, float, str, str, float, float]
"""Name, figure, unit, the comparison (or nothing), how many times better, and the lowest ratio that passes."""

LINES = 300_000
PEER = "torch.distributed.DistBackendError: NCCL error in: x.cpp:1, remote process exited or there was a network error"
ROOT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def run() -> list[Row]:
    """Measure everything."""
    catalogue = load_catalogue()
    scanner = PageScanner(catalogue)
    page = healthy_page(LINES)
    return [
        *throughput(scanner, catalogue, page),
        memory_growth(scanner, page),
        long_line(scanner),
        thousand_ranks(scanner),
    ]


def throughput(scanner: PageScanner, catalogue: Catalogue, page: bytes) -> list[Row]:
    """Measure lines per second on a healthy log, with prefixes and progress, and the same for `re` and ripgrep."""
    patterns = [signature.pattern for signature in catalogue.signatures if signature.role not in HIDING_ROLES]
    union = re.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in patterns).encode().decode())
    ours = LINES / best(lambda: diagnose(scanner, page))
    few = page[: len(page) // 20]
    bare = few.count(b"\n") / best(lambda: [bool(union.search(line)) for line in few.decode().split("\n")], times=1)
    rows: list[Row] = [("healthy log, one core", ours, "lines/s", "python re, same patterns", ours / bare, 20.0)]
    if ripgrep := shutil.which("rg"):
        rival = LINES / best(lambda: search(ripgrep, patterns, page))
        rows.append(("healthy log, one core", ours, "lines/s", "ripgrep, same patterns", ours / rival, 0.1))
    return rows


def memory_growth(scanner: PageScanner, page: bytes, lines: int = 10_000_000) -> Row:
    """Measure the growth of peak memory over ten million lines, after the first 300,000."""
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(page)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(lines // LINES):
        diagnoser.feed_page(page)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return (f"peak memory, growth over {lines:,} lines", growth / 1024, "MiB", "", 0.0, 0.0)


def long_line(scanner: PageScanner) -> Row:
    """Measure one line of two megabytes, compared with the same bytes as ordinary lines."""
    text = b"step 17 loss 0.25 Error: none " * 67_000
    one = best(lambda: diagnose(scanner, text + b"\n"))
    many = best(lambda: diagnose(scanner, text.replace(b"none ", b"none\n")))
    return ("one line of 2 MB", one * 1000, "ms", "as ordinary lines", many / one, 0.2)


def thousand_ranks(scanner: PageScanner) -> Row:
    """1,024 interleaved ranks fail at once, compared with 256."""
    page, quarter = failing_page(1024), failing_page(256)
    spent = best(lambda: diagnose(scanner, page))
    linear = 4 * best(lambda: diagnose(scanner, quarter))
    what = f"1,024 ranks failing, {page.count(bytes([10])):,} lines"
    return (what, spent, "s", "4 times 256 ranks", linear / spent, 0.5)


def diagnose(scanner: PageScanner, page: bytes) -> None:
    """Diagnose one log."""
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_page(page)
    diagnoser.report()


def search(ripgrep: str, patterns: list[str], page: bytes) -> None:
    """Search the same patterns with ripgrep on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        log, rules = Path(folder, "log"), Path(folder, "rules")
        log.write_bytes(page)
        rules.write_text("\n".join(patterns))
        subprocess.run([ripgrep, "-j1", "-c", "-f", str(rules), str(log)], check=False, capture_output=True)


def best(work: Callable[[], object], times: int = 3) -> float:
    """Return the time of the fastest of a few runs in seconds, since other processes use the machine too."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def healthy_page(lines: int) -> bytes:
    """Return a healthy log in the styles of four frameworks, with ranks, pods and timestamps as prefixes."""
    rng = random.Random(1)
    return "".join(f"{line}\n" for line in _healthy_lines(lines, rng)).encode()


def _healthy_lines(lines: int, rng: random.Random) -> Iterator[str]:
    for step in range(lines):
        match step % 4:
            case 0:
                yield (
                    f"2026-11-20 10:{step % 60:02d}:03,123 [rank{step % 8}]: step {step}"
                    f" loss {2 + rng.random():.4f} grad_norm 0.12 lr 1e-4 tok/s 12345.2"
                )
            case 1:
                yield (
                    f"[default{step % 8}]: iteration {step:8d}/ 159576 | consumed samples: 26 | elapsed time per"
                    f" iteration (ms): 18706.1 | learning rate: 6.000E-05 | lm loss: 2.444662E+00 | grad norm: 1.2 |"
                )
            case 2:
                yield "{'loss': 2.2, 'grad_norm': 0.3, 'learning_rate': 9.7e-06, 'epoch': 0.53}"
            case _:
                yield f"worker-1 | INFO reading shard {step} from /data/shards/part-{step:05d}.tar, ok"


def failing_page(ranks: int) -> bytes:
    """Return the tracebacks of all ranks, interleaved by line; one of them is the root cause."""
    rng = random.Random(2)
    texts = []
    for rank in range(ranks):
        frames = "\n".join(
            f'  File "/usr/lib/python3.12/site-packages/torch/nn/m{n}.py", line {n}, in forward\n    return self.f(x)'
            for n in range(96)
        )
        error = ROOT if rank == ranks // 2 else PEER
        head = 'Traceback (most recent call last):\n  File "/app/train.py", line 8, in main\n    step()'
        text = f"{head}\n{frames}\n{error}"
        texts.append([f"[rank{rank}]: {line}" for line in text.split("\n")])
    order = [rank for rank, lines in enumerate(texts) for _ in lines]
    rng.shuffle(order)
    sources = [iter(lines) for lines in texts]
    return "\n".join(next(sources[rank]) for rank in order).encode() + b"\n"


if __name__ == "__main__":
    for name, figure, unit, peer, ratio, _ in run():
        print(f"{name:45} {figure:14,.2f} {unit:8}" + (f" {ratio:6.2f} x {peer}" if peer else ""))
