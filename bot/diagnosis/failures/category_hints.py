"""What to do about a failure of which only the category is known."""

from collections.abc import Mapping

from bot.diagnosis.categories import Category

HINTS: Mapping[Category, str] = {
    "gpu_memory": "Lower what the message names: batch, sequence length, prefill tokens or memory fraction. Fewer"
    " models on the GPU, quantization or more GPUs also help. https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
    "host_memory": "Give the process more host memory, or load less at once: fewer workers, smaller buffers, streaming."
    " https://docs.pytorch.org/docs/stable/data.html",
    "launch": "Correct what the message names: a setting, version, port, address or credential."
    " https://docs.python.org/3/library/exceptions.html",
    "collective": "Check the rank that the others waited for: its log, its node and its network."
    " https://docs.pytorch.org/docs/stable/distributed.html#debugging-torch-distributed-applications",
    "hang": "Find what the named rank or call waits for: a stack dump (py-spy, gdb) shows it. Storage, a peer and a"
    " lock are the usual reasons. https://github.com/benfred/py-spy",
    "storage": "Check the named path: permissions, free space, and whether the file or checkpoint is complete."
    " https://docs.pytorch.org/docs/stable/distributed.checkpoint.html",
    "data": "Check the data that the message names: it must be complete and have the expected format and range."
    " https://docs.pytorch.org/docs/stable/data.html",
    "numerics": "Lower the learning rate (in a simulation: the time step) or clip gradients, and check the batch"
    " before it for bad values."
    " https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping",
    "scheduler": "Wait for capacity, or ask for another size, zone or quota. https://slurm.schedmd.com/resource_limits.html",
}
