"""What several jobs may share, found in the lines of an alert."""

from __future__ import annotations

import pytest

from bot.rules.shared_causes import find_shared_cause


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OSError: [Errno 28] No space left on device: '/mnt/shared/runs/7/ckpt.pt'", "disk:/mnt/shared"),
        ("OSError: [Errno 28] No space left on device: '/mnt/other/runs/7/ckpt.pt'", "disk:/mnt/other"),
        ("PytorchStreamWriter failed writing file /fsx/models/a.bin: file write failed", "disk:/fsx"),
        ("No space left on device: '/tmp/torch/x'", ""),
        ("No space left on device: '/dev/shm/x/y'", ""),
        ("No space left on device: '/root/.cache/huggingface/x'", ""),
        ("No space left on device", ""),
        ("https://example.com/mnt/data/x No space left on device", ""),
    ],
)
def test_a_full_disk_is_known_by_its_volume(text: str, expected: str) -> None:
    assert find_shared_cause("disk_full", [text]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NVRM: Xid 79 on node gpu-h100-17: GPU has fallen off the bus", "node:gpu-h100-17"),
        ("hostname=ip-10-0-3-7 uncorrectable ECC error", "node:ip-10-0-3-7"),
        ('{"node_name": "gke-pool-7f3a", "error": "Xid"}', "node:gke-pool-7f3a"),
        ("Xid 79 on node GPU-H100-17.", "node:gpu-h100-17"),
        ("lost connection to node 3", ""),
        ("error on node node-0", ""),
        ("error on host worker12", ""),
        ("error on host localhost", ""),
        ("the node was drained", ""),
        ("/mnt/data/x is full", ""),
    ],
)
def test_a_node_is_known_by_a_name_that_no_other_run_has(text: str, expected: str) -> None:
    assert find_shared_cause("gpu_lost", [text]) == expected


def test_the_decisive_line_counts_first() -> None:
    lines = ["Xid 79 on node gpu-h100-17", "started on node gpu-h100-01"]
    assert find_shared_cause("gpu_lost", lines) == "node:gpu-h100-17"
