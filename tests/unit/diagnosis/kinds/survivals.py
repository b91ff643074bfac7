# ruff: noqa: E501 - log lines are long
"""Failures that were caught and survived, and attempts and runs that follow each other in one file."""

from tests.unit.diagnosis.kinds.case import STEPS, Case, library

ANSWERED = 'INFO:     10.2.0.7:5{n:04d} - "POST /v1/chat/completions HTTP/1.1" {status}\n'
ASGI = "ERROR:    Exception in ASGI application\n"
TRAINING = "".join(f"step {n} loss {2 - n / 100:.2f}\n" for n in range(1, 12))
LOG_STEPS = "".join(f"INFO:train:[1, {n * 20:5d}/ 4000] - losses - a: {3 - n / 90:.4f}\n" for n in range(30))


def answers(*statuses: str) -> str:
    return "".join(ANSWERED.format(n=n, status=status) for n, status in enumerate(statuses))


def logged(error: str, prefix: str) -> str:
    """Return a traceback of which a logger writes every line."""
    return (
        library(error, "vllm/entrypoints/openai/serving_engine.py")
        .rstrip()
        .replace("\n", f"\n{prefix}")
        .join((prefix, "\n"))
    )


CASES = [
    # ---------------------------------------------------------------- a server refuses one request and serves on
    Case(
        "vllm refuses a prompt",
        answers("200 OK")
        + logged(
            "ValueError: This model's maximum context length is 4096 tokens.",
            "(APIServer pid=3) ERROR 03-02 07:00:01 [serving_chat.py:250] ",
        )
        + answers("400 Bad Request", "200 OK", "200 OK"),
        "quiet",
        "code",
    ),
    Case(
        "a refused request at the end of the log",
        answers("200 OK")
        + logged(
            "ValueError: n must be at least 1, got 0.", "(APIServer pid=3) ERROR 03-02 07:00:01 [serving_chat.py:250] "
        )
        + answers("422 Unprocessable Entity"),
        "quiet",
        "code",
    ),
    Case(
        "an exception in one request of uvicorn",
        answers("200 OK")
        + ASGI
        + library("KeyError: 'messages'", "starlette/routing.py")
        + answers("500 Internal Server Error", "200 OK", "200 OK"),
        "quiet",
        "code",
    ),
    Case(
        "llama.cpp answers on",
        library("RuntimeError: tokenizer refused the text", "llama_cpp/server/app.py")
        + "srv  log_server_r: request: POST /completion 127.0.0.1 200\n" * 3,
        "quiet",
        "code",
    ),
    Case(
        "ray serve answers on",
        "ERROR 2026-03-02 07:00:00,100 default_Chat x1 req-1 -- Request failed:\n"
        + library("ValueError: bad prompt", "ray/serve/_private/replica.py")
        + "".join(
            f"INFO 2026-03-02 07:00:0{n},100 default_Chat x1 req-{n} -- POST /predict 200 12.{n}ms\n" for n in range(3)
        ),
        "quiet",
        "code",
    ),
    Case(
        "ollama answers on",
        library("RuntimeError: one image could not be decoded", "api/run.py")
        + '[GIN] 2026/03/02 - 07:00:00 | 200 |   1.2s |  127.0.0.1 | POST     "/api/chat"\n' * 3,
        "quiet",
        "code",
    ),
    Case(
        "sglang generates on",
        library("ValueError: the grammar is not valid", "sglang/srt/managers/tokenizer_manager.py")
        + "".join(
            f"[2026-03-02 07:00:0{n} TP0] Decode batch. #running-req: 3, gen throughput (token/s): 8{n}.50, #queue-req: 0\n"
            for n in range(3)
        ),
        "quiet",
        "code",
    ),
    # ---------------------------------------------------------------- a server that does not serve on
    Case(
        "every request fails",
        answers("200 OK")
        + ASGI
        + library("RuntimeError: the model is gone", "starlette/routing.py")
        + answers(*["500 Internal Server Error"] * 6),
        "page",
        "code",
    ),
    Case(
        "only probes are answered",
        answers("200 OK")
        + ASGI
        + library("RuntimeError: the model is gone", "starlette/routing.py")
        + 'INFO:     10.2.0.1:41 - "GET /health HTTP/1.1" 200 OK\n' * 9,
        "page",
        "code",
    ),
    Case(
        "the engine dies after some answers",
        answers("200 OK")
        + library("RuntimeError: paged kernel failed", "vllm/worker.py")
        + answers("200 OK", "200 OK")
        + "ERROR 03-02 07:00:02 [async_llm.py:710] EngineDeadError: EngineCore encountered an issue.\n",
        "page",
        "code",
        "paged kernel failed",
    ),
    Case(
        "another replica answers",
        "chat-0 | "
        + library("RuntimeError: paged kernel failed", "vllm/worker.py").rstrip().replace("\n", "\nchat-0 | ")
        + "\n"
        + "".join('chat-1 | INFO: 10.2.0.7:5 - "POST /v1/chat/completions HTTP/1.1" 200 OK\n' for _ in range(4)),
        "page",
        "code",
    ),
    # ---------------------------------------------------------------- a program handles the next item
    Case(
        "a reply that cannot be parsed",
        "(Rollout pid=7) "
        + library("TypeError: cannot unpack non-iterable NoneType object").rstrip().replace("\n", "\n(Rollout pid=7) ")
        + "\n(Rollout pid=7) ERROR: could not parse the reply for item 12\n(Rollout pid=7) item 13 reward 0.5\n(Rollout pid=7) item 14 reward 1.0\n",
        "quiet",
        "code",
    ),
    Case(
        "a document that cannot be tokenized",
        "ERROR tokenize: document 88 failed\n"
        + library("ValueError: the text is empty")
        + "INFO tokenize: document 89 has 120 tokens\nINFO tokenize: document 90 has 77 tokens\n",
        "quiet",
        "code|data",
    ),
    Case(
        "an environment that crashed once",
        "2026-03-02 07:00:00 ERROR sampler: episode 4 crashed\n"
        + library("RuntimeError: the simulator did not answer", "gymnasium/vector.py")
        + "2026-03-02 07:00:09 INFO sampler: episode 5 return 11.0\n2026-03-02 07:00:19 INFO sampler: episode 6 return 12.0\n",
        "quiet",
        "code",
    ),
    Case(
        "items before the crash do not count",
        "".join(f"item {n} done\n" for n in range(9)) + library("ValueError: the label is missing"),
        "page",
        "code",
    ),
    # ---------------------------------------------------------------- a later attempt in the same file
    Case(
        "an old attempt, then home-made progress",
        library("TypeError: fit() missing 1 required positional argument: 'config'")
        + "srun: error: n4: task 0: Exited with exit code 1\n"
        + LOG_STEPS,
        "quiet",
        "code",
    ),
    Case(
        "an old attempt, then a short run",
        library("KeyError: 'corpus'") + "srun: error: n4: task 0: Exited with exit code 1\n" + TRAINING,
        "quiet",
        "code",
    ),
    Case(
        "torchrun restarts the workers",
        STEPS
        + library("RuntimeError: shard 3 is locked")
        + "E0302 07:00:00.000000 12 torch/distributed/elastic/multiprocessing/api.py:874] failed (exitcode: 1) local_rank: 0 (pid: 9) of binary: python\n"
        + TRAINING,
        "quiet",
        "code",
    ),
    Case(
        "a server is started again",
        library("RuntimeError: the socket is closed", "uvicorn/server.py")
        + "INFO:     Started server process [91]\nINFO:     Application startup complete.\n",
        "quiet",
        "code",
    ),
    Case(
        "the later attempt fails as well",
        library("KeyError: 'corpus'")
        + "srun: error: n4: task 0: Exited with exit code 1\n"
        + TRAINING
        + library("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB."),
        "page",
        "gpu_memory",
        "CUDA out of memory",
    ),
    Case("steps that were buffered are not another attempt", library("KeyError: 'corpus'") + TRAINING, "page", "code"),
    # ---------------------------------------------------------------- several runs in one file
    Case(
        "another program starts with a higher loss",
        "".join(f"{{'loss': {0.002 - n / 1e5:.5f}, 'learning_rate': 0.0, 'epoch': 4.{n:02d}}}\n" for n in range(20))
        + "{'train_runtime': 70.1, 'train_loss': 0.2, 'epoch': 5.0}\n"
        + "".join(f"step: {n}  loss: {9 - n / 20:.3f}  tps: 1,900\n" for n in range(1, 30)),
        "none",
    ),
    Case(
        "a second run starts at its first step",
        "".join(f"step {n} loss {1 / n:.4f}\n" for n in range(1, 60))
        + "Training starts at step 1\n"
        + "".join(f"iter: {n} train loss: {8 - n / 50:.3f}\n" for n in range(1, 40)),
        "none",
    ),
    Case(
        "a second run after success",
        "".join(f"step {n} loss {1 / n:.4f}\n" for n in range(1, 60))
        + "training complete\n"
        + "".join(f"iteration {n}: lm loss = {8 - n / 50:.3f}\n" for n in range(1, 40)),
        "none",
    ),
    # ---------------------------------------------------------------- early stopping is an end, and no hang follows
    *(
        Case(
            f"early stopping: {words}",
            "".join(f"2026-03-02 07:{n:02d}:00 - [Epoch {n}/50] Train Loss: {1 / (n + 1):.3f}\n" for n in range(12))
            + f"2026-03-02 07:12:30 - {words}\n2026-06-01 09:00:00 - plotted the confusion matrix\n",
            "none",
        )
        for words in (
            "Early stopping triggered.",
            "Epoch 00012: early stopping",
            "Ran out of patience. Stopping training.",
            "Early stopping at epoch 12",
            "Stopping training early as no improvement was observed in the last 5 epochs.",
        )
    ),
    # ---------------------------------------------------------------- a short climb of the loss
    Case(
        "a loss that climbs with its gradients",
        "".join(
            f"iteration {n}0/ 900 | lm loss: {loss} | grad norm: {norm} |\n"
            for n, (loss, norm) in enumerate(((2.1, 0.8), (2.2, 2.5), (2.6, 90.0), (3.4, 2200.0), (6.2, 41000.0)), 50)
        ),
        "page",
        "numerics",
        "3.4",
    ),
    Case(
        "a climb in a dictionary",
        "".join(
            f"{{'loss': {loss}, 'grad_norm': {norm}, 'learning_rate': 1e-05, 'epoch': 0.{n}}}\n"
            for n, (loss, norm) in enumerate(((1.1, 0.5), (1.3, 7.0), (1.9, 200.0), (3.1, 9000.0)), 11)
        ),
        "page",
        "numerics",
    ),
    Case(
        "a climb that comes back",
        "".join(
            f"step {n} loss {loss} grad_norm {norm}\n"
            for n, (loss, norm) in enumerate(
                ((2.1, 0.8), (2.2, 2.5), (2.6, 90.0), (3.4, 2200.0), (2.0, 1.0), (1.9, 0.9)), 50
            )
        ),
        "none",
    ),
    Case("warm-up gradients", "".join(f"step {n} loss {9 - n} grad_norm {10**n}\n" for n in range(1, 6)), "none"),
]
