# ruff: noqa: E501 - log lines are long
"""Failures whose hint depends on whose code, whose module or which program it is."""

from tests.unit.diagnosis.kinds.case import STEPS, Case, library

SERVED = 'INFO:     10.2.0.7:5001 - "POST /v1/completions HTTP/1.1" 200 OK\n'
OOM = library("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.", "vllm/worker.py")
NAN = library("RuntimeError: probability tensor contains either `inf`, `nan` or element < 0", "torch/_ops.py")


def without_own_frame(error: str, *files: str) -> str:
    """Return a traceback of which only the frames in installed packages are left."""
    rows = "".join(
        f'  File "/opt/env/lib/python3.12/site-packages/{one}", line 30, in call\n    return go(x)\n' for one in files
    )
    return f"    answer = ask(prompt)\n{rows}{error}\n"


def own_import(message: str) -> str:
    return f'Traceback (most recent call last):\n  File "/work/proj/engine.py", line 4, in <module>\n    from proj.heads import build\nImportError: {message}\n'


def rejected(*lines: str) -> str:
    return (
        "Traceback (most recent call last):\n"
        + '  File "/opt/env/bin/vllm", line 8, in <module>\n    main()\n'
        + "\n".join(lines)
        + "\n"
    )


CASES = [
    # ---------------------------------------------------------------- a server has no micro-batch and no learning rate
    Case("vllm out of memory", SERVED + OOM, "page", "gpu_memory", hint="max_num_seqs"),
    Case(
        "tgi out of memory",
        "2026-03-02T07:00:00.1Z  INFO text_generation_launcher: Starting shard rank=0\n" + OOM,
        "page",
        "gpu_memory",
        hint="max_num_seqs",
    ),
    Case(
        "sglang out of memory",
        "[2026-03-02 07:00:00 TP0] Decode batch. gen throughput (token/s): 81.50, #queue-req: 0\n" + OOM,
        "page",
        "gpu_memory",
        hint="max_num_seqs",
    ),
    Case("training out of memory", STEPS + OOM, "page", "gpu_memory", hint="micro-batch"),
    Case("NaN in a server", SERVED + NAN, "page", "numerics", hint="checkpoint and the number format"),
    Case(
        "NaN while sampling in vllm",
        "(APIServer pid=3) INFO 03-02 07:00:00 ready\n" + NAN,
        "page",
        "numerics",
        hint="checkpoint and the number format",
    ),
    Case(
        "NaN logits in tgi",
        "2026-03-02T07:00:00.1Z  INFO text_generation_launcher: Starting shard rank=0\n"
        + library("ValueError: logits contain nan", "x.py"),
        "page",
        "numerics",
        hint="checkpoint and the number format",
    ),
    Case("NaN in training", STEPS + NAN, "page", "numerics", hint="learning rate"),
    # ---------------------------------------------------------------- a module of the user's own
    Case(
        "a name that is gone",
        own_import("cannot import name 'build' from 'proj.heads' (/work/proj/heads.py)"),
        "page",
        "code",
        hint="Compare the module",
    ),
    Case(
        "a circular import",
        own_import(
            "cannot import name 'build' from partially initialized module 'proj.heads' (most likely due to a circular import) (/work/proj/heads.py)"
        ),
        "page",
        "code",
        hint="Compare the module",
    ),
    Case(
        "a name that is gone on Windows",
        own_import("cannot import name 'build' from 'heads' (C:\\work\\proj\\heads.py)"),
        "page",
        "code",
        hint="Compare the module",
    ),
    Case(
        "a name that a package lacks",
        own_import("cannot import name 'build' from 'timm' (/opt/env/lib/python3.12/site-packages/timm/__init__.py)"),
        "page",
        "launch",
        hint="Rebuild the image",
    ),
    # ---------------------------------------------------------------- no frame of the user's own
    Case(
        "an API without credit",
        without_own_frame(
            "openai.APIStatusError: Error code: 402 - {'detail': 'no credit left'}",
            "openai/_base_client.py",
            "openai/resources/chat.py",
            "openai/_x.py",
        ),
        "page",
        "code",
        "402",
        hint="no frame of your own code",
    ),
    Case(
        "a store that is closed",
        without_own_frame(
            "redis.exceptions.ResponseError: the store is read-only",
            "redis/client.py",
            "redis/connection.py",
            "redis/x.py",
        ),
        "page",
        "code",
        hint="no frame of your own code",
    ),
    Case(
        "a scheduler of jobs",
        without_own_frame(
            "optuna.exceptions.StorageInternalError: the study is locked",
            "optuna/study.py",
            "optuna/storages.py",
            "optuna/x.py",
        ),
        "page",
        "code",
        hint="no frame of your own code",
    ),
    Case(
        "a frame of the user's own",
        library("optuna.exceptions.StorageInternalError: the study is locked", "optuna/study.py"),
        "page",
        "code",
        hint="last frame of your own code",
    ),
    # ---------------------------------------------------------------- the reason is on a later line
    Case(
        "pydantic",
        rejected(
            "pydantic_core._pydantic_core.ValidationError: 1 validation error for CacheConfig",
            "  Value error, block_size must be a multiple of 16 [type=value_error, input_value=7]",
        ),
        "page",
        "launch",
        "multiple of 16",
    ),
    Case(
        "pydantic with the name of a field",
        rejected(
            "pydantic_core._pydantic_core.ValidationError: 2 validation errors for TrainConfig",
            "lr",
            "  Input should be a valid number [type=float_parsing, input_value='fast']",
        ),
        "page",
        "launch",
        "valid number",
    ),
    Case(
        "an older pydantic",
        rejected(
            "pydantic.error_wrappers.ValidationError: 1 validation error for TrainConfig",
            "lr",
            "  value is not a valid float (type=type_error.float)",
        ),
        "page",
        "launch",
        "not a valid float",
    ),
    Case(
        "weights that do not fit",
        rejected(
            "RuntimeError: Error(s) in loading state_dict for Decoder:",
            "\tsize mismatch for head.weight: copying a param with shape [7] from checkpoint, the shape in current model is [9].",
        ),
        "page",
        "code",
        "size mismatch",
    ),
]
