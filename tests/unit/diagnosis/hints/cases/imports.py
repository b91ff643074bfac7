# ruff: noqa: E501 - log lines are long
"""Modules, names, libraries and versions."""

from tests.unit.diagnosis.hints.cases.case import HintCase, in_library, raised

SITE = "/opt/env/lib/python3.11/site-packages"

CASES = [
    HintCase("a missing package", raised("ModuleNotFoundError: No module named 'liger_kernel'", "import liger_kernel"), "install|module liger_kernel", "rebuild|memory"),
    HintCase("a package with another name", raised("ModuleNotFoundError: No module named 'cv2'", "import cv2"), "opencv-python-headless|cv2"),
    HintCase("a module of the project", raised("ModuleNotFoundError: No module named 'utils'", "from utils import seed"), "pythonpath|utils", "pypi"),
    HintCase("a module that Python 3.12 removed", raised("ModuleNotFoundError: No module named 'distutils'", "import distutils"), "3.12|setuptools"),
    HintCase("pkg_resources", raised("ModuleNotFoundError: No module named 'pkg_resources'"), "setuptools"),
    HintCase("a pickle of NumPy 2", raised("ModuleNotFoundError: No module named 'numpy._core'"), "numpy 2"),
    HintCase("a module of another release", in_library("ModuleNotFoundError: No module named 'transformers.models.qwen3'", "axo/load.py"), "match the versions|transformers.models.qwen3"),
    HintCase("a module that torchvision removed", in_library("ModuleNotFoundError: No module named 'torchvision.transforms.functional_tensor'", "basicsr/x.py"), "match the versions|functional_tensor"),
    HintCase("flash-attn is not installed", raised("ModuleNotFoundError: No module named 'flash_attn'"), "flash-attn|sdpa"),
    HintCase("apex is not built", raised("ModuleNotFoundError: No module named 'amp_C'"), "extension amp_c|source"),
    HintCase("vllm's compiled module", raised("ModuleNotFoundError: No module named 'vllm._C'"), "reinstall|vllm._c"),
    HintCase("torchrun without a package", "/usr/bin/python3: No module named torch.distributed.run\n", "torch.distributed.run"),
    HintCase("a name of huggingface_hub", in_library(f"ImportError: cannot import name 'cached_download' from 'huggingface_hub' ({SITE}/huggingface_hub/__init__.py)", "diffusers/x.py"), "match the versions|cached_download|huggingface_hub", "your own"),
    HintCase("a name of transformers", in_library(f"ImportError: cannot import name 'AdamW' from 'transformers' ({SITE}/transformers/__init__.py)", "sentence/x.py"), "match the versions|transformers|adamw", "your own"),
    HintCase("a name of collections", in_library("ImportError: cannot import name 'Mapping' from 'collections' (/usr/lib/python3.10/collections/__init__.py)", "attrdict/x.py"), "mapping|python"),
    HintCase("a file that shadows a package", in_library(f"ImportError: cannot import name 'Random' from partially initialized module 'random' (most likely due to a circular import) ({SITE}/random.py)", "x/y.py"), "shadow|random"),
    HintCase("a version of tokenizers", in_library("ImportError: tokenizers>=0.21,<0.22 is required for a normal functioning of this module, but found tokenizers==0.19.1.", "transformers/dep.py"), "tokenizers>=0.21,<0.22|tokenizers==0.19.1"),
    HintCase("a package for an option", in_library("ImportError: Using `bitsandbytes` 4-bit quantization requires the latest version of bitsandbytes: `pip install -U bitsandbytes`", "transformers/q.py"), "install|option"),
    HintCase("flash-attn of another torch", raised(f"ImportError: {SITE}/flash_attn_2_cuda.cpython-311-x86_64-linux-gnu.so: undefined symbol: _ZN3c104cuda9SetDeviceEi"), "flash-attn|torch"),
    HintCase("an extension of another torch", raised(f"ImportError: {SITE}/detectron2/_C.cpython-311-x86_64-linux-gnu.so: undefined symbol: _ZNK2at6Tensor"), "reinstall|_c.cpython-311-x86_64-linux-gnu.so"),
    HintCase("a library of OpenCV", raised("ImportError: libGL.so.1: cannot open shared object file: No such file or directory"), "opencv-python-headless"),
    HintCase("a library of CUDA", raised("OSError: libcudnn.so.9: cannot open shared object file: No such file or directory"), "libcudnn.so.9|ld_library_path"),
    HintCase("the driver's library", raised("ImportError: libcuda.so.1: cannot open shared object file: No such file or directory"), "libcuda|--gpus"),
    HintCase("another library", raised("ImportError: libmpi.so.40: cannot open shared object file: No such file or directory"), "libmpi.so.40|ld_library_path"),
    HintCase("a newer libstdc++", raised("ImportError: /lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by x.so)"), "glibcxx_3.4.32"),
    HintCase("NumPy 1 and 2", raised("ImportError: numpy.core.multiarray failed to import"), "numpy<2"),
    HintCase("a relative import", raised("ImportError: attempted relative import with no known parent package"), "python -m"),
    HintCase("protobuf", in_library("TypeError: Descriptors cannot be created directly.", "google/x.py"), "protobuf"),
    HintCase("a GPU that is too new", raised("RuntimeError: CUDA error: no kernel image is available for execution on the device"), "build|architecture", "memory"),
    HintCase("two CUDA versions", in_library("RuntimeError: The detected CUDA version (11.8) mismatches the version that was used to compile PyTorch (12.1). Please make sure to use the same CUDA versions.", "torch/utils/cpp_extension.py"), "11.8|12.1|cuda_home"),
]  # fmt: skip
