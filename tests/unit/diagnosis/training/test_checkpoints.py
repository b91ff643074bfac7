# ruff: noqa: E501 - log lines are long
"""Lines about saves of common frameworks name the last checkpoint; lines that only mention one do not."""

import pytest

from bot.diagnosis.diagnoser import Diagnoser
from bot.diagnosis.page_scanner import PageScanner
from bot.domain.progress import Checkpoint

SECOND = 1_000_000_000
START_NS = 1_767_225_600 * SECOND
STEPS = [f"step {number} loss 2.5" for number in range(700, 706)]

SAVED: list[tuple[str, list[str], int | None, str | None]] = [
    ("transformers", ["Saving model checkpoint to out/checkpoint-500", "Configuration saved in out/checkpoint-500/config.json", "Model weights saved in out/checkpoint-500/model.safetensors", "tokenizer config file saved in out/checkpoint-500/tokenizer_config.json"], 500, "out/checkpoint-500"),
    ("transformers, with a logger's prefix", ["[INFO|trainer.py:3503] 2026-01-01 00:00:00,123 >> Saving model checkpoint to /ckpt/checkpoint-500", *STEPS], 500, "/ckpt/checkpoint-500"),
    ("axolotl", ["[2026-01-01 00:00:00,123] [INFO] [axolotl.train] Saving model checkpoint to ./outputs/checkpoint-500", *STEPS], 500, "./outputs/checkpoint-500"),
    ("megatron", ["saving checkpoint at iteration     500 to /ckpt in torch_dist format", "  successfully saved checkpoint from iteration     500 to /ckpt [ t 1/8, p 1/1 ]"], 500, "/ckpt"),
    ("deepspeed", ["[2026-01-01 00:00:00,123] [INFO] [torch_checkpoint_engine.py:21:save] [Torch] Saving /ckpt/global_step500/mp_rank_00_model_states.pt...", "[2026-01-01 00:00:01,123] [INFO] [torch_checkpoint_engine.py:23:save] [Torch] Saved /ckpt/global_step500/mp_rank_00_model_states.pt.", "[2026-01-01 00:00:01,124] [INFO] [torch_checkpoint_engine.py:33:commit] [Torch] Checkpoint global_step500 is ready now!"], 500, "/ckpt/global_step500"),
    ("lightning", ["Epoch 3, global step 500: 'val_loss' reached 0.30312 (best 0.30312), saving model to '/ckpt/epoch=3-step=500.ckpt' as top 1", *STEPS], 500, "/ckpt/epoch=3-step=500.ckpt"),
    ("torchtitan", ["step: 500  loss: 2.5", "Saving the checkpoint (or staging if async is enabled).", "Finished saving the checkpoint (or staging if async is enabled)in 3.50 seconds."], 500, None),
    ("mmengine, by iteration", ["2026/01/01 00:00:00 - mmengine - INFO - Saving checkpoint at 500 iterations", *STEPS], 500, None),
    ("mmengine, by epoch", ["2026/01/01 00:00:00 - mmengine - INFO - Saving checkpoint at 3 epochs", *STEPS], None, "epoch 3"),
    ("keras", ["Epoch 3: val_loss improved from 0.41000 to 0.30000, saving model to best.keras", *STEPS], None, "best.keras"),
    ("fairseq", ["2026-01-01 00:00:00 | INFO | fairseq.checkpoint_utils | Preparing to save checkpoint for epoch 1 @ 500 updates", "2026-01-01 00:00:01 | INFO | fairseq.checkpoint_utils | Saved checkpoint /ckpt/checkpoint_1_500.pt (epoch 1 @ 500 updates, score 2.3) (writing took 3.2 seconds)"], 500, "/ckpt/checkpoint_1_500.pt"),
    ("orbax", ["Saving checkpoint at step 500", "Finished saving checkpoint (finalized tmp dir) to `/ckpt/500`."], 500, "/ckpt/500"),
    ("maxtext", ["saved a checkpoint at step 500"], 500, None),
    ("composer", ["Saved checkpoint to /ckpt/ep1-ba500-rank0.pt"], 500, "/ckpt/ep1-ba500-rank0.pt"),
    ("torch.save", ["Saved checkpoint to /ckpt/step_500.pt"], 500, "/ckpt/step_500.pt"),
    ("plain", ["Checkpoint saved at step 500"], 500, None),
    ("nanogpt", ["step 500: train loss 2.5, val loss 2.6", "saving checkpoint to out/ckpt.pt", *STEPS], 500, "out/ckpt.pt"),
    ("accelerate", ["Saved state to out/checkpoint-500"], 500, "out/checkpoint-500"),
    ("announced, and trained on", ["Saving model checkpoint to out/checkpoint-500", *STEPS, "Saving model checkpoint to out/checkpoint-706"], 500, "out/checkpoint-500"),
    ("announced but not confirmed", ["Saved checkpoint to /ckpt/step_500.pt", *STEPS, "Saving checkpoint to /ckpt/step_706.pt", "step 707 loss 2.5"], 500, "/ckpt/step_500.pt"),
]  # fmt: skip

NOT_SAVED = [
    "Saving model checkpoint to out/checkpoint-500",
    "Checkpoint was not saved at step 500",
    "Failed: checkpoint saved at step 500 is corrupt",
    "Loading checkpoint saved at step 500",
    "Resuming from the checkpoint saved in out/checkpoint-500",
    "Deleting older checkpoint [out/checkpoint-500] due to args.save_total_limit; saved 3",
    "Saving a checkpoint every 500 steps",
    "save_strategy='steps', save_steps=500, checkpoint saved in out",
    "tokenizer config file saved in out/checkpoint-500/tokenizer_config.json",
]


def last_checkpoint(scanner: PageScanner, lines: list[str]) -> Checkpoint | None:
    diagnoser = Diagnoser(scanner)
    diagnoser.feed_many([(line, None, "w-0", START_NS + n * SECOND) for n, line in enumerate(lines)])
    return diagnoser.report(running=False).progress.checkpoint


@pytest.mark.parametrize(("lines", "step", "path"), [case[1:] for case in SAVED], ids=[case[0] for case in SAVED])
def test_last_saved_checkpoint_is_read(
    scanner: PageScanner, lines: list[str], step: int | None, path: str | None
) -> None:
    found = last_checkpoint(scanner, lines)

    assert found is not None
    assert (found.step, found.path) == (step, path)
    assert found.at is not None


@pytest.mark.parametrize("line", NOT_SAVED)
def test_line_that_only_mentions_a_checkpoint_is_ignored(scanner: PageScanner, line: str) -> None:
    assert last_checkpoint(scanner, ["step 499 loss 2.5", line]) is None
