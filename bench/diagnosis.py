"""How fast a log is diagnosed, beside a bare `re` scan with the same patterns and beside ripgrep, in the same run.

Run `python -m bench.diagnosis`; `run()` gives the rows to whoever gathers them.
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

from bot.diagnosis.catalogue import Catalogue, load_catalogue
from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner

Row = tuple[str, float, str, str, float, float]
"""Name, figure, unit, the comparison (or nothing), how many times better, and the lowest ratio that passes."""

LINES = 300_000
PEER = "torch.distributed.DistBackendError: NCCL error in: x.cpp:1, remote process exited or there was a network error"
ROOT = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."


def run() -> list[Row]:
    """All figures."""
    catalogue = load_catalogue()
    reader = PageScanner(catalogue)
    page = healthy_page(LINES)
    return [
        *throughput(reader, catalogue, page),
        memory_growth(reader, page),
        long_line(reader),
        thousand_ranks(reader),
    ]


def throughput(reader: PageScanner, catalogue: Catalogue, page: bytes) -> list[Row]:
    """Lines a second on a healthy log, prefixes and progress included; three ways."""
    patterns = [signature.pattern for signature in catalogue.signatures if signature.role != "advice"]
    union = re.compile("(?m)" + "|".join(f"(?:{pattern})" for pattern in patterns).encode().decode())
    ours = LINES / best(lambda: diagnose(reader, page))
    few = page[: len(page) // 20]
    bare = few.count(b"\n") / best(lambda: [bool(union.search(line)) for line in few.decode().split("\n")], times=1)
    rows: list[Row] = [("healthy log, one core", ours, "lines/s", "python re, same patterns", ours / bare, 20.0)]
    if ripgrep := shutil.which("rg"):
        rival = LINES / best(lambda: search(ripgrep, patterns, page))
        rows.append(("healthy log, one core", ours, "lines/s", "ripgrep, same patterns", ours / rival, 0.1))
    return rows


def memory_growth(reader: PageScanner, page: bytes, lines: int = 10_000_000) -> Row:
    """Growth of the process's peak memory over ten million lines, after the first three hundred thousand."""
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page(page)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(lines // LINES):
        diagnoser.feed_page(page)
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return (f"peak memory, growth over {lines:,} lines", growth / 1024, "MiB", "", 0.0, 0.0)


def long_line(reader: PageScanner) -> Row:
    """One line of two megabytes, beside the same bytes as ordinary lines."""
    words = b"step 17 loss 0.25 Error: none " * 67_000
    one = best(lambda: diagnose(reader, words + b"\n"))
    many = best(lambda: diagnose(reader, words.replace(b"none ", b"none\n")))
    return ("one line of 2 MB", one * 1000, "ms", "as ordinary lines", many / one, 0.2)


def thousand_ranks(reader: PageScanner) -> Row:
    """1,024 interleaved ranks fail at once, compared with 256."""
    page, quarter = failing_page(1024), failing_page(256)
    spent = best(lambda: diagnose(reader, page))
    linear = 4 * best(lambda: diagnose(reader, quarter))
    what = f"1,024 ranks failing, {page.count(bytes([10])):,} lines"
    return (what, spent, "s", "4 times 256 ranks", linear / spent, 0.5)


def diagnose(reader: PageScanner, page: bytes) -> None:
    """One log, from its first byte to its report."""
    diagnoser = Diagnoser(reader)
    diagnoser.feed_page(page)
    diagnoser.report()


def search(ripgrep: str, patterns: list[str], page: bytes) -> None:
    """The same patterns with ripgrep, on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        log, rules = Path(folder, "log"), Path(folder, "rules")
        log.write_bytes(page)
        rules.write_text("\n".join(patterns))
        subprocess.run([ripgrep, "-j1", "-c", "-f", str(rules), str(log)], check=False, capture_output=True)


def best(work: Callable[[], object], times: int = 3) -> float:
    """Seconds of the fastest of a few runs: others use this machine too."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def healthy_page(lines: int) -> bytes:
    """A healthy log of four frameworks' styles with ranks, pods and times before the lines."""
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
    """Every rank's traceback at once, line by line in any order; one of them is the root."""
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
