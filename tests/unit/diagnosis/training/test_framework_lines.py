# ruff: noqa: E501 - log lines are long
"""The numbers in the progress lines of many frameworks, as their documentation and bug reports show them."""

from __future__ import annotations

import math

import pytest

from bot.diagnosis.training.progress import Sample, parse_sample

Numbers = dict[str, float | None]

LINES: dict[str, list[tuple[str, Numbers]]] = {
    "boosted trees": [
        ("[20]\tvalid_0's l2: 0.34", {"step": 20, "loss": None}),
        ("[20]\ttrain's binary_logloss: 0.1\tvalid's binary_logloss: 0.21", {"step": 20}),
        ("[LightGBM] [Info] Iteration:120, training auc : 0.93", {"step": 120}),
        ("[1040]\ttraining's rmse: 3.25\tvalid_1's rmse: 3.5", {"step": 1040}),
        ("[20]\ttrain-rmse:0.1\teval-rmse:0.2", {"step": 20, "loss": None}),
        ("[0]\tvalidation_0-logloss:0.61\tvalidation_1-logloss:0.63", {"step": 0}),
        ("[14:02:11] [INFO] [350]\ttrain-mlogloss:0.41231", {"step": 350}),
        ("20:\tlearn: 0.5\ttest: 0.6\tbest: 0.6 (20)\ttotal: 1.2s\tremaining: 58s", {"step": 20}),
        ("0:\tlearn: 0.6912\ttotal: 52.1ms\tremaining: 52s", {"step": 0}),
        ("999:\tlearn: 0.0412\ttest: 0.0832\tbest: 0.0831 (991)\ttotal: 1m 2s\tremaining: 0us", {"step": 999}),
    ],
    "keras": [
        (
            "12/100 ━━━━━━━━━━━━━━━━━━━━ 3s 25ms/step - accuracy: 0.81 - loss: 0.52",
            {"step": 12, "total": 100, "loss": 0.52},
        ),
        (
            "\x08\x081875/1875 ━━━━━━━━━━━━━━━━━━━━ 4s 2ms/step - loss: 0.1412 - val_loss: 0.12",
            {"step": 1875, "total": 1875, "loss": 0.1412},
        ),
        ("  340/Unknown 21s 61ms/step - loss: 1.9", {"step": 340, "loss": 1.9, "total": None}),
        (
            "782/782 - 14s - loss: 0.91 - accuracy: 0.68 - 14s/epoch - 18ms/step",
            {"step": None, "loss": 0.91},
        ),
        ("Epoch 3/10", {"epoch": 3.0, "step": None}),
        (
            "32/60000 [..............................] - ETA: 9:41 - loss: 2.31",
            {"step": 32, "total": 60000, "loss": 2.31},
        ),
    ],
    "fairseq, ESPnet": [
        (
            "2026-01-02 10:00:00 | INFO | train_inner | epoch 002:    410 / 1200 loss=6.12, nll_loss=4.9, ppl=30.1, wps=41220.5, ups=1.31, num_updates=1610, lr=0.0004, gnorm=1.21, train_wall=76",
            {"epoch": 2.0, "step": 410, "total": 1200, "loss": 6.12, "tokens_per_s": 41220.5, "grad_norm": 1.21},
        ),
        (
            "[hostname] 2026-01-02 10:00:00,123 (trainer:732) INFO: 4epoch:train:651-700batch: iter_time=1.2e-04, forward_time=0.151, loss_ctc=61.2, loss_att=40.1, acc=0.712, loss=46.4, backward_time=0.2, grad_norm=8.1, clip=90, loss_scale=1, optim_step_time=0.03, optim0_lr0=8.1e-04, train_time=0.52",
            {"epoch": 4.0, "loss": 46.4, "grad_norm": 8.1},
        ),
        (
            "(trainer:338) INFO: 12epoch results: [train] iter_time=1.1e-04, loss=20.2, acc=0.8, [valid] loss=18.1, acc=0.82",
            {"epoch": 12.0, "loss": 20.2},
        ),
    ],
    "NeMo, Megatron, LLM trainers": [
        (
            "Epoch 0: : 12%|█▏ | 120/1000 [02:10<15:52, v_num=0-1, reduced_train_loss=2.51, global_step=119.0, consumed_samples=960.0, train_step_timing in s=1.02]",
            {"step": 120, "total": 1000, "loss": 2.51},
        ),
        (
            " [2026-01-02 10:00:00.123456] iteration     1210/  500000 | consumed samples:       619520 | elapsed time per iteration (ms): 8120.3 | throughput per GPU (TFLOP/s/GPU): 410.2 | learning rate: 2.9E-04 | global batch size:   512 | lm loss: 2.811034E+00 | loss scale: 1.0 | grad norm: 0.42 | num zeros: 0.0 |",
            {"step": 1210, "total": 500000, "loss": 2.811034, "grad_norm": 0.42, "step_s": 8.1203},
        ),
        (
            "{'loss': 1.1142, 'grad_norm': 0.53, 'learning_rate': 1.91e-05, 'memory/max_mem_active(gib)': 31.2, 'epoch': 0.31}",
            {"loss": 1.1142, "epoch": 0.31, "grad_norm": 0.53},
        ),
        (
            "1|245|Loss: 1.3012:  12%|█▏        | 245/2000 [05:12<37:01,  1.27s/it]",
            {"step": 245, "total": 2000, "loss": 1.3012},
        ),
        (
            "Step 245 | loss:1.3012 lr:2e-05 tokens_per_second_per_gpu:2,311.4 peak_memory_active:18.1",
            {"step": 245, "loss": 1.3012, "tokens_per_s": 2311.4},
        ),
        ("[batch=120/4800]:\n\t Train loss/train/total: 3.1", {"step": 120, "total": 4800}),
        ("\t Train loss/train/total: 3.1021", {"loss": 3.1021, "step": None}),
        ("\t Train throughput/tokens_per_sec: 41023.5", {"tokens_per_s": 41023.5}),
        (
            "completed step: 120, seconds: 4.212, TFLOP/s/device: 181.2, Tokens/s/device: 9721.1, total_weights: 65536, loss: 4.512",
            {"step": 120, "loss": 4.512, "tokens_per_s": 9721.1},
        ),
        (
            "completed step: 7, seconds: 4.212, TFLOP/s/device: 181.2, Tokens/s/device: 9,721.1, loss: nan",
            {"step": 7, "tokens_per_s": 9721.1},
        ),
        (
            "I0102 10:00:00.000000 140 trainer.py:420] [Training] step=1200, loss=1.52, accuracy=0.61, learning_rate=0.001, timing/steps_per_second=3.1",
            {"step": 1200, "loss": 1.52, "learning_rate": 0.001},
        ),
        (
            "I0102 10:00:00.1 140 logging_writer.py:48] [1200] accuracy=0.61, learning_rate=0.001, loss=1.52, steps_per_sec=3.1",
            {"step": 1200, "loss": 1.52},
        ),
        (
            "[2026-01-02 10:00:00,001] [INFO] [logging.py:128:log_dist] [Rank 0] step=1,200, skipped=3, lr=[1e-05, 1e-05], mom=[[0.9, 0.95]]",
            {"step": 1200},
        ),
        (
            "step: 1.2k/5k | loss: 2.31 | 3.4M tokens/s",
            {"step": 1200, "total": 5000, "loss": 2.31, "tokens_per_s": 3.4e6},
        ),
        ("step 1,200/5,000 loss 2.31 (12,345.6 tokens/s)", {"step": 1200, "total": 5000, "tokens_per_s": 12345.6}),
        ("step 40 loss 2.31 | 1.2k tok/s | 45.1% MFU", {"step": 40, "tokens_per_s": 1200.0}),
        ("step 40 loss 2.31 throughput: 3.4M samples/s", {"step": 40, "samples_per_s": 3.4e6}),
        ("step=40 tokens/sec=1.2K loss=2.31", {"step": 40, "tokens_per_s": 1200.0}),
        ("iter 40 | loss 2.31 | 410.2 TFLOPs | 12,345 tok/s/gpu", {"step": 40, "tokens_per_s": 12345.0}),
        ("epoch 1.37/3 loss 0.81", {"epoch": 1.37, "loss": 0.81, "step": None, "total": None}),
        ("Epoch: 1.37/3.0 | Loss: 0.81", {"epoch": 1.37, "loss": 0.81, "step": None}),
        (
            "[rank0]: step 12/100 (12.0%) train loss 3.21 val loss 3.40 lr 3e-4 tok/s 120,333",
            {"step": 12, "total": 100, "loss": 3.21, "tokens_per_s": 120333.0},
        ),
        ("Step 1200 of 90000 (1.3%), loss=2.71, 2.31 s/step", {"step": 1200, "total": 90000, "loss": 2.71}),
        (
            "| step:     1200 | loss: 2.71 | lr: 0.0003 | norm: 0.41 | dt: 312.11ms | tok/sec: 1,678,912.51",
            {"step": 1200, "loss": 2.71, "tokens_per_s": 1678912.51},
        ),
        ("INFO:__main__:train step 1200: {'loss': 2.71, 'ppl': 15.0}", {"step": 1200, "loss": 2.71}),
        (
            "(WorkerDict pid=81) step:12 - global_seqlen/mean:512 - actor/loss:0.12 - perf/throughput:1201.5",
            {"step": 12},
        ),
        (
            "Iter 120: Train loss 1.912, Learning Rate 1.000e-05, It/sec 2.10, Tokens/sec 812.3, Trained Tokens 46011, Peak mem 12.1 GB",
            {"step": 120, "loss": 1.912, "tokens_per_s": 812.3},
        ),
        ("Iter 100: Val loss 2.012, Val took 12.1s", {"loss": None}),
        (
            "2026-01-02 10:00:00,000 - root - INFO - [step=1200/15000,epoch=0]  train/CE loss=2.31,throughput/device/TPS=11,021",
            {"step": 1200, "total": 15000, "loss": 2.31},
        ),
        (
            "[INFO|trainer] Training 3/10 epochs (loss 0.512): 41%|████ | 410/1000 [01:00<01:30, 6.8it/s]",
            {"step": 410, "total": 1000, "loss": 0.512},
        ),
        ("train_step=1200 train_loss=1.52e+00 grad_norm=4.1e-01", {"step": 1200, "loss": 1.52, "grad_norm": 0.41}),
        (
            '{"train/loss": 1.52, "train/grad_norm": 0.4, "train/global_step": 1200}',
            {"loss": 1.52, "grad_norm": 0.4, "step": 1200},
        ),
        ("iter_num=1200 loss=1.52", {"step": 1200, "loss": 1.52}),
        ("n_iter: 1200, train loss = 1.52", {"step": 1200, "loss": 1.52}),
        ("Update 120/500 loss 1.5 lr 1e-4", {"step": 120, "total": 500}),
        ("Ep. 3 : Up. 12000 : Sen. 1,203,112 : Cost 3.1201 : Time 95.1s : 21,332.1 words/s", {"step": 12000}),
        (
            "[2026-01-02 10:00:00,000 INFO] Step 1200/100000; acc: 41.2; ppl: 31.2; xent: 3.44; lr: 0.00031; sents: 41021; bsz: 3011/ 3120/ 8; 21332/22011 tok/s; 131 sec;",
            {"step": 1200, "total": 100000, "loss": 3.44},
        ),
    ],
    "vision": [
        (
            "      1/100      3.2G      1.21      0.92      1.31        24        640: 100%|██████████| 120/120 [00:21<00:00,  5.6it/s]",
            {"epoch": 1.0, "step": 120, "total": 120, "loss": 1.21},
        ),
        ("      7/100      3.21G      1.103      0.812      1.204        31        640", {"epoch": 7.0, "loss": 1.103}),
        (
            "     12/299     11.4G   0.02311   0.01912   0.004121        98        640: 41%|████      | 91/221 [00:31<00:44,  2.9it/s]",
            {"epoch": 12.0, "step": 91, "total": 221, "loss": 0.02311},
        ),
        (
            "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 20/20 [00:03<00:00]",
            {"loss": None},
        ),
        (
            "[01/02 10:00:00 d2.utils.events]:  eta: 1:21:10  iter: 1199  total_loss: 0.912  loss_cls: 0.2  loss_box_reg: 0.31  time: 0.2104  last_time: 0.22  data_time: 0.0051  lr: 0.0002  max_mem: 3121M",
            {"step": 1199, "loss": 0.912, "learning_rate": 0.0002},
        ),
        (
            "01/02 10:00:00 - mmengine - INFO - Epoch(train)  [3][ 150/7330]  lr: 2.0000e-02  eta: 10:11:12  time: 0.41  data_time: 0.01  memory: 4012  grad_norm: 8.1  loss: 0.912  loss_cls: 0.4",
            {"epoch": 3.0, "step": 150, "total": 7330, "loss": 0.912, "grad_norm": 8.1},
        ),
        (
            "01/02 10:00:00 - mmengine - INFO - Iter(train) [ 1200/160000]  lr: 9.9e-03  eta: 11:01:02  time: 0.3  loss: 1.21",
            {"step": 1200, "total": 160000, "loss": 1.21},
        ),
        ("01/02 10:00:00 - mmengine - INFO - Epoch(val) [3][ 50/625]    eta: 0:01:01  time: 0.1", {"loss": None}),
        (
            "Epoch: [3][ 120/5005]\tTime  0.41 ( 0.44)\tData  0.01 ( 0.02)\tLoss 3.1201e+00 (3.4112e+00)\tAcc@1  31.1 ( 28.1)",
            {"epoch": 3.0, "step": 120, "total": 5005, "loss": 3.1201},
        ),
        (
            "Epoch: [3]  [ 120/5005]  eta: 0:41:12  lr: 0.0125  img/s: 812.1  loss: 3.1201 (3.4112)  time: 0.31  data: 0.01  max mem: 9012",
            {"epoch": 3.0, "step": 120, "total": 5005, "loss": 3.1201, "samples_per_s": 812.1},
        ),
        ("Train Epoch: 3 [12800/60000 (21%)]\tLoss: 0.212011", {"epoch": 3.0, "loss": 0.212011}),
        ("[epoch: 3, batch: 120/300, loss: 1.21]", {"epoch": 3.0, "step": 120, "total": 300, "loss": 1.21}),
    ],
    "PaddlePaddle, MindSpore": [
        (
            "[2026-01-02 10:00:00,123] [    INFO] - loss: 2.1201, learning_rate: 2.9e-05, global_step: 120, interval_runtime: 4.1, interval_samples_per_second: 31.2, interval_steps_per_second: 1.95, epoch: 0.31",
            {"loss": 2.1201, "step": 120, "samples_per_s": 31.2, "epoch": 0.31},
        ),
        (
            "[2026/01/02 10:00:00] ppocr INFO: epoch: [3/500], global_step: 1200, lr: 0.001, acc: 0.41, loss: 12.1, avg_reader_cost: 0.01 s, avg_batch_cost: 0.2 s, avg_samples: 128.0, ips: 612.1 samples/s, eta: 1:11:10",
            {"epoch": 3.0, "step": 1200, "loss": 12.1, "samples_per_s": 612.1},
        ),
        (
            "global step 120, epoch: 1, batch: 120, loss: 0.612, accu: 0.7, speed: 3.21 step/s",
            {"step": 120, "epoch": 1.0, "loss": 0.612},
        ),
        ("epoch: 3 step: 120, loss is 2.1201", {"epoch": 3.0, "step": 120, "loss": 2.1201}),
        ("epoch: 3 step: 120, loss is nan", {"epoch": 3.0, "step": 120}),
        ("Train epoch time: 41021.121 ms, per step time: 21.880 ms", {"loss": None}),
        (
            "2026-01-02 10:00:00,000 - mindformers[callback.py:301] - INFO - { Epoch:[  1/  2], step:[  120/ 1250], loss: 3.121, per_step_time: 812ms, lr: 1e-05, overflow cond: False, loss_scale: 65536.0",
            {"step": 120, "total": 1250, "loss": 3.121},
        ),
    ],
    "reinforcement learning": [
        ("|    total_timesteps      | 204800      |", {"step": 204800}),
        ("|    loss                 | 0.0121      |", {"loss": 0.0121}),
        ("|    ep_rew_mean          | 212.1       |", {"loss": None, "step": None}),
        ("|    fps                  | 1021        |", {"loss": None, "step": None}),
        ("training_iteration: 120", {"step": 120}),
        ("num_env_steps_sampled: 120000", {"loss": None}),
        ("global_step=20480, episodic_return=[212.]", {"step": 20480}),
        (
            "[INFO] Walker. Step: 60000. Time Elapsed: 81.1 s. Mean Reward: 12.1. Std of Reward: 3.1. Training.",
            {"step": 60000},
        ),
    ],
    "speech, text, others": [
        (
            "LOG (nnet3-chain-train[5.5]:PrintStatsForThisPhase():nnet-training.cc:313) Average objective function for 'output' for minibatches 100-199 is -0.2012 over 12800 frames.",
            {"loss": None},
        ),
        (
            "2026-01-02 10:00:00,000 INFO [train.py:912] Epoch 3, batch 1200, loss[loss=0.312, simple_loss=0.41, over 11021.00 frames. ], tot_loss[loss=0.321, over 2201223.12 frames. ], batch size: 41, lr: 2.1e-02, grad_scale: 8.0",
            {"epoch": 3.0, "step": 1200, "loss": 0.312},
        ),
        (
            "2026-01-02 10:00:00,000 epoch 3 - iter 120/1203 - loss 0.31201 - time (sec): 31.2 - samples/sec: 412.1 - lr: 0.100000",
            {"epoch": 3.0, "step": 120, "total": 1203, "loss": 0.31201, "samples_per_s": 412.1},
        ),
        ("  3    1200        112.41    431.20   71.12   70.31   71.95    0.71", {"loss": None}),
        ("     > loss: 0.312 (0.401)", {"loss": 0.312}),
        ("   --> TIME: 2026-01-02 10:00:00 -- STEP: 120/320 -- GLOBAL_STEP: 1200", {"step": 120, "total": 320}),
        ("progress: 12.1% words/sec/thread: 21332 lr: 0.041 avg.loss: 1.21 ETA: 0h 1m", {"loss": 1.21}),
        (
            "Epoch 3 | Batch 120/300 | Loss 0.31 | 41.2 samples/sec",
            {"epoch": 3.0, "step": 120, "total": 300, "loss": 0.31, "samples_per_s": 41.2},
        ),
        ("epoch=3 step=120 loss=0.31 ips=1.2k", {"epoch": 3.0, "step": 120}),
        (
            "Epoch 3: 100%|██████████| 300/300 [00:41<00:00, 7.2it/s, loss=0.31]",
            {"epoch": 3.0, "step": 300, "total": 300, "loss": 0.31},
        ),
        ("step 120 | train_loss 1.2e-1 | 2.1 it/s", {"step": 120, "loss": 0.12}),
        (
            "[Step 120/300] Loss: 0.31 Speed: 41.2 imgs/s ETA 12m",
            {"step": 120, "total": 300, "loss": 0.31, "samples_per_s": 41.2},
        ),
        ("Iteration #120 Loss=0.31", {"step": 120, "loss": 0.31}),
        ("it: 120 loss: 0.31", {"step": 120, "loss": 0.31}),
        ("it=120, loss=0.31", {"step": 120, "loss": 0.31}),
    ],
}

CASES = [(name, line, expected) for name, lines in LINES.items() for line, expected in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [(line, expected) for _, line, expected in CASES],
    ids=[f"{name}: {line[:40].strip()}" for name, line, _ in CASES],
)
def test_numbers_of_a_line(line: str, expected: Numbers) -> None:
    sample = parse_sample(line) or Sample()

    found = {name: getattr(sample, name) for name in expected}
    assert found == {name: value if value is None else pytest.approx(value) for name, value in expected.items()}
    if "nan" in line.lower():
        assert sample.loss is not None
        assert math.isnan(sample.loss)
