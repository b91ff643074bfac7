# ruff: noqa: E501, S108 - log lines are long, and name folders
"""Collectives, GPU faults, storage, data, network, stops and loss."""

from tests.unit.diagnosis.hints.cases.case import SAVED, SERVED, STEPS, HintCase, in_library, raised

WATCHDOG = "[rank5]:[E1112 10:00:00 ProcessGroupNCCL.cpp:616] [Rank 5] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4411, OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000) ran for 600032 milliseconds before timing out.\n"

CASES = [
    # ---------------------------------------------------------------------------------------------------- collectives
    HintCase("a collective", STEPS + WATCHDOG, "allreduce|timed out|600000 ms|py-spy", "batch size"),
    HintCase("a barrier", STEPS + "RuntimeError: Rank 3 failed to pass monitoredBarrier in 30000 ms\n", "rank 3|barrier", "memory"),
    HintCase("NCCL without room in shared memory", STEPS + "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled system error, NCCL version 2.21.5\nLast error:\nError while creating shared memory segment /dev/shm/nccl-x (size 9637888): No space left on device\n", "/dev/shm|--shm-size"),
    HintCase("two ranks on one GPU", "torch.distributed.DistBackendError: NCCL error in: x.cpp:1, invalid usage, NCCL version 2.21.5\nDuplicate GPU detected : rank 1 and rank 0 both on CUDA device 1b000\n", "gpu", "network"),
    HintCase("a peer that ended", STEPS + "node3:55:991 [2] include/socket.h:566 NCCL WARN Net : Connection closed by remote peer node7<45210>\n", "peer that ended first"),
    HintCase("a link", STEPS + "node3:55:991 [2] NCCL WARN NET/IB : Got completion from peer 10.0.4.17<45210> with status=12 opcode=0 len=0 vendor err 129 (Send) localGid :: mlx5_3\n", "infiniband|10.0.4.17", "batch size"),
    HintCase("a master that does not answer", raised("torch.distributed.DistNetworkError: The client socket has timed out after 600000ms while trying to connect to (node-0.train, 29500)."), "node-0.train|29500|master_addr", "memory"),
    HintCase("ranks that are missing", raised("torch.distributed.DistStoreError: Timed out after 901 seconds waiting for clients. 6/8 clients joined."), "6 of 8"),
    HintCase("a port", "[W socket.cpp:426] [c10d] The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).\nRuntimeError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: true, code: -98, name: EADDRINUSE, message: address already in use\n", "29500|port"),
    HintCase(
        "Horovod",
        STEPS + 2 * "[0]<stderr>:horovod/common/stall_inspector.cc:92] Stalled ranks: 6. One or more ranks stalled for longer than 600 seconds. Will shutdown.\n",
        "rank 6|stall",
    ),
    HintCase("a JAX task", STEPS + "E0711 coordination_service_agent.cc:315] Task /job:jax_worker/replica:0/task:5 heartbeat timeout: tasks are unhealthy\n", "task 5|host"),
    # ----------------------------------------------------------------------------------------------------- GPU faults
    HintCase("a label on the GPU", STEPS + "../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: [4,0,0] Assertion `t >= 0 && t < n_classes` failed.\n", "labels|classes", "out of memory"),
    HintCase("a token id on the GPU", STEPS + "../aten/src/ATen/native/cuda/Indexing.cu:1308: indexSelectLargeIndex: block: [40,0,0], thread: [0,0,0] Assertion `srcIndex < srcSelectDimSize` failed.\n", "token ids|vocabulary"),
    HintCase("an assertion without its source", STEPS + raised("RuntimeError: CUDA error: device-side assert triggered"), "index out of range|cuda_launch_blocking"),
    HintCase("a fault in training", STEPS + raised("RuntimeError: CUDA error: an illegal memory access was encountered"), "cuda_launch_blocking|kernel", "--enforce-eager"),
    HintCase("a fault in a server", SERVED + in_library("RuntimeError: CUDA error: an illegal memory access was encountered", "vllm/x.py"), "illegal memory access|--enforce-eager", "token"),
    HintCase("a GPU off the bus", STEPS + "NVRM: Xid (PCI:0000:5e:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.\n", "0000:5e:00|xid 79|drain", "batch size"),
    HintCase("an ECC error", STEPS + "NVRM: Xid (PCI:0000:5e:00): 48, pid=991, DBE (double bit error) ECC Error\n", "0000:5e:00|ecc|drain", "learning rate"),
    HintCase("a driver that is too old", raised("RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver"), "driver|11040", "memory"),
    HintCase("torch without CUDA", raised("AssertionError: Torch not compiled with CUDA enabled"), "cpu only|build"),
    HintCase("a checkpoint of a GPU on a CPU", raised("RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False."), "map_location"),
    HintCase("a device number", raised("RuntimeError: CUDA error: invalid device ordinal"), "nproc_per_node|local_rank"),
    HintCase("a kernel's shared memory", STEPS + raised("triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 262144, Hardware limit: 232448. Reducing block sizes or `num_stages` may help."), "262144|232448|num_stages", "/dev/shm"),
    HintCase("no compiler", raised("OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root."), "nvcc|devel"),
    HintCase("torch.compile", STEPS + raised("torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised: AssertionError"), "torch.compile"),
    # -------------------------------------------------------------------------------------------------------- storage
    HintCase("a disk of checkpoints", SAVED + raised("OSError: [Errno 28] No space left on device: '/ckpt/run/step_40/model.pt'"), "/ckpt/run/step_40/model.pt|step 30", "/dev/shm"),
    HintCase("a disk without a checkpoint", STEPS + raised("OSError: [Errno 28] No space left on device: '/scratch/out/model.pt'"), "/scratch/out/model.pt", "resume|/dev/shm"),
    HintCase("a cache", raised("OSError: [Errno 28] No space left on device: '/root/.cache/huggingface/hub/x.safetensors'"), "hf_home|/root/.cache/huggingface"),
    HintCase("shared memory that is full", STEPS + raised("OSError: [Errno 28] No space left on device: '/dev/shm/torch_1_2'"), "/dev/shm|--shm-size", "checkpoint"),
    HintCase("a quota", STEPS + raised("OSError: [Errno 122] Disk quota exceeded: '/home/ada/run/model.pt'"), "quota|/home/ada/run/model.pt"),
    HintCase("a stale handle", STEPS + raised("OSError: [Errno 116] Stale file handle: '/nfs/data/shard-3.bin'"), "/nfs/data/shard-3.bin|mount"),
    HintCase("a read-only disk", STEPS + raised("OSError: [Errno 30] Read-only file system: '/data/out'"), "writ"),
    HintCase("a truncated checkpoint", raised("RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory: /ckpt/step_40/model.pt"), "/ckpt/step_40/model.pt|truncated"),
    HintCase("a pointer of Git LFS", raised("_pickle.UnpicklingError: invalid load key, 'v'."), "lfs|download"),
    HintCase("safetensors", in_library("safetensors_rust.SafetensorError: Error while deserializing header: MetadataIncompleteBuffer", "transformers/m.py"), "download|incomplete"),
    HintCase("permission", raised("PermissionError: [Errno 13] Permission denied: '/nas/ckpt/actor'"), "permission|/nas/ckpt/actor"),
    # ----------------------------------------------------------------------------------------------------------- data
    HintCase("a file of data", STEPS + raised("FileNotFoundError: [Errno 2] No such file or directory: '/data/train-0007.jsonl'"), "/data/train-0007.jsonl|every node"),
    HintCase("another file", STEPS + raised("FileNotFoundError: [Errno 2] No such file or directory: '/data/vocab'"), "/data/vocab"),
    HintCase("a settings file", raised("FileNotFoundError: [Errno 2] No such file or directory: 'conf/ds.json'"), "conf/ds.json|working directory"),
    HintCase("JSON", STEPS + raised("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)"), "line 1|json"),
    HintCase("an encoding", STEPS + raised("UnicodeDecodeError: 'utf-8' codec can't decode byte 0x8b in position 1: invalid start byte"), "utf-8|0x8b|gzip"),
    HintCase("an image", STEPS + raised("PIL.UnidentifiedImageError: cannot identify image file '/data/img/0012.jpg'"), "/data/img/0012.jpg|damaged"),
    HintCase("a record of TensorFlow", STEPS + in_library("tensorflow.python.framework.errors_impl.DataLossError: truncated record at 88127311 [Op:IteratorGetNext]", "tf/x.py"), "tfrecord|truncated", "previous checkpoint"),
    HintCase("an empty dataset", raised("ValueError: num_samples should be a positive integer value, but got num_samples=0"), "path|empty"),
    # -------------------------------------------------------------------------------------------------------- network
    HintCase("a gated model", in_library("OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/meta-llama/Llama-3.1-8B.", "transformers/hub.py"), "licence|hf_token", "memory"),
    HintCase("no token", in_library("huggingface_hub.errors.HfHubHTTPError: 401 Client Error: Unauthorized for url: https://huggingface.co/api/models/x", "hub/x.py"), "token|401"),
    HintCase("a name that is not on the hub", in_library("OSError: org/modl-7b is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'", "transformers/hub.py"), "org/modl-7b|path"),
    HintCase("no DNS", in_library("socket.gaierror: [Errno -3] Temporary failure in name resolution", "urllib3/c.py"), "dns|hf_hub_offline", "memory"),
    HintCase("a certificate", in_library("requests.exceptions.SSLError: HTTPSConnectionPool(host='huggingface.co', port=443): Max retries exceeded (Caused by SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]')))", "requests/a.py"), "certificate"),
    HintCase("a rate limit", in_library("huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api", "hub/x.py"), "429|cache", "licence"),
    HintCase("credentials that expired", STEPS + in_library("botocore.exceptions.ClientError: An error occurred (ExpiredToken) when calling the PutObject operation: The provided token has expired.", "boto/c.py"), "expired|credentials"),
    HintCase("a bucket that throttles", STEPS + in_library("botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the GetObject operation: Please reduce your request rate.", "boto/c.py"), "rate"),
    HintCase("a bucket without access", STEPS + in_library("botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the PutObject operation: Access Denied", "boto/c.py"), "access|403"),
    # ------------------------------------------------------------------------------------------------ stops and limits
    HintCase("a time limit with a checkpoint", SAVED + "slurmstepd: error: *** JOB 991 ON node3 CANCELLED AT 2026-02-03T04:05:06 DUE TO TIME LIMIT ***\n", "requeue|step 30"),
    HintCase("a time limit without one", STEPS + "slurmstepd: error: *** JOB 991 ON node3 CANCELLED AT 2026-02-03T04:05:06 DUE TO TIME LIMIT ***\n", "--time|checkpoint", "requeue from"),
    HintCase("Ctrl-C with a checkpoint", SAVED + raised("KeyboardInterrupt"), "resume from step 30"),
    HintCase("Ctrl-C without one", STEPS + raised("KeyboardInterrupt"), "no checkpoint", "resume"),
    HintCase("SIGTERM without a checkpoint", STEPS + "Main process received SIGTERM, exiting\n", "sigterm|no checkpoint", "resume"),
    HintCase("a node", STEPS + "slurmstepd: error: *** JOB 991 ON node17 CANCELLED AT 2026-02-03T04:05:06 DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS ***\n", "node", "batch size"),
    # ----------------------------------------------------------------------------------------------------------- loss
    HintCase("NaN with a checkpoint", SAVED + raised("ValueError: loss is nan, stopping training"), "learning rate|before step 30", "out of memory"),
    HintCase("NaN without one", STEPS + raised("ValueError: loss is nan, stopping training"), "learning rate|no checkpoint", "restart from"),
    HintCase("NaN from the start", raised("ValueError: loss is nan, stopping training"), "first batch|learning rate"),
    HintCase("a loss scale", STEPS + raised("Exception: Current loss scale already at minimum - cannot decrease scale anymore. Exiting run."), "bfloat16|loss scale", "batch size"),
    HintCase("a policy", STEPS + in_library("ValueError: Expected parameter loc (Tensor of shape (64, 2)) of distribution Normal(loc: torch.Size([64, 2])) to satisfy the constraint Real(), but found invalid values:", "torch/d.py"), "vecnormalize|nan"),
]  # fmt: skip
