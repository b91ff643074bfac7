# ruff: noqa: E501 - log lines are long
"""Servers: watchdogs, dead engines, refused requests, restarts, and what they survive."""

from tests.unit.diagnosis.kinds.case import Case, library

SGLANG = "[2026-03-02 07:00:0{n} TP0] Decode batch. #running-req: 3, #token: 900, token usage: 0.02, gen throughput (token/s): 81.50, #queue-req: 0\n"
BUSY = "".join(SGLANG.format(n=n) for n in range(4))
VLLM_STATS = "INFO 03-02 07:00:10 [loggers.py:127] Engine 000: Avg prompt throughput: 12.0 tokens/s, Avg generation throughput: 44.1 tokens/s, Running: 3 reqs, Waiting: 0 reqs, GPU KV cache usage: 2.1%\n"
ANSWERED = 'INFO:     10.2.0.7:5{n:04d} - "POST /v1/chat/completions HTTP/1.1" 200 OK\n'
SERVED = "".join(ANSWERED.format(n=n) for n in range(5))
HEALTHY = 'INFO:     10.2.0.1:41000 - "GET /health HTTP/1.1" 200 OK\n'
ASGI = "ERROR:    Exception in ASGI application\n"

CASES = [
    # ---------------------------------------------------------------- a watchdog of the engine
    Case(
        "sglang's watchdog",
        BUSY + "[2026-03-02 07:05:04 TP2] Watchdog timeout (self.watchdog_timeout=300)\n",
        "page",
        "hang",
        "Watchdog timeout",
    ),
    Case(
        "tensorrt-llm's hang detector",
        "[03/02/2026-07:00:00] [TRT-LLM] [RANK 3] [E] Hang detected on rank 3 in PyExecutor.\n",
        "page",
        "hang",
        "Hang detected",
        (3,),
    ),
    Case(
        "vllm's step timed out",
        SERVED
        + "ERROR 03-02 07:00:40 [core.py:710] EngineCore encountered a fatal error.\n"
        + library("TimeoutError: RPC call to execute_model timed out.", "vllm/v1/executor/multiproc_executor.py"),
        "page",
        "hang",
        "RPC call",
    ),
    Case(
        "gunicorn's worker timed out",
        "[2026-03-02 07:00:00 +0000] [9] [INFO] Booting worker with pid: 12\n[2026-03-02 07:00:40 +0000] [9] [CRITICAL] WORKER TIMEOUT (pid:12)\n",
        "page",
        "hang",
        "WORKER TIMEOUT",
    ),
    Case(
        "ray serve's replica fails its health checks",
        "WARNING 2026-03-02 07:00:00,100 controller 88 -- Replica Replica(id='x1', deployment='Chat') failed the health check 3 times in a row, marking it unhealthy.\n",
        "page",
        "hang",
        "failed the health check",
    ),
    Case(
        "killed after the watchdog",
        BUSY
        + "[2026-03-02 07:05:04 TP1] Watchdog timeout (self.watchdog_timeout=300)\n[2026-03-02 07:05:09] Received sigquit from a child process. It usually means the child failed.\nrun.sh: line 3:    71 Killed                  python -m sglang.launch_server\n",
        "page",
        "hang",
        "Watchdog timeout",
    ),
    Case(
        "killed after a hang was detected",
        "[TRT-LLM] [RANK 1] [E] Hang detected on rank 1 in PyExecutor.\nslurmstepd: error: *** STEP 7.0 ON n2 CANCELLED AT 2026-03-02T07:00:00 ***\nKilled\n",
        "page",
        "hang",
        "Hang detected",
    ),
    Case(
        "a health check fails before the exit",
        BUSY
        + "[2026-03-02 07:05:04] Health check failed. Server couldn't get a response from detokenizer for last 20 seconds. tic start time: 07:04:44\n[2026-03-02 07:05:09] SIGQUIT received. signum=None, frame=None. It usually means one child failed.\n",
        "page",
        "hang",
        "detokenizer",
    ),
    # ---------------------------------------------------------------- a process of the server died
    Case(
        "tgi's shard had a segmentation fault",
        "2026-03-02T07:00:00.1Z ERROR shard-manager: text_generation_launcher: Shard process was signaled to shutdown with signal 11 rank=2\n2026-03-02T07:00:00.2Z ERROR text_generation_launcher: Shard 2 crashed\nError: ShardFailed\n",
        "page",
        "code",
        "signaled to shutdown",
        (2,),
    ),
    Case(
        "tgi's shard did not start",
        "2026-03-02T07:00:00.1Z  INFO text_generation_launcher: Starting Webserver\n2026-03-02T07:00:00.2Z ERROR text_generation_launcher: Shard 0 failed to start\nError: ShardCannotStart\n",
        "page",
        "code",
        "failed to start",
    ),
    Case(
        "triton's process had a segmentation fault",
        'I0302 07:00:00.100000 1 http_server.cc:4900] "Started HTTPService at 0.0.0.0:8000"\nSignal (11) received.\n 0# 0x000055 in tritonserver\n',
        "page",
        "code",
        "Signal (11)",
    ),
    Case(
        "triton's python stub died",
        "E0302 07:00:00.100000 1 backend_model.cc:692] \"ERROR: Failed to create instance: Stub process 'rank_0_0' is not healthy.\"\n",
        "page",
        "code",
        "Stub process",
    ),
    Case(
        "a worker of an engine was aborted",
        "2026-03-02 07:00:00 ERROR runner: worker 1 exited with signal 6\n",
        "page",
        "code",
        "signal 6",
    ),
    # ---------------------------------------------------------------- a dead engine repeats what its worker logged
    Case(
        "vllm's old engine",
        "ERROR 03-02 07:00:01 client.py:300] RuntimeError('Engine process (pid 41) died.')\nERROR 03-02 07:00:01 client.py:300] Traceback (most recent call last):\nERROR 03-02 07:00:01 client.py:300]   File \"/opt/env/lib/python3.11/site-packages/vllm/engine/multiprocessing/client.py\", line 150, in run_heartbeat_loop\nERROR 03-02 07:00:01 client.py:300]     raise response\nERROR 03-02 07:00:01 client.py:300] RuntimeError: Engine loop has died\n",
        "page",
        "code",
        "RuntimeError: Engine loop has died",
    ),
    Case(
        "vllm's engine core did not start",
        "(APIServer pid=8) "
        + library(
            "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
            "vllm/v1/engine/utils.py",
        )
        .rstrip()
        .replace("\n", "\n(APIServer pid=8) ")
        + "\n",
        "page",
        "code",
        "Engine core initialization failed",
    ),
    Case(
        "vllm's background loop",
        library(
            "vllm.engine.async_llm_engine.AsyncEngineDeadError: Background loop has errored already.",
            "vllm/engine/async_llm_engine.py",
        ),
        "page",
        "code",
        "Background loop",
    ),
    Case(
        "the worker's error explains the dead engine",
        "(Worker_TP0 pid=4) ERROR 03-02 07:00:01 [multiproc_executor.py:880] torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB.\n(EngineCore pid=3) ERROR 03-02 07:00:02 [core.py:710] vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue.\n",
        "page",
        "gpu_memory",
        "CUDA out of memory",
    ),
    # ---------------------------------------------------------------- a note before the failure is not its cause
    Case(
        "a note of waiting workers",
        "(EngineCore pid=3) INFO 03-02 07:00:00 [shm_broadcast.py:501] No available shared memory broadcast block found in 60 seconds. This typically happens when some processes are hanging or doing some time-consuming work.\n"
        + SERVED
        + "(Worker_TP1 pid=5) "
        + library("RuntimeError: paged kernel failed: invalid configuration", "vllm/worker.py")
        .rstrip()
        .replace("\n", "\n(Worker_TP1 pid=5) ")
        + "\n(APIServer pid=2) ERROR 03-02 07:00:02 [async_llm.py:710] EngineDeadError: EngineCore encountered an issue.\n",
        "page",
        "code",
        "paged kernel failed",
    ),
    Case(
        "an information about a fatal error of the past",
        "INFO 2026-03-02 07:00:00 supervisor: hang detected in the warm-up run of yesterday\nstep 1 loss 2.0\n"
        + library("KeyError: 'ids'"),
        "page",
        "code",
        "KeyError",
    ),
    Case(
        "a debug line about memory",
        "DEBUG allocator: CUDA out of memory in the probe, the batch size is halved now\n"
        + library("ValueError: no batch size is left", "trl/tune.py"),
        "page",
        "code",
        "ValueError",
    ),
]
