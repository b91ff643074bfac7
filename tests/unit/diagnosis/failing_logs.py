# ruff: noqa: E501 - a log line is as long as it is
"""Short logs of runs that failed, each with the category it must be told under. Written for these tests."""

TRACE = """Traceback (most recent call last):
  File "/app/train.py", line 88, in <module>
    main()
  File "/app/{file}.py", line 41, in {function}
    {source}
{error}
"""


def traced(error: str, *, file: str = "trainer", function: str = "fit", source: str = "out = step(batch)") -> str:
    return TRACE.format(error=error, file=file, function=function, source=source)


STEPS = "".join(f"step {n} loss {3 - n / 100:.3f} lr 1e-4\n" for n in range(1, 40))

FAILING: list[tuple[str, str, str]] = [
    # ---------------------------------------------------------------- GPU memory
    ("oom new text", "gpu_memory", STEPS + traced("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 512.00 MiB. GPU 3 has a total capacity of 79.11 GiB of which 12.00 MiB is free.")),
    ("oom old text", "gpu_memory", traced("RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 15.90 GiB total capacity; 14.75 GiB already allocated)")),
    ("oom with rank prefix", "gpu_memory", "[rank5]: Traceback (most recent call last):\n[rank5]:   File \"/app/t.py\", line 3, in f\n[rank5]:     g()\n[rank5]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB."),
    ("oom behind a progress bar", "gpu_memory", "Epoch 1:  12%|█▏        | 120/1000 [02:11<16:02,  1.09s/it, loss=2.31]torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 6.00 GiB."),
    ("two ranks in one line", "gpu_memory", "OutOfMemoryErrorOutOfMemoryError: : CUDA out of memory. Tried to allocate 3.50 GiB (GPU 1CUDA out of memory."),
    ("oom refused by fraction", "gpu_memory", "RuntimeError: CUDA out of memory. Allocation was preemptively rejected because it would exceed per_process_memory_fraction."),
    ("oom of hip", "gpu_memory", traced("torch.OutOfMemoryError: HIP out of memory. Tried to allocate 256.00 MiB.")),
    ("oom of tensorflow", "gpu_memory", "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor with shape[64,512,512] and type float"),
    ("oom of xla", "gpu_memory", "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 34359738368 bytes."),
    ("oom of a tpu", "gpu_memory", "XlaRuntimeError: RESOURCE_EXHAUSTED: Ran out of memory in memory space hbm. Used 17.2G of 15.7G hbm."),
    ("cublas without memory", "gpu_memory", traced("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")),
    ("no room for the cache", "gpu_memory", traced("ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.")),
    ("oom in colours", "gpu_memory", "\x1b[31m[rank0]: \x1b[1mtorch.OutOfMemoryError\x1b[0m: CUDA out of memory. Tried to allocate 2 GiB\x1b[0m"),
    ("oom in json", "gpu_memory", '{"level":"ERROR","ts":"2026-01-02T03:04:05Z","message":"Traceback (most recent call last):\\n  File \\"/app/a.py\\", line 3, in f\\n    g()\\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."}'),
    ("oom with two timestamps", "gpu_memory", "2026-03-01T10:00:00.123Z 2026-03-01 10:00:00,120 worker-3 | [rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB."),
    # ---------------------------------------------------------------- host memory
    ("killed and told by slurm", "host_memory", STEPS + "Killed\nslurmstepd: error: Detected 2 oom_kill events in StepId=8812.0. Some of the step tasks have been OOM Killed.\n"),
    ("killed alone", "host_memory", STEPS + "/var/spool/job.sh: line 14:  4411 Killed                  python train.py\n"),
    ("kernel's own words", "host_memory", "[98123.551] Memory cgroup out of memory: Killed process 4411 (python) total-vm:912345kB, anon-rss:700000kB"),
    ("kernel constraint", "host_memory", "kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=pod,task=python,pid=33,uid=0"),
    ("kubernetes", "host_memory", "Last State: Terminated\n  Reason: OOMKilled\n  Exit Code: 137"),
    ("exit code 137", "host_memory", STEPS + "command terminated with exit code 137"),
    ("torchrun minus nine", "host_memory", STEPS + "E0301 10:00:00.000000 140 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: -9) local_rank: 2 (pid: 300) of binary: /usr/bin/python3\n" + traced("torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ", file="run", function="launch_agent")),
    ("srun out of memory", "host_memory", "srun: error: node12: task 3: Out Of Memory"),
    ("data loader killed", "host_memory", traced("RuntimeError: DataLoader worker (pid 881) is killed by signal: Killed. ")),
    ("shared memory", "host_memory", "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\n"),
    ("cpu allocator", "host_memory", traced("RuntimeError: [enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate 68719476736 bytes. Error code 12 (Cannot allocate memory)")),
    ("numpy", "host_memory", traced("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 96.0 GiB for an array with shape (1000, 12884901) and data type float64")),
    ("bare memory error", "host_memory", traced("MemoryError")),
    ("ray's memory monitor", "host_memory", "ray.exceptions.OutOfMemoryError: Task was killed due to the node running low on memory."),
    ("fork", "host_memory", traced("OSError: [Errno 12] Cannot allocate memory", source="pid = os.fork()")),
    # ---------------------------------------------------------------- GPU faults
    ("illegal access", "gpu_fault", traced("RuntimeError: CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.")),
    ("device assert", "gpu_fault", "../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: [4,0,0] Assertion `t >= 0 && t < n_classes` failed.\n" + traced("RuntimeError: CUDA error: device-side assert triggered")),
    ("launch failure", "gpu_fault", "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: unspecified launch failure\n"),
    ("ecc", "gpu_fault", traced("RuntimeError: CUDA error: uncorrectable ECC error encountered")),
    ("xid 79", "gpu_fault", "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."),
    ("xid 48", "gpu_fault", "[ 112.331] NVRM: Xid (PCI:0000:86:00): 48, pid=1234, name=python, An uncorrectable double bit error (DBE) has been detected on GPU"),
    ("cudnn", "gpu_fault", traced("RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")),
    ("cublas", "gpu_fault", traced("RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx( handle, opa, opb, m, n, k)`")),
    ("jax illegal address", "gpu_fault", "jaxlib.xla_extension.XlaRuntimeError: INTERNAL: Failed to synchronize GPU stream: CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"),
    ("amd", "gpu_fault", "Memory access fault by GPU node-4 (Agent handle: 0x55a) on address 0x7f1. Reason: Page not present or supervisor privilege."),
    ("watchdog sees it", "gpu_fault", "[rank2]:[E ProcessGroupNCCL.cpp:1600] [PG 0 Rank 2] Process group watchdog thread terminated with exception: CUDA error: an illegal memory access was encountered"),
    # ---------------------------------------------------------------- collectives
    ("nccl timeout", "collective", STEPS + "[rank1]:[E ProcessGroupNCCL.cpp:563] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=71, OpType=ALLGATHER, NumelIn=1, NumelOut=8, Timeout(ms)=600000) ran for 600021 milliseconds before timing out.\n"),
    ("nccl error", "collective", traced("torch.distributed.DistBackendError: NCCL error in: /src/ProcessGroupNCCL.cpp:1970, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.21.5")),
    ("remote exited", "collective", traced("torch.distributed.DistBackendError: NCCL error in: a.cpp:3, remote process exited or there was a network error, NCCL version 2.20.5\nncclRemoteError: A call failed possibly due to a network error or a remote process exiting prematurely.")),
    ("socket closed", "collective", "gpu7:91:140 [3] misc/socket.cc:58 NCCL WARN socketProgress: Connection closed by remote peer node2<41234>"),
    ("infiniband", "collective", "gpu7:91:140 [3] transport/net_ib.cc:1295 NCCL WARN NET/IB : Got completion from peer 10.0.0.2<3341> with error 12, opcode 0, len 0, vendor err 129 (Recv)"),
    ("watchdog stuck", "collective", "[rank0]:[F ProcessGroupNCCL.cpp:1394] [PG 0 Rank 0] ProcessGroupNCCL's watchdog got stuck for 480 seconds without making progress in monitoring enqueued collectives."),
    ("dump signal only", "collective", "[rank6]:[E ProcessGroupNCCL.cpp:1484] Received a dump signal due to a collective timeout from rank 2 and we will try our best to dump the debug info."),
    ("gloo", "collective", traced("RuntimeError: [../third_party/gloo/gloo/transport/tcp/pair.cc:525] Connection closed by peer [10.1.0.4]:31021")),
    ("horovod", "collective", traced("horovod.common.exceptions.HorovodInternalError: Horovod has been shut down. This was caused by an exception on one of the ranks")),
    ("ascend", "collective", traced("RuntimeError: [ERROR] 2026-01-01-10:00:00 (PID:1, Device:0, RankID:0) ERR02005 DIST internal error")),
    ("monitored barrier", "collective", traced("RuntimeError: Rank 3 failed to pass monitoredBarrier in 1800000 ms")),
    ("collective mismatch", "collective", traced("RuntimeError: Detected mismatch between collectives on ranks. Rank 0 is running collective: CollectiveFingerPrint(SequenceNumber=4")),
    # ---------------------------------------------------------------- storage
    ("disk full", "storage", traced("OSError: [Errno 28] No space left on device", function="save", source="torch.save(state, path)")),
    ("quota", "storage", traced("OSError: [Errno 122] Disk quota exceeded: '/home/u/.cache/x'")),
    ("writer failed", "storage", traced("RuntimeError: [enforce fail at inline_container.cc:603] . PytorchStreamWriter failed writing file data/17: file write failed")),
    ("write failed", "storage", traced("RuntimeError: write(): fd 41 failed with No such device")),
    ("io error", "storage", traced("OSError: [Errno 5] Input/output error: '/mnt/ckpt/step-200'")),
    ("stale handle", "storage", traced("OSError: [Errno 116] Stale file handle: '/lustre/run/x.pt'")),
    ("truncated checkpoint", "storage", traced("RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory")),
    ("safetensors", "storage", traced("safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge")),
    ("pickle", "storage", traced("_pickle.UnpicklingError: invalid load key, 'v'.")),
    ("read only", "storage", "EXT4-fs (nvme0n1p1): Remounting filesystem read-only"),
    ("nvme", "storage", "nvme nvme1: I/O 231 QID 7 timeout, reset controller"),
    ("object store", "storage", traced("botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied")),
    ("ephemeral storage", "storage", "Pod was evicted: Pod ephemeral local storage usage exceeds the total limit of containers 100Gi."),
    # ---------------------------------------------------------------- data
    ("worker exception", "data", traced("KeyError: Caught KeyError in DataLoader worker process 2.\nOriginal Traceback (most recent call last):\n  File \"/app/data.py\", line 9, in __getitem__\n    return row['text']\nKeyError: 'text'")),
    ("broken image", "data", traced("PIL.UnidentifiedImageError: cannot identify image file '/data/train/1.jpg'", file="dataset", function="__getitem__")),
    ("datasets", "data", traced("datasets.exceptions.DatasetGenerationError: An error occurred while generating the dataset")),
    ("missing shard", "data", traced("FileNotFoundError: [Errno 2] No such file or directory: '/data/shards/train-0007.tar'")),
    ("arrow", "data", traced("pyarrow.lib.ArrowInvalid: Could not open Parquet input source '<Buffer>': Parquet magic bytes not found in footer.")),
    ("json", "data", traced("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", file="data_loading", function="read_row")),
    ("dali", "data", traced("RuntimeError: Critical error in pipeline:\nError when executing CPU operator readers__File encountered:", file="dali_pipe", function="run")),
    ("hdf5", "data", traced("OSError: Unable to synchronously open file (truncated file: eof = 96, sblock->base_addr = 0)", file="h5_data", function="open_file")),
    # ---------------------------------------------------------------- numerics
    ("nan from trainer", "numerics", "".join(f"{{'loss': nan, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.{n}}}\n" for n in range(10, 16))),
    ("zero after nan", "numerics", "{'loss': 1.9, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.1}\n{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.2}\n{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-05, 'epoch': 0.3}\n"),
    ("plain nan", "numerics", STEPS + "".join(f"step {n} loss nan lr 1e-4\n" for n in range(40, 46))),
    ("keras nan", "numerics", "Epoch 1/5\n" + "\r".join(f"{n}/400 [=====>......] - ETA: 10s - loss: nan - accuracy: 0.1" for n in range(1, 9)) + "\n"),
    ("megatron inf", "numerics", "".join(f" iteration {n:8d}/  500000 | consumed samples: {n} | elapsed time per iteration (ms): 4000.0 | learning rate: 1.0E-04 | global batch size: 8 | lm loss: nan | loss scale: 1.0 | grad norm: inf | number of skipped iterations: 0 | number of nan iterations: 0 |\n" for n in range(500, 504))),
    ("megatron counts nan", "numerics", " iteration 600/ 5000 | learning rate: 1.0E-04 | loss scale: 1.0 | number of skipped iterations:   0 | number of nan iterations:   7 |"),
    ("megatron names the rank", "numerics", "Rank 37, node gpu-19, device 5, iteration 8812: Unexpected result nan (message='found NaN in local grad norm for bucket #2')"),
    ("scale floor", "numerics", traced("Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run.")),
    ("fairseq floor", "numerics", traced("FloatingPointError: Minimum loss scale reached (0.0001). Your loss is probably exploding.")),
    ("clip", "numerics", traced("RuntimeError: The total norm of order 2.0 for gradients from `parameters` is non-finite, so it cannot be clipped.")),
    ("own check", "numerics", STEPS + "Loss is nan, stopping training\n"),
    ("anomaly mode", "numerics", traced("RuntimeError: Function 'LogSoftmaxBackward0' returned nan values in its 0th output.")),
    ("jax nans", "numerics", traced("FloatingPointError: invalid value (nan) encountered in jit(train_step)")),
    ("blown up", "numerics", STEPS + "".join(f"step {n} loss {9 + n % 3} lr 1e-4\n" for n in range(40, 80))),
    ("sampling", "numerics", traced("RuntimeError: probability tensor contains either `inf`, `nan` or element < 0")),
    # ---------------------------------------------------------------- hang
    ("kernel hung task", "hang", "INFO: task python3:4410 blocked for more than 122 seconds."),
    ("soft lockup", "hang", "watchdog: BUG: soft lockup - CPU#11 stuck for 22s! [python:4410]"),
    ("no progress in the log's own time", "hang", "".join(f"2026-01-01 10:{n:02d}:00 step {n} loss 2.1\n" for n in range(20)) + "".join(f"2026-01-01 1{1 + n // 6}:{n % 6}0:00 heartbeat ok\n" for n in range(12))),
    ("pulses count the time", "hang", "".join(f" iteration {n:8d}/ 90000 | elapsed time per iteration (ms): 60000.0 | lm loss: 2.5E+00 | grad norm: 0.1 |\n" for n in range(100, 130)) + "watchman: job still running for 3:10:00\nwatchman: job still running for 4:10:00\nwatchman: job still running for 5:10:00\n"),
    # ---------------------------------------------------------------- launch
    ("rendezvous", "launch", traced("torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect to (10.0.0.1, 29500).")),
    ("rendezvous clients", "launch", traced("torch.distributed.DistStoreError: Timed out after 901 seconds waiting for clients. 3/4 clients joined.")),
    ("port", "launch", traced("torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE")),
    ("no gpu", "launch", traced("RuntimeError: No CUDA GPUs are available")),
    ("cpu build", "launch", traced("AssertionError: Torch not compiled with CUDA enabled")),
    ("missing module", "launch", traced("ModuleNotFoundError: No module named 'flash_attn'", source="import flash_attn")),
    ("broken build", "launch", traced("ImportError: /opt/x/flash.so: undefined symbol: _ZN3c104cuda9SetDeviceEi", source="import flash")),
    ("arguments", "launch", "usage: train.py [-h] --model MODEL\ntrain.py: error: unrecognized arguments: --learning-rte 1e-4"),
    ("hydra", "launch", "Could not override 'trainer.max_stepss'.\nKey 'max_stepss' is not in struct"),
    ("gated", "launch", traced("OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/x/y.")),
    ("unknown model", "launch", traced("OSError: meta-lama/x is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'")),
    ("no hub", "launch", traced("OSError: We couldn't connect to 'https://huggingface.co' to load the files")),
    ("image", "launch", "Warning  Failed  kubelet  Failed to pull image \"x/y:z\": ErrImagePull"),
    ("mpi", "launch", "*** An error occurred in MPI_Init\n*** on a NULL communicator\n*** MPI_ERRORS_ARE_FATAL (processes in this communicator will now abort)"),
    ("no such script", "launch", "python: can't open file '/app/trian.py': [Errno 2] No such file or directory"),
    # ---------------------------------------------------------------- scheduler
    ("time limit", "scheduler", STEPS + "slurmstepd: error: *** JOB 771 ON n1 CANCELLED AT 2026-01-05T10:00:00 DUE TO TIME LIMIT ***\nsrun: Job step aborted: Waiting up to 32 seconds for job step to finish.\n"),
    ("node failure", "scheduler", STEPS + "slurmstepd: error: *** JOB 771 ON n1 CANCELLED AT 2026-01-05T10:00:00 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n"),
    ("preempted", "scheduler", STEPS + "slurmstepd: error: *** JOB 771 ON n1 CANCELLED AT 2026-01-05T10:00:00 DUE TO PREEMPTION ***\n"),
    ("ray node", "scheduler", "ray.exceptions.ActorDiedError: The actor died because its node has died. Node Id: 5b"),
    # ---------------------------------------------------------------- code
    ("plain exception", "code", STEPS + traced("AttributeError: 'NoneType' object has no attribute 'shape'")),
    ("shape", "code", traced("RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x512 and 768x10)")),
    ("devices", "code", traced("RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!")),
    ("state dict", "code", traced("RuntimeError: Error(s) in loading state_dict for Net:\n\tsize mismatch for head.weight: copying a param with shape torch.Size([10]) from checkpoint")),
    ("unused parameters", "code", traced("RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one.")),
    ("models differ", "code", traced("RuntimeError: DDP expects same model across all ranks, but Rank 0 has 290 params, while rank 1 has inconsistent 0 params.")),
    ("segmentation fault", "code", STEPS + "Fatal Python error: Segmentation fault\n\nCurrent thread 0x00007f (most recent call first):\n  File \"/app/ops.py\", line 3 in call\n"),
    ("srun segfault", "code", "srun: error: node3: task 5: Segmentation fault (core dumped)"),
    ("abort", "code", "terminate called after throwing an instance of 'std::runtime_error'\n  what():  bad shape\nAborted (core dumped)\n"),
    ("torchrun table alone", "code", "============\ntrain.py FAILED\n------------\nRoot Cause (first observed failure):\n[0]:\n  time      : 2026-01-01_10:00:00\n  rank      : 3 (local_rank: 3)\n  exitcode  : 1 (pid: 99)\n  error_file: <N/A>\n"),
    ("deepspeed exit", "code", "[2026-01-01 10:00:00,000] [ERROR] [launch.py:322:sigkill_handler] ['python', 'x.py'] exits with return code = 1"),
    ("rich traceback", "code", "╭──────── Traceback (most recent call last) ────────╮\n│ /app/train.py:31 in main                          │\n│ /app/model.py:12 in forward                       │\n╰───────────────────────────────────────────────────╯\nTypeError: forward() missing 1 required positional argument: 'mask'\n"),
    ("dynamo", "code", traced("torch._dynamo.exc.InternalTorchDynamoError: TypeError: unhashable type: 'list'")),
    ("kernel resources", "code", traced("triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 163840, Hardware limit: 101376.")),
    ("assertion", "code", "3: [rank3]: Traceback (most recent call last):\n3: [rank3]:   File \"/app/x.py\", line 2, in check\n3: [rank3]:     assert n % k == 0\n3: [rank3]:            ^^^^^^^^^^\n3: [rank3]: AssertionError\n"),
]  # fmt: skip
