# ruff: noqa: E501 - log lines are long
"""Names are replaced consistently; structure, numbers, times, ranks and messages stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.anonymization.anonymizer import Anonymizer
from bot.anonymization.vocabulary import Vocabulary
from tests.corpus.pool import shipped_scanner

VOCABULARY = Vocabulary(shipped_scanner().texts)
REPLACED = {
    "prompt": ("alice@gpu-17:~/zeta$ python fit.py", "user1@host1-17:~/name1$ python fit.py"),
    "prompt with brackets": ("(base) [bob@dgx-h100-04 zeta]$ ls", "(base) [user1@host1-04 zeta]$ ls"),
    "home": ("/home/alice/zeta/src/train_zeta.py:31 in main", "/home/user1/name1/src/train_name1.py:31 in main"),
    "windows": (r"C:\Users\alice\zeta\train.py", r"C:\Users\user1\name1\train.py"),
    "own package": ("No module named 'zeta.heads' in /opt/zeta/run.py", "No module named 'name1.heads' in /opt/name1/run.py"),
    "class in camel case": ("/opt/zeta/run.py in ZetaTrainer.fit", "/opt/name1/run.py in Name1Trainer.fit"),
    "bucket": ("s3://zeta-ckpt/run/step-100/model-0007.safetensors", "s3://bucket1/run/step-100/model-0007.safetensors"),
    "bucket in azure": ("abfss://data@zetastore.dfs.core.windows.net/x/y.parquet", "abfss://bucket1@name1.dfs.core.windows.net/x/y.parquet"),
    "private model": ("loading model zeta/wolf-7b from https://huggingface.co/zeta/wolf-7b", "loading model name1/name2-7b from https://huggingface.co/name1/name2-7b"),
    "private page": ("https://ci.zeta.com/job/zeta?user=bob", "https://host1.example/job/name1?user=user1"),
    "project": ("--wandb-project zeta-wolf --lr 1e-4", "--wandb-project name1-name2 --lr 1e-4"),
    "customers": ("customer=zeta tenant_id=wolf-42 of zeta", "customer=name1 tenant_id=name2-42 of name1"),
    "yaml": ("job_name: wolf-sft-3", "job_name: name1-sft-3"),
    "e-mail": ("mail alice.smith@zeta.com, Alice.Smith@zeta.com", "mail user1@example.com, user1@example.com"),
    "login": ("wandb: Currently logged in as: carol (zeta-team)", "wandb: Currently logged in as: user1 (zeta-team)"),
    "addresses": ("peer 10.12.3.44<3341>, 10.12.3.45:29500, 10.12.3.44", "peer 192.0.2.1<3341>, 192.0.2.2:29500, 192.0.2.1"),
    "ipv6 and mac": ("fe80::1ff:fe23:4567:890a aa:bb:cc:dd:ee:ff", "2001:db8::1 02:00:00:00:00:02"),
    "nccl": ("gpu-17:4411:4490 [3] NCCL INFO ring on gpu-17", "host1-17:4411:4490 [3] NCCL INFO ring on host1-17"),
    "slurm": ("*** JOB 771 ON gpu17 CANCELLED AT 2026-01-05T10:00:00 ***", "*** JOB 771 ON host1 CANCELLED AT 2026-01-05T10:00:00 ***"),
    "srun": ("srun: error: dgx-04: task 3: Out Of Memory", "srun: error: host1-04: task 3: Out Of Memory"),
    "syslog": ("Mar 02 07:00:00 zeta4 fit.sh[77]: Killed", "Mar 02 07:00:00 host1 fit.sh[77]: Killed"),
    "domain and its host": ("MASTER_ADDR=gpu-17.hpc.zeta.edu rank 0 on gpu-17", "MASTER_ADDR=host1-17.example rank 0 on host1-17"),
    "stern": ("wolf-worker-0 pytorch Traceback (most recent call last):", "pod1-0 pytorch Traceback (most recent call last):"),
    "pod of a deployment": ("[pod/wolf-7d9f8b6c5d-x2x9z/main] Killed", "[pod/pod1-1/main] Killed"),
    "uuid": ("run 8f14e45f-ceea-467f-9c3d-1f0c2d3e4a5b", "run 00000000-0000-4000-8000-000000000001"),
    "commit": ("commit 3f2a1b9c8d7e6f50", "commit 0000000000000001"),
    "account": ("arn:aws:iam::123456789012:role/zeta", "arn:aws:iam::000000000001:role/name1"),
    "colours": ("\x1b[31m/home/alice/x.py\x1b[0m \x1b[1malice\x1b[0m", "\x1b[31m/home/user1/x.py\x1b[0m \x1b[1muser1\x1b[0m"),
    "json": (r'{"log":"  File \"/home/alice/zeta/fit.py\", line 2\n    run()\nKeyError: 3"}', r'{"log":"  File \"/home/user1/name1/fit.py\", line 2\n    run()\nKeyError: 3"}'),
    "right to left": ("/home/\u05d3\u05d5\u05d3/\u05d0\u05d1\u05d2\u05d3/train.py", "/home/user1/name1/train.py"),
    "variables of slurm": ("SLURM_JOB_NODELIST=wolf-[1-4] SLURM_SUBMIT_HOST=zeta7 on wolf-2", "SLURM_JOB_NODELIST=host1-[1-4] SLURM_SUBMIT_HOST=host2 on host1-2"),
    "names from addresses": ("Node: ip-10-0-1-2.ec2.internal/10.0.1.2", "Node: ip-192-0-2-1.ec2.internal/192.0.2.1"),
    "login in a URL": ("postgresql://bob@db.zeta.com/zeta ws://10.0.0.1:80 for bob", "postgresql://host1.example/name1 ws://192.0.2.1:80 for user1"),
    "torn": ("/home/alice/\udcc3\udcff/train.py of alice", "/home/user1/\udcc3\udcff/train.py of user1"),
}  # fmt: skip
KEPT = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 3 has a total capacity of 79.11 GiB",
    '  File "/usr/lib/python3.12/site-packages/torch/nn/modules/linear.py", line 125, in forward',
    "step 40/90 loss 2.31 tok/s 1200 train/loss 1.2 eval/accuracy 0.3 lr 1e-4 1.2it/s 12% 3/100 [00:31<10:00]",
    "[rank3]:[E ProcessGroupNCCL.cpp:607] [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=9,",
    "c10d::ProcessGroupNCCL::watchdogHandler() + 0x650 skimage.io tf.io.read_file self.net",
    "https://docs.pytorch.org/docs/stable/notes/cuda.html HTTP/1.1 TCP/IP n/a",
    "nvidia-cublas==12.4.5.8, driver version 550.54.15.1, 127.0.0.1:8000, localhost:29500",
    "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    "Saving model checkpoint to /mnt/ckpts/checkpoint-300; meta-llama/Llama-3.1-8B-Instruct",
    "  ? cxiBlockingMutexRelease+0xdc/0xe0 [mmfslinux] in /lib64/libc.so.6, /usr/lib/x86_64-linux-gnu/libzeta.so",
    "error at /pytorch/aten/src/THC/THCCachingHostAllocator.cpp:265, model = ZetaParallel(config)",
    "ERROR [core.py:710] 'wolves/mean': 0.4, wolves/max=3 \"POST /v1/chat/completions HTTP/1.1\" 200 395.4 TFLOP/s/GPU",
    "2026-03-01T16:40:00.123Z worker-3 | INFO user code, host memory, node: ready, project root",
)


def anonymize(*lines: str, hidden: tuple[str, ...] = ()) -> list[str]:
    anonymizer = Anonymizer(VOCABULARY, hidden)
    for line in lines:
        anonymizer.learn(line)
    return [anonymizer.anonymize(line) for line in lines]


@pytest.mark.parametrize(("line", "expected"), REPLACED.values(), ids=REPLACED)
def test_names_are_replaced_by_shape_and_context(line: str, expected: str) -> None:
    assert [expected] == anonymize(line)


@pytest.mark.parametrize("line", KEPT)
def test_evidence_stays(line: str) -> None:
    assert [line] == anonymize(line)


def test_name_is_replaced_before_the_line_that_reveals_it() -> None:
    lines = anonymize("hello from alice", "ALICE and wolf_head", "/home/alice/wolf/x.py", "alicex")

    assert lines == ["hello from user1", "user1 and name1_head", "/home/user1/name1/x.py", "alicex"]


def test_asked_names_are_hidden_in_any_case_and_within_words() -> None:
    lines = anonymize("Project Phoenix: PHOENIX phoenix_v2 MyPhoenixNet", hidden=("phoenix",))

    assert lines == ["Project Hidden1: Hidden1 hidden1_v2 MyHidden1Net"]


def test_copy_of_a_copy_is_the_copy() -> None:
    lines = [line for line, _ in REPLACED.values()]
    once = anonymize(*lines)

    private = ("alice", "zeta", "wolf", "dgx", "10.12.3", "8f14e45f")
    assert [line for line in anonymize(*once) if any(name in line.lower() for name in private)] == []


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=300), max_size=5), st.integers(0, 10**9))
def test_any_line_keeps_its_numbers_and_place(lines: list[str], number: int) -> None:
    marked = [f"step {number} {line}" for line in lines]
    shown = anonymize(*marked)

    assert len(shown) == len(lines)
    assert [line for line in shown if not re.match(rf"step {number}\b", line) or "\n" in line] == []
