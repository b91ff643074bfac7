"""How much a line says about why something failed."""

from __future__ import annotations

import pytest

from bot.diagnosis.failures.reasons import Grade, grade

OUTCOMES = (
    "script returned exit code 137",
    "AttributeError: 'NoneType' object has no attribute 'shape'",
    "BrokenPipeError: [Errno 32] Broken pipe",
    "RuntimeError: [ring] connection to left neighbour lost",
    "RuntimeError: Timed out waiting 1800000ms for recv operation to complete",
    "NCCL communicator was aborted on rank 0.",
    "Segmentation fault (core dumped)",
    "training failed with exit code 1",
    "RuntimeError: Some background workers are not alive",
)
FAULTS = (
    "RuntimeError: driver call 13 reported a problem in stage 2",
    "ERROR worker 3: reader stopped",
    "iteration 40 | lm loss: 2.1 | number of nan iterations:   0 |",
    "step=100, overflow: 0, invalid samples: 0, nan=False",
    "KeyError: 'optimizer.betas'",
)
REASONS = (
    "ValueError: expected 512 tokens, found 17",
    "ModuleNotFoundError: No module named 'apex'",
    "size mismatch for head.weight",
    "number of nan iterations:   3",
    "missing ranks: 0",
    "invalid value: 0.5",
    "DimensionMismatch: A has dimensions (7,128) but B has dimensions (24,128)",
    "the grad norm is not finite",
)
ORIGINS = (
    "reader: GET https://store.internal/b/7.npz: 403 Forbidden",
    "OSError: [Errno 28] No space left on device",
    "0/12 nodes are available: 9 Insufficient nvidia.com/gpu",
    "libpng error: IDAT: CRC error",
    "chip 3 is held by process 4411",
    "NVRM: Xid (PCI:0000:9b:00): 74, NVLink: fatal error detected on link 11",
    "/lib/libm.so.6: version `GLIBC_2.38' not found",
    "License checkout failed: maximum number of users for Signal_Toolbox reached.",
)
CASES = {
    Grade.OUTCOME: OUTCOMES,
    Grade.FAULT: FAULTS,
    Grade.REASON: REASONS,
    Grade.ORIGIN: ORIGINS,
}


@pytest.mark.parametrize(("expected", "text"), [(one, text) for one, texts in CASES.items() for text in texts])
def test_grade(expected: Grade, text: str) -> None:
    assert grade(text) is expected
