"""Classify a failure by the words of its message, whatever raised it: memory, ports, access, files, settings.

Frameworks raise `RuntimeError`, `ValueError` or a library's exception for any cause, so the type says little. The
first rule that matches counts; words that name one cause come before those that several causes share.
"""

import re
from collections.abc import Mapping

from bot.diagnosis.categories import Category

SEARCHED_CHARS = 600
"""Number of characters of a message that are searched."""

_DEVICE = r"(?:gpus?|cuda|hip|npu|xpu|mps|tpu|hbm|vram|accelerator|device|kv[- _]?cache)"
_HOST = r"(?:host|system|cpu|ram|swap|heap|container|executor|node)"
_HOST_MEMORY = r"(?:(?:host|system|cpu|pinned|page-locked|shared|heap|swap|physical) memory|ram)"
_NO_MEMORY = (
    r"(?:out of memory|\boom\b|(?:not enough|insufficient|too little|no (?:more |free |available )*)(?: \w+){0,2}"
    r" ?(?:memory|vram|hbm)|memory (?:is )?(?:exhausted|insufficient)"
    r"|(?:failed|unable|cannot|could not) (?:to )?allocate\b)"
)
_ABSENT = (
    r"(?:corrupt\w*|truncated|incomplete|damaged|missing|empty|malformed|unreadable|mismatch\w*|not found|no such"
    r"|(?:does|do|did)(?: not|n't) (?:exist|match|contain|have)|invalid|unexpected|could not|cannot|can't|unable"
    r"|failed)"
)
_DATA = (
    r"(?:data ?sets?|data (?:file|source|split)s?|shards?|samples?|records?|columns?|fields?|rows?|labels?|annotations?"
    r"|examples?|images?|audio|videos?|csv|jsonl?|parquet|tfrecords?|manifests?|transcripts?|features?|sequences?)"
)
_CREDENTIAL = r"(?:api[ _-]?key|access[ _-]key|(?:auth\w*|hf|access) token|token|credentials?|licen[cs]e|password)"
_COLLECTIVE = r"(?:barrier|all_?reduce|all_?gather|reduce_?scatter|broadcast|collective)"
_STORED = (
    r"(?:checkpoints?|ckpts?|snapshots?|state[ _]dict|safetensors|weights? files?|model files?|optimizer states?"
    r"|archive|bucket|blob|object store|file ?system)"
)
_SETTING = (
    r"(?:arguments?|options?|flags?|config\w*|settings?|hyper-?parameters?|parameters?|env(?:ironment)? variables?"
    r"|precision|quantization|attention (?:backend|implementation)|strategy|optimizer|scheduler|backend|model type)"
)
_WORDS: tuple[tuple[Category, tuple[str, ...]], ...] = (
    ("host_memory", (rf"{_NO_MEMORY}.{{0,60}}\b{_HOST_MEMORY}\b", rf"\b{_HOST_MEMORY}\b.{{0,60}}{_NO_MEMORY}")),
    ("gpu_memory", (rf"{_NO_MEMORY}.{{0,80}}\b{_DEVICE}\b", rf"\b{_DEVICE}\b.{{0,80}}{_NO_MEMORY}")),
    ("host_memory", (rf"\b{_HOST}\b.{{0,60}}{_NO_MEMORY}", rf"{_NO_MEMORY}.{{0,60}}\b{_HOST}\b", "memory limit")),
    (
        "gpu_memory",
        (
            r"out of memory|\b(?:not enough|insufficient) (?:free )?(?:memory|vram|hbm)\b",
            r"\bkv[- _]?cache\b.{0,80}(?:too small|exceed|larger than)",
            rf"(?:not|n't) fit (?:in|into|on) (?:the |a |one )?{_DEVICE}",
        ),
    ),
    (
        "launch",
        (
            r"\b(?:bind|binding|listen(?:ing)?)\b.{0,40}\bport",
            r"\bport\b.{0,40}(?:in use|taken|occupied|unavailable)",
            r"\b(?:un|not )authori[sz]ed\b|\bforbidden\b|(?:authentication|authorization|login) (?:failed|required)",
            rf"\b{_CREDENTIAL}\b.{{0,40}}(?:missing|invalid|expired|required|rejected|incorrect"
            r"|not (?:set|found|valid|provided|configured))",
            rf"(?:missing|invalid|expired|no|wrong) (?:\w+ )?{_CREDENTIAL}",
        ),
    ),
    (
        "numerics",
        (r"\b(?:loss|gradients?|grad[ _]norm|reward|logits?)\b.{0,40}\b(?:nan|infinite|non-?finite|diverged)\b",),
    ),
    (
        "collective",
        (
            rf"\b{_COLLECTIVE}\b.{{0,80}}(?:timed? ?out|did(?: not|n't) (?:arrive|respond|join))",
            rf"timed out.{{0,60}}\b(?:{_COLLECTIVE}|peers?|ranks?)\b",
        ),
    ),
    (
        "storage",
        (
            rf"\b{_STORED}\b.{{0,100}}\b{_ABSENT}|{_ABSENT}.{{0,60}}\b{_STORED}\b",
            r"(?:failed|unable|cannot|could not) (?:to )?(?:save|write|upload|flush|persist|mount)\b|read-only file",
        ),
    ),
    ("scheduler", (r"\b(?:quota|capacity)\b.{0,40}(?:exceeded|exhausted|insufficient|unavailable)|\bpreempted\b",)),
    (
        "data",
        (
            rf"\b{_DATA}\b.{{0,80}}(?:{_ABSENT}|out of (?:range|bounds)|outside|not in\b|negative|must be in)",
            rf"(?:{_ABSENT}|\bno valid|\bzero|\b0) (?:\w+ ){{0,3}}{_DATA}\b|checksum|hash (?:mismatch|differs)",
        ),
    ),
    (
        "launch",
        (
            r"(?:connection|connect\w*).{0,60}(?:refused|timed? ?out|failed)|name resolution|could not resolve",
            r"(?:unknown|invalid|unsupported|unrecognized|missing|conflicting|incompatible)"
            rf" (?:\w+ ){{0,2}}{_SETTING}\b",
            rf"\b{_SETTING}\b.{{0,60}}(?:must\b|required|exclusive|conflict|cannot)",
            rf"\b{_SETTING}\b.{{0,60}}not (?:supported|allowed|valid|set)",
            r"\b(?:not|n't) divisible by\b|must (?:be divisible by|divide)",
            r"\bplease (?:pip )?install\b|\bnot installed\b",
            r"compute capability|\bworld[ _]size\b|\bnumber of (?:gpus|devices|processes|nodes)\b",
            r"\brequires? (?:at least |a )?(?:python|torch|pytorch|cuda|transformers|\w+ ?[><]=?)",
            r"version (?:mismatch|conflict)",
        ),
    ),
)
_RULES = tuple((category, re.compile(rf"(?i){'|'.join(words)}")) for category, words in _WORDS)
_BEFORE_START: frozenset[Category] = frozenset({"launch"})
"""What is wrong before the first step; later, such words are of the code."""
HINTS: Mapping[Category, str] = {
    "gpu_memory": "Lower what the message names: batch, sequence length, prefill tokens or memory fraction. Fewer"
    " models on the GPU, quantization or more GPUs also help. https://docs.pytorch.org/docs/stable/notes/cuda.html#memory-management",
    "host_memory": "Give the process more host memory, or load less at once: fewer workers, smaller buffers, streaming."
    " https://docs.pytorch.org/docs/stable/data.html",
    "launch": "Correct what the message names: a setting, version, port, address or credential. It failed before the"
    " run did any work. https://docs.python.org/3/library/exceptions.html",
    "collective": "Check the rank that the others waited for: its log, its node and its network."
    " https://docs.pytorch.org/docs/stable/distributed.html#debugging-torch-distributed-applications",
    "storage": "Check the named path: permissions, free space, and whether the file or checkpoint is complete."
    " https://docs.pytorch.org/docs/stable/distributed.checkpoint.html",
    "data": "Check the data that the message names: it must be complete and have the expected format and range."
    " https://docs.pytorch.org/docs/stable/data.html",
    "numerics": "Lower the learning rate or clip gradients, and check the batch before it for bad values."
    " https://docs.pytorch.org/docs/stable/notes/amp_examples.html#gradient-clipping",
    "scheduler": "Wait for capacity, or ask for another size, zone or quota. https://slurm.schedmd.com/resource_limits.html",
}


def category_of_message(message: str, *, has_trained: bool) -> Category | None:
    """Return the category that the words of a message suggest; None if they suggest none.

    Args:
        message: of the failure, without the name of its exception.
        has_trained: whether the run had logged progress before.
    """
    text = message[:SEARCHED_CHARS]
    found = next((category for category, rule in _RULES if rule.search(text)), None)
    is_too_late = has_trained or "kernel" in text.lower()  # a kernel is configured for each launch on the device
    return None if is_too_late and found in _BEFORE_START else found
