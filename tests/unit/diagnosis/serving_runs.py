# ruff: noqa: E501 - log lines are long
"""Generate the logs of healthy servers in the styles of ten frameworks, from a seed."""

import random
from collections.abc import Callable, Iterator


def vllm(n: int) -> str:
    if n % 10 == 0:
        return f"(APIServer pid=31) INFO 03-02 07:{n // 60 % 60:02d}:{n % 60:02d} [loggers.py:127] Engine 000: Avg prompt throughput: {n % 900}.0 tokens/s, Avg generation throughput: {n % 400}.5 tokens/s, Running: {n % 7} reqs, Waiting: {n % 3} reqs, GPU KV cache usage: {n % 99}.1%, Prefix cache hit rate: 41.0%"
    return f'(APIServer pid=31) INFO:     10.2.0.{n % 250}:{40000 + n % 20000} - "POST /v1/chat/completions HTTP/1.1" 200 OK'


def sglang(n: int) -> str:
    kind = (
        "Decode batch. #running-req: 9, #token: 4100, token usage: 0.04, gen throughput (token/s): 310.20"
        if n % 3
        else "Prefill batch. #new-seq: 2, #new-token: 512, #cached-token: 0, token usage: 0.01"
    )
    return f"[2026-03-02 07:{n // 60 % 60:02d}:{n % 60:02d} TP{n % 8}] {kind}, #queue-req: {n % 4}"


def tgi(n: int) -> str:
    return f'2026-03-02T07:{n // 60 % 60:02d}:{n % 60:02d}.100000Z  INFO generate{{parameters=GenerateParameters {{ best_of: None, max_new_tokens: Some({n % 900}) }} total_time="1.{n % 90}s" queue_time="41us" inference_time="1.1s" time_per_token="11ms"}}: text_generation_router::server: router/src/server.rs:407: Success'


def triton(n: int) -> str:
    return f'I0302 07:{n // 60 % 60:02d}:{n % 60:02d}.100000 1 infer_handler.cc:{700 + n % 99}] "Done for ModelInferHandler, {n}"'


def ray_serve(n: int) -> str:
    return f"(ServeReplica:default:Chat pid={90 + n % 4}) INFO 2026-03-02 07:{n // 60 % 60:02d}:{n % 60:02d},100 default_Chat x{n % 4} req-{n} -- POST /predict 200 {n % 90}.3ms"


def uvicorn(n: int) -> str:
    path = "/health" if n % 5 == 0 else "/score"
    return (
        f'INFO:     10.2.0.{n % 250}:{40000 + n % 20000} - "{"GET" if n % 5 == 0 else "POST"} {path} HTTP/1.1" 200 OK'
    )


def ollama(n: int) -> str:
    return f'[GIN] 2026/03/02 - 07:{n // 60 % 60:02d}:{n % 60:02d} | 200 |  1.{n % 900:03d}s |  127.0.0.1 | POST     "/api/chat"'


def llama_cpp(n: int) -> str:
    return (
        f"slot      release: id  {n % 4} | task {n} | stop processing: n_past = {n % 4096}, truncated = 0"
        if n % 2
        else "srv  log_server_r: request: POST /completion 127.0.0.1 200"
    )


def torchserve(n: int) -> str:
    return f'2026-03-02T07:{n // 60 % 60:02d}:{n % 60:02d},100 [INFO ] W-9000-chat_1.0 ACCESS_LOG - /127.0.0.1:{40000 + n % 20000} "POST /predictions/chat HTTP/1.1" 200 3{n % 10}'


def bentoml(n: int) -> str:
    return f"2026-03-02T07:{n // 60 % 60:02d}:{n % 60:02d}+0000 [INFO] [entry_service:chat:1] 10.2.0.7:{40000 + n % 20000} (scheme=http,method=POST,path=/chat,type=application/json,length=99) (status=200,type=text/plain,length=7{n % 10}) 34.{n % 10}ms (trace=ab,span=cd,sampled=0)"


SERVERS: dict[str, Callable[[int], str]] = {
    server.__name__: server
    for server in (vllm, sglang, tgi, triton, ray_serve, uvicorn, ollama, llama_cpp, torchserve, bentoml)
}

REFUSED = """ERROR 03-02 07:00:12 [serving_chat.py:250] Error in preprocessing prompt inputs
ERROR 03-02 07:00:12 [serving_chat.py:250] Traceback (most recent call last):
ERROR 03-02 07:00:12 [serving_chat.py:250]   File "/opt/env/lib/python3.12/site-packages/vllm/entrypoints/openai/serving_engine.py", line 470, in validate
ERROR 03-02 07:00:12 [serving_chat.py:250]     raise ValueError(
ERROR 03-02 07:00:12 [serving_chat.py:250] ValueError: max_tokens must be at least 1, got 0.
INFO:     10.2.0.9:40114 - "POST /v1/chat/completions HTTP/1.1" 400 Bad Request"""
"""A request that is refused; the server goes on."""
REMARKS = (
    'INFO:     10.2.0.9:40114 - "POST /v1/chat/completions HTTP/1.1" 422 Unprocessable Entity',
    'INFO:     10.2.0.9:40114 - "GET /favicon.ico HTTP/1.1" 404 Not Found',
    "INFO 03-02 07:00:12 [async_llm.py:400] Aborted request chatcmpl-77 since the client disconnected.",
    "WARNING 03-02 07:00:12 [scheduler.py:1507] Sequence group 9 is preempted by PreemptionMode.RECOMPUTE mode because there is not enough KV cache space.",
    "INFO 03-02 07:00:12 [shm_broadcast.py:501] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging or doing some time-consuming work.",
    "server_args=ServerArgs(model_path='m', watchdog_timeout=300, crash_dump_folder=None, enable_nan_detection=False)",
    "INFO 03-02 07:00:12 [gpu_worker.py:200] Available KV cache memory: 18.83 GiB",
    "Capturing CUDA graphs: 100%|##########| 35/35 [00:09<00:00,  3.61it/s]",
    "WARNING: The request has more tokens than the model's length, it may be truncated",
    REFUSED,
)


def serving(server: str, lines: int, seed: int = 0) -> Iterator[str]:
    """Yield the lines of a healthy server, including refused requests and lines that mention failures."""
    rng = random.Random(seed)
    write = SERVERS[server]
    for number in range(lines):
        if number % 307 == 150:
            yield rng.choice(REMARKS if server in ("vllm", "uvicorn", "sglang") else REMARKS[3:-1])
        yield write(number)
