# ruff: noqa: E501 - log lines are long
"""Failures before the first step, of storage and of devices, whose wording or place misleads."""

from tests.unit.diagnosis.kinds.case import STEPS, Case, library

CASES = [
    # ---------------------------------------------------------------- a folder that does not exist
    Case(
        "torch.save",
        STEPS + library("RuntimeError: Parent directory out/run7 does not exist.", "torch/serialization.py"),
        "page",
        "storage",
        "Parent directory",
        hint="Create",
    ),
    Case(
        "h5py",
        STEPS
        + library(
            "OSError: [Errno 2] Unable to create file (unable to open file: name = 'out/w.h5', errno = 2, error message = 'No such file or directory')",
            "h5py/_hl/files.py",
        ),
        "page",
        "storage",
        hint="Create",
    ),
    Case(
        "safetensors",
        STEPS
        + library(
            'safetensors_rust.SafetensorError: Error while serializing: IoError(Os { code: 2, kind: NotFound, message: "No such file or directory" })',
            "safetensors/torch.py",
        ),
        "page",
        "storage",
        hint="Create",
    ),
    Case(
        "a stream that broke while saving",
        STEPS + library("RuntimeError: basic_ios::clear: iostream error", "torch/serialization.py"),
        "page",
        "storage",
    ),
    Case(
        "a writer that lost its disk",
        STEPS
        + library(
            "RuntimeError: [enforce fail at inline_container.cc:595] . unexpected pos 128 vs 22",
            "torch/serialization.py",
        ),
        "page",
        "storage",
    ),
    # ---------------------------------------------------------------- out of memory behind other words
    Case(
        "nccl's warning",
        "n4:71:80 [3] misc/alloc.cc:92 NCCL WARN Cuda failure 2 'out of memory'\nn4:71:80 [3] NCCL INFO transport/net.cc:9 -> 1\n"
        + library("torch.distributed.DistBackendError: NCCL error in: x.cpp:9, unhandled cuda error"),
        "page",
        "gpu_memory",
        "out of memory",
        (3,),
    ),
    Case(
        "rccl's warning",
        "n4:71:80 [6] /src/include/alloc.h:30 NCCL WARN HIP failure 'out of memory'\nn4:71:80 [6] NCCL WARN Cuda failure 'out of memory'\n",
        "page",
        "gpu_memory",
        "Cuda failure",
        (6,),
    ),
    Case(
        "xgboost",
        STEPS
        + library(
            "xgboost.core.XGBoostError: [07:00:00] src/common/device_vector.cu:9: Memory allocation error on worker 0: std::bad_alloc: cudaErrorMemoryAllocation: out of memory"
        ),
        "page",
        "gpu_memory",
        hint="rows",
    ),
    Case(
        "catboost",
        STEPS + library("_catboost.CatBoostError: catboost/cuda/cuda_lib/cuda_base.h:281: CUDA error 2: out of memory"),
        "page",
        "gpu_memory",
        hint="rows",
    ),
    # ---------------------------------------------------------------- a file's name is not evidence
    Case(
        "builds of torch and torchvision",
        library(
            "RuntimeError: Detected that PyTorch and torchvision were compiled with different CUDA major versions.",
            "torchvision/extension.py",
        ).replace("fit.py", "dataset.py"),
        "page",
        "launch",
    ),
    Case(
        "builds of numpy",
        library(
            "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject",
            "sklearn/__init__.py",
        ).replace("fit.py", "data_loader.py"),
        "page",
        "launch",
    ),
    Case(
        "an extension for another CUDA",
        library(
            "RuntimeError: The detected CUDA version (11.8) mismatches the version that was used to compile PyTorch (12.4).",
            "torch/utils/cpp_extension.py",
        ),
        "page",
        "launch",
    ),
    Case(
        "no kernel for this GPU",
        library("RuntimeError: CUDA error: no kernel image is available for execution on the device"),
        "page",
        "launch",
    ),
    Case(
        "an optimizer called from a file named data",
        library("RuntimeError: the learning rate schedule has ended", "torch/optim/lr_scheduler.py").replace(
            "fit.py", "data.py"
        ),
        "page",
        "code",
    ),
    Case(
        "a model called from a file named checkpoint",
        library("RuntimeError: the head has 7 classes", "timm/models/vit.py").replace(
            "fit.py", "checkpointed_dataset.py"
        ),
        "page",
        "code",
    ),
    Case(
        "a row that is missing in a file named data",
        'Traceback (most recent call last):\n  File "/work/data.py", line 9, in __getitem__\n    return self.rows[n]\nIndexError: list index out of range\n',
        "page",
        "data",
    ),
    Case(
        "settings in a folder named training",
        library("FileNotFoundError: [Errno 2] No such file or directory: '/work/training/run.yaml'"),
        "page",
        "launch",
        hint="path",
    ),
    Case(
        "a configuration beside images",
        library("FileNotFoundError: [Errno 2] No such file or directory: 'image_models/config.json'"),
        "page",
        "launch",
        hint="path",
    ),
    Case(
        "a script in a folder named data",
        library("FileNotFoundError: [Errno 2] No such file or directory: '/data/tools/token_count.py'"),
        "page",
        "launch",
        hint="path",
    ),
    Case(
        "a shard",
        library("FileNotFoundError: [Errno 2] No such file or directory: '/mnt/x/part-0007.parquet'"),
        "page",
        "data",
        hint="file",
    ),
    # ---------------------------------------------------------------- more GPUs than there are
    Case(
        "vllm's placement group",
        "WARNING 03-02 07:00:00 [ray_utils.py:300] The number of required GPUs exceeds the total number of available GPUs in the placement group.\n*** SIGTERM received at time=1772000000 on cpu 1 ***\n"
        + library("asyncio.exceptions.CancelledError"),
        "page",
        "launch",
        "required GPUs",
    ),
    Case(
        "lightning's list of GPUs",
        library(
            "lightning.fabric.utilities.exceptions.MisconfigurationException: You requested gpu: [0, 1, 2, 3]\n But your machine only has: [0, 1]"
        ),
        "page",
        "launch",
        "You requested gpu",
    ),
    Case(
        "tensor parallel size",
        library("ValueError: The tensor parallel size (8) is larger than the number of available GPUs (4)."),
        "page",
        "launch",
    ),
    Case("a device that is not there", library("RuntimeError: CUDA error: invalid device ordinal"), "page", "launch"),
    # ---------------------------------------------------------------- a device that another process holds
    Case(
        "libtpu",
        library(
            "RuntimeError: Unable to initialize backend 'tpu': ABORTED: The TPU is already in use by process with pid 311."
        ),
        "page",
        "launch",
        hint="End the process",
    ),
    Case(
        "exclusive mode of CUDA",
        library("RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable"),
        "page",
        "launch",
        hint="End the process",
    ),
    Case(
        "a lock file of libtpu",
        library(
            'RuntimeError: Internal error when accessing libtpu multi-process lockfile. Run "rm /tmp/libtpu_lockfile".'
        ),
        "page",
        "launch",
    ),
    # ---------------------------------------------------------------- libraries
    Case(
        "cudnn",
        "Could not load library libcudnn_cnn_train.so.8. Error: libcudnn_cnn_train.so.8: cannot open shared object file: No such file or directory\nAborted (core dumped)\n",
        "page",
        "launch",
        "libcudnn_cnn_train",
    ),
    Case(
        "nvrtc",
        "nvrtc: error: failed to open libnvrtc-builtins.so.12.4: cannot open shared object file: No such file or directory\nfit.sh: line 3: 8 Aborted (core dumped)\n",
        "page",
        "launch",
    ),
    Case(
        "a loader of the system",
        "python: error while loading shared libraries: libmpi.so.40: cannot open shared object file: No such file or directory\n",
        "page",
        "launch",
    ),
    # ---------------------------------------------------------------- ranks
    Case(
        "monitored barrier of several ranks",
        STEPS + library("RuntimeError: [Rank 0]: Ranks 2, 7 failed to pass monitoredBarrier in 600000 ms"),
        "page",
        "collective",
        "monitoredBarrier",
        (2, 7),
    ),
    Case(
        "monitored barrier of one rank",
        STEPS + library("RuntimeError: [Rank 0]: Rank 6 failed to pass monitoredBarrier in 600000 ms"),
        "page",
        "collective",
        "monitoredBarrier",
        (6,),
    ),
    Case(
        "three ranks",
        STEPS
        + library(
            "RuntimeError: Ranks 1, 4, 5 did not join the collective; Ranks 1, 4, 5 failed to pass monitoredBarrier in 600000 ms"
        ),
        "page",
        "collective",
        "",
        (1, 4, 5),
    ),
    # ---------------------------------------------------------------- numerics in words
    *(
        Case(f"{error}", STEPS + library(f"ValueError: {error}"), "page", "numerics")
        for error in (
            "The loss returned in `training_step` is nan.",
            "gradients of layer 3 contain inf",
            "log_probs became NaN after the update",
            "Loss turned infinite",
            "grad norm is not finite",
        )
    ),
    # ---------------------------------------------------------------- AMD
    Case(
        "an aperture violation",
        STEPS
        + ":0:rocdevice.cpp            :2780: 90: Callback: Queue 0x7f aborting with error : HSA_STATUS_ERROR_EXCEPTION: An HSAIL operation resulted in a hardware exception. code: 0x1016\n",
        "page",
        "gpu_fault",
        hint="AMD_SERIALIZE_KERNEL",
    ),
    Case(
        "a page fault",
        STEPS + "Memory access fault by GPU node-2 (Agent handle: 0x9) on address 0x7f. Reason: Unknown.\n",
        "page",
        "gpu_fault",
        hint="AMD_SERIALIZE_KERNEL",
    ),
    Case(
        "the kernel's driver",
        STEPS + "[127.9] amdgpu 0000:c5:00.0: amdgpu: GPU reset begin!\n",
        "page",
        "gpu_fault",
        hint="AMD_SERIALIZE_KERNEL",
    ),
    # ---------------------------------------------------------------- kernels
    Case(
        "triton",
        STEPS
        + library(
            "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 147456, Hardware limit: 101376. Reducing block sizes or `num_stages` may help.",
            "triton/compiler/compiler.py",
        ),
        "page",
        "code",
        hint="block sizes",
    ),
    Case(
        "registers",
        STEPS + library("RuntimeError: CUDA error: too many resources requested for launch"),
        "page",
        "code",
        hint="block sizes",
    ),
    Case(
        "ptxas",
        STEPS
        + "ptxas error   : Entry function 'fused' uses too much shared data (0x20000 bytes, 0xc000 max)\n"
        + library("RuntimeError: ptxas failed"),
        "page",
        "code",
        "uses too much",
        hint="block sizes",
    ),
    # ---------------------------------------------------------------- rate limits
    Case(
        "the hub",
        library(
            "huggingface_hub.errors.HfHubHTTPError: 429 Client Error: Too Many Requests for url: https://huggingface.co/api/models/o/m"
        ),
        "page",
        "storage",
        hint="HF_HUB_OFFLINE",
    ),
    Case(
        "an API",
        library("openai.RateLimitError: Error code: 429 - {'error': {'message': 'Rate limit reached'}}"),
        "page",
        "storage",
    ),
    Case(
        "a cloud",
        library("botocore.errorfactory.TooManyRequestsException: An error occurred (TooManyRequestsException)"),
        "page",
        "storage",
    ),
]
