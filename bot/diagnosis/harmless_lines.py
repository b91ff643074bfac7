"""Lines that programs log as errors or warnings in healthy jobs. Pure."""

import re

_HARMLESS = re.compile(
    r"_is_a_lwp: open\(\)|Unable to register cu\w+ factory|No Aggregation Manager \(sharp_am\)"
    r"|mca_coll_hcoll_comm_query\(\)|PMIX ERROR: ERROR in file gds_|failed call to cuInit: .*CUDA_ERROR_NO_DEVICE"
    r"|Setting OMP_NUM_THREADS environment|run\.py:\d+\] \*{20}|run\.py:\d+\] *$|(?:Future|Deprecation)Warning\b"
    r"|^Unable to initialize backend '(?:tpu|rocm)'"
    r"|^\s*reason: (?:Missing output files|Updated input files|Input files updated|Forced execution|Code has changed"
    r"|Params have changed|Set of input files|Software environment|Rules with )"
    r"|^(?:Stage '[^']+'|Output '[^']+'|stage: '[^']+') (?:is missing|has changed|didn't change|missing)"
    r"|\bMust remake target|^\s*(?:File|Prerequisite) '[^']+' (?:does not exist|is newer than target)"
    r"|\bOOM ?Killed\"?\s*[:=]\s*\"?[Ff]alse|^ninja explain: |\bMissed cache >|^\s*One of the files has changed\."
    r"| is deprecated(?:[;,.!]|$| and)|\bWarning: 0 ?Failed to find function|\bDevice do not support double dtype now"
    r"|\b[Ww]arning: can(?:'t|not) (?:honor --|run \d+ processes on \d+ nodes)"
    r"|(?<!Error: )\b(?:Out of range|OUT_OF_RANGE): ?(?:No more \w+|End of (?:sequence|data|stream))"
)
"""Of Slurm, TensorFlow, MPI, torchrun, Python and torch_npu, and why build tools run a step."""


def is_harmless(message: str) -> bool:
    """Whether an error or warning says nothing about the health of a job."""
    return _HARMLESS.search(message, 0, 1000) is not None
