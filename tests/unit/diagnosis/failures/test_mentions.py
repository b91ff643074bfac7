"""Lines that only print a failure differ from those that report one."""

import pytest

from bot.diagnosis.failures.mentions import is_only_printed

FAILURE = "CUDA out of memory"
MENTIONS = {
    "a labelled sample": "trainer[7]: sample target | CUDA out of memory",
    "a numbered hypothesis": "utt-12 HYP: CUDA out of memory",
    "a translation": "H-4\t-0.31\tCUDA out of memory",
    "a hit of a retriever": "[rag] hit 2 (0.71): torch: CUDA out of memory",
    "a prompt": "Received request 7: prompt: 'why CUDA out of memory', params: 1",
    "the output of a generated program": 'sandbox: exit=1 stderr="CUDA out of memory',
    "a template": "ID=4 : CUDA out of memory. Tried to allocate <*> GiB",
    "a count": "[corpus] 18,201 x CUDA out of memory",
    "a class with its scores": "  CUDA out of memory      0.94      0.91      412",
    "a row of a table": "| llama | CUDA out of memory | - |",
    "a row of a data frame": "12  RuntimeError: CUDA out of memory      3",
    "a quoted bullet": "* `CUDA out of memory`: lower the batch",
    "a count of zero": "CUDA out of memory: 0",
    "a class without any": "errors by class: CUDA out of memory 0, NCCL error 0",
    "a text and its count": "(CUDA out of memory,44102)",
    "a scored text": "0.97  CUDA out of memory. Tried to allocate 1 GiB  ->  oom",
    "a classified text": "true=oom pred=nccl text=CUDA out of memory",
    "a message of a chat": "first: [{'role': 'user', 'content': 'it prints CUDA out of memory",
    "a caption": "[00:18.000 --> 00:21.000]  CUDA out of memory",
    "a line of a difference": "+CUDA out of memory: use a smaller batch",
    "a label in Chinese": "\u3010\u8f93\u51fa\u3011 CUDA out of memory",
}
REPORTS = {
    "an exception": "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB",
    "a logger": "[trainer] worker 3: CUDA out of memory",
    "an error field": 'request failed: error="CUDA out of memory"',
    "a closed prompt": "Refused prompt: 'hello', CUDA out of memory",
    "a container's sandbox": 'failed to create pod sandbox: stderr="CUDA out of memory"',
    "a code": "CUDA out of memory: 2",
    "shapes": "(0) Internal: CUDA out of memory : a.shape=(64, 50), b.shape=(50, 180)",
    "a bullet": "- CUDA out of memory on rank 3",
}


@pytest.mark.parametrize("text", MENTIONS.values(), ids=MENTIONS)
def test_content_is_only_printed(text: str) -> None:
    start = text.index(FAILURE)

    assert is_only_printed(text, start, start + len(FAILURE))


@pytest.mark.parametrize("text", REPORTS.values(), ids=REPORTS)
def test_report_counts(text: str) -> None:
    start = text.index(FAILURE)

    assert not is_only_printed(text, start, start + len(FAILURE))
