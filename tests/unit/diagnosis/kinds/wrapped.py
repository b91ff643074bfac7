# ruff: noqa: E501 - log lines are long
"""Logs behind the prefixes of shippers, and logs that lost bytes: read as if they were bare."""

from tests.unit.diagnosis.kinds.case import STEPS, Case

BARE = (
    "Traceback (most recent call last):",
    '  File "/work/fit.py", line 2, in <module>',
    "    import apex",
    "ImportError: libfoo.so.3: cannot open shared object file: No such file or directory",
)
PREFIXES = {
    "cri": "2026-03-02T07:00:00.123456789Z stderr F ",
    "docker": "2026-03-02T07:00:00.123456789Z ",
    "journald": "Mar 02 07:00:00 n4 fit.sh[77]: ",
    "journald with microseconds": "Mar 02 07:00:00.123456 n4 fit.sh[77]: ",
    "journald with iso times": "2026-03-02T07:00:00+0000 n4 fit.sh[77]: ",
    "journald around vllm": "Mar 02 07:00:00 n4 vllm[77]: (APIServer pid=77) ",
    "syslog": "<14>1 2026-03-02T07:00:00Z n4 fit 77 - - ",
    "stern": "fit-worker-0 pytorch ",
    "stern of a deployment": "fit-7d9f8b6c5d-x2x9z main ",
    "stern with times": "fit-worker-0 pytorch 2026-03-02T07:00:00.1Z ",
    "stern of all namespaces": "research fit-worker-0 pytorch ",
    "kubetail": "[fit-worker-0] ",
    "kubetail with containers": "[fit-7d9f8b6c5d-x2x9z main] ",
    "kubectl": "[pod/fit-worker-0/pytorch] ",
    "kubectl with times": "[pod/fit-worker-0/pytorch] 2026-03-02T07:00:00Z ",
    "docker compose": "trainer-1  | ",
    "docker compose with times": "trainer-1  | 2026-03-02T07:00:00.1Z ",
    "loki": '2026-03-02T07:00:00Z {app="fit", pod="fit-0"} ',
}
KILLED = ("step 9 loss 1.0", "Killed")
HOLE = "\0" * 300
SPLIT = '  File "/opt/env/lib/python3.12/site-packages/torch/x.py", line 3, in g\n'


def wrapped(prefix: str, *lines: str) -> str:
    return "".join(f"{prefix}{line}\n" for line in lines)


CASES = [
    *(
        Case(f"an import behind {name}", wrapped(prefix, *BARE), "page", "launch", "libfoo.so.3")
        for name, prefix in PREFIXES.items()
    ),
    *(
        Case(f"a killed process behind {name}", wrapped(PREFIXES[name], *KILLED), "page", "host_memory", "Killed")
        for name in ("cri", "docker", "journald", "stern", "kubetail", "kubectl", "docker compose")
    ),
    Case(
        "docker's JSON",
        '{"log":"Traceback (most recent call last):\\n","stream":"stderr"}\n{"log":"  File \\"/work/fit.py\\", line 2, in main\\n","stream":"stderr"}\n{"log":"KeyError: \'ids\'\\n","stream":"stderr"}\n',
        "page",
        "code",
        "KeyError",
    ),
    Case(
        "journald's JSON",
        '{"MESSAGE":"Traceback (most recent call last):","PRIORITY":"3"}\n{"MESSAGE":"  File \\"/work/fit.py\\", line 2, in main","PRIORITY":"3"}\n{"MESSAGE":"KeyError: \'ids\'","PRIORITY":"3"}\n',
        "page",
        "code",
        "KeyError",
    ),
    # ---------------------------------------------------------------- damage
    Case("a hole of NULs before the traceback", STEPS + HOLE + wrapped("", *BARE), "page", "launch", "libfoo.so.3"),
    Case(
        "a hole of NULs in a frame",
        STEPS + BARE[0] + "\n" + HOLE + BARE[1] + "\n" + BARE[3] + "\n",
        "page",
        "launch",
        "libfoo.so.3",
    ),
    Case(
        "a hole of NULs before the exception",
        STEPS + wrapped("", *BARE[:3]) + HOLE + BARE[3] + "\n",
        "page",
        "launch",
        "libfoo.so.3",
    ),
    Case(
        "a log without its head",
        SPLIT * 3 + "    return run(x)\nValueError: the mask is empty\n",
        "page",
        "code",
        "the mask is empty",
    ),
    Case(
        "a log without its head that starts in a line",
        'ges/torch/x.py", line 3, in g\n' + SPLIT * 3 + "ValueError: the mask is empty\n",
        "page",
        "code",
        "the mask is empty",
    ),
    Case(
        "torn characters",
        STEPS
        + "epoch na\udcc3".encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        + "\n"
        + wrapped("", *BARE),
        "page",
        "launch",
        "libfoo.so.3",
    ),
    Case(
        "two ranks in each other's lines",
        BARE[0]
        + BARE[0]
        + "\n\n"
        + BARE[1]
        + "\n"
        + BARE[1]
        + "\nKeyErrorKeyError: 'ids'\n: 'ids'\ntorch.OutOfMemoryErrortorch.OutOfMemoryError: : CUDA out of memory. Tried to allocate 2.00 GiB.\n",
        "page",
        "gpu_memory",
        "CUDA out of memory",
    ),
]
