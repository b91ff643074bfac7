# ruff: noqa: E501, S108 - log lines are long, and name folders
"""Memory of the GPU and of the host."""

from tests.unit.diagnosis.hints.cases.case import SAVED, SERVED, STEPS, HintCase, in_library, raised


def oom(
    size: str, rest: str = "", total: str = "79.15 GiB", free: str = "1.06 GiB", allocated: str = "70.10 GiB"
) -> str:
    return (
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {size}. GPU 3 has a total capacity of {total} of which"
        f" {free} is free. {rest or f'Including non-PyTorch memory, this process has 77.99 GiB memory in use. Of the allocated memory {allocated} is allocated by PyTorch, and 1.20 GiB is reserved by PyTorch but unallocated.'}"
    )


NOT_FREE = "Process 4711 has 61.50 GiB memory in use. Including non-PyTorch memory, this process has 16.10 GiB memory in use. Of the allocated memory 15.02 GiB is allocated by PyTorch, and 200.00 MiB is reserved by PyTorch but unallocated."
CONTAINER = "Process 88 has 77.10 GiB memory in use. Of the allocated memory 75.90 GiB is allocated by PyTorch, and 510.00 MiB is reserved by PyTorch but unallocated."
FRAGMENTED = "Including non-PyTorch memory, this process has 78.00 GiB memory in use. Of the allocated memory 52.30 GiB is allocated by PyTorch, and 24.10 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."

CASES = [
    HintCase("one tensor larger than the GPU", STEPS + raised(oom("129.40 GiB")), "129.40 GiB|79.15 GiB|one tensor", "micro-batch"),
    HintCase("another process holds the memory", STEPS + raised(oom("2.50 GiB", NOT_FREE)), "process 4711|61.50 GiB", "micro-batch|expandable"),
    HintCase("its own process under another pid in a container", STEPS + raised(oom("2.50 GiB", CONTAINER)), "micro-batch|2.50 GiB", "process 88"),
    HintCase("a small process beside it", STEPS + raised(oom("2.50 GiB", NOT_FREE.replace("61.50 GiB", "412.00 MiB"))), "micro-batch", "4711"),
    HintCase("fragmented memory", STEPS + raised(oom("2.50 GiB", FRAGMENTED)), "expandable_segments:True|24.10 GiB", "quantize"),
    HintCase("fragmented memory in the wording before", STEPS + raised("RuntimeError: CUDA out of memory. Tried to allocate 1.10 GiB (GPU 0; 15.78 GiB total capacity; 9.10 GiB already allocated; 310.44 MiB free; 14.80 GiB reserved in total by PyTorch)"), "max_split_size_mb|14.80 GiB"),
    HintCase("the usual case in the wording before", STEPS + raised("RuntimeError: CUDA out of memory. Tried to allocate 1.10 GiB (GPU 0; 15.78 GiB total capacity; 14.10 GiB already allocated; 310.44 MiB free; 14.80 GiB reserved in total by PyTorch)"), "micro-batch|1.10 GiB|310.44 MiB", "max_split"),
    HintCase("the usual case", STEPS + raised(oom("2.50 GiB")), "micro-batch|2.50 GiB|1.06 GiB", "expandable|quantize"),
    HintCase("weights that do not fit", raised(oom("500.00 MiB"), "model = AutoModel.from_pretrained(name).cuda()"), "shard or quantize|before any step", "micro-batch"),
    HintCase("the optimizer's state", STEPS + raised(oom("500.00 MiB"), "optimizer.step()"), "optimizer's state|fsdp"),
    HintCase("the evaluation", STEPS + raised(oom("500.00 MiB"), "metrics = trainer.evaluate()"), "evaluation|per_device_eval_batch_size"),
    HintCase("a checkpoint loaded to the GPU", raised(oom("500.00 MiB"), "state = torch.load(path)"), "map_location", "micro-batch"),
    HintCase("the logits of a large vocabulary", STEPS + raised(oom("9.80 GiB"), "loss = F.cross_entropy(logits.float(), labels)"), "cross-entropy|micro-batch"),
    HintCase("a server", SERVED + in_library(oom("2.50 GiB"), "vllm/worker.py"), "max_num_seqs", "micro-batch|gradient"),
    HintCase("a fraction that the process set", STEPS + raised("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.15 GiB of which 40.00 GiB is free. 30.00 GiB allowed; Of the allocated memory 29.00 GiB is allocated by PyTorch"), "memory fraction|30.00 GiB"),
    HintCase("JAX with the amounts", STEPS + raised("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Attempting to reserve 9.14G at the bottom of memory. That was not possible. There are 7.02G free, 0B reserved, and 7.02G reservable."), "batch size|9.14G|7.02G"),
    HintCase("TensorFlow with the shape", STEPS + raised("tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with shape[64,512,56,56] and type float on /job:localhost/replica:0/task:0/device:GPU:0"), "batch size|64,512,56,56", "xla_python"),
    HintCase("a cache smaller than the model's length", in_library("ValueError: The model's max seq len (131072) is larger than the maximum number of tokens that can be stored in KV cache (30448). Try increasing `gpu_memory_utilization` or decreasing `max_model_len`.", "vllm/worker.py"), "max_model_len|131072|gpu_memory_utilization"),
    HintCase("an engine that finds the GPU taken", in_library("ValueError: Free memory on device (10.10/79.15 GiB) on startup is less than desired GPU memory utilization (0.9, 71.24 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.", "vllm/worker.py"), "10.10 of 79.15|another process"),
    HintCase("the kernel kills a process", STEPS + "[ 712.1] Out of memory: Killed process 90233 (python3) total-vm:210110224kB, anon-rss:120110224kB, file-rss:0kB\n", "host memory|python3|90233", "cuda out of memory|micro-batch"),
    HintCase("a container over its limit", STEPS + "State: Terminated\n  Reason: OOMKilled\n  Exit Code: 137\n", "memory limit|--mem", "expandable"),
    HintCase("Ray's memory monitor", STEPS + "(raylet) 1 Workers (tasks / actors) killed due to memory pressure (OOM), memory used 118.4GB / 120.0GB\n", "host memory|ray", "micro-batch"),
    HintCase("a NumPy array", raised("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 93.1 GiB for an array with shape (500000, 50000) and data type float32"), "93.1 GiB|memory-map", "gpu"),
    HintCase("too many threads", raised("RuntimeError: can't start new thread"), "ulimit -u|omp_num_threads", "gpu"),
    HintCase("a data worker killed for memory", SAVED + raised("RuntimeError: DataLoader worker (pid 4411) is killed by signal: Killed."), "host memory|4411", "/dev/shm"),
    HintCase("a data worker's bus error", SAVED + raised("RuntimeError: DataLoader worker (pid 4411) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory."), "/dev/shm|--shm-size"),
    HintCase("descriptors of shared memory", STEPS + raised("RuntimeError: received 0 items of ancdata"), "ulimit -n|file_system"),
    HintCase("shared memory", STEPS + raised("RuntimeError: unable to write to file </torch_91_222>: insufficient shared memory (shm)"), "/dev/shm|--ipc=host"),
    HintCase("exit code 137", STEPS + "command terminated with exit code 137\n", "memory limit|137"),
]  # fmt: skip
