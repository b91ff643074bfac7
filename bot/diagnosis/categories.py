"""The categories of failures."""

from typing import Literal

Category = Literal[
    "gpu_memory", "host_memory", "gpu_fault", "collective", "storage", "data",
    "numerics", "hang", "launch", "scheduler", "code",
]  # fmt: skip
