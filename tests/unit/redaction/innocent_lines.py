"""Lines of training logs that resemble secrets and are none: generated, with hashes, counts, names and paths."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Iterator

TEMPLATES = """
step={n} tokens={n} tok/s={f} loss={f} grad_norm={f} lr={e}
tokens: {n} token_count={n} max_new_tokens={n} num_tokens={n} total_tokens: {n}
tokens_per_second={f} tokens/s {n} input_tokens={n} output_tokens={n} cached_tokens={n}
{{"tokens": {n}, "token_ids": [{n}, {n}], "pad_token": "<pad>", "eos_token_id": {n}}}
pad_token='<|endoftext|>' bos_token='<s>' eos_token='</s>' unk_token=None mask_token='[MASK]'
next_token="{word} {word}" stop_token=</s> sep_token="[SEP]" image_token='<image>'
tokenizer=AutoTokenizer.from_pretrained('meta-llama/Llama-3.{d}-8B-Instruct')
tokenizer_name: Qwen/Qwen2.5-{d}B-Instruct tokenizer_class: PreTrainedTokenizerFast
Loading tokenizer from /root/.cache/huggingface/hub/models--org--name/snapshots/{sha}/tokenizer.json
forward_pass={f} backward_pass={f}s num_pass={d} two_pass=True pass@{d}={f}
pass: {d} fail: 0 passed={n} passes={d} bypass=True compass=north
eval pass@1: {f} | pass@10: {f} | maj@8: {f}
  "pass": {d}, "fail": 0, "skip": {d}
test_pass: {f} pass_rate={f} forward-pass {f} ms, two-pass=full
torch.compile: pass=fuse_attention took {f} s; graph_pass: eliminate_dead_code
PWD=/workspace/run-{n} OLDPWD=/root pwd: /home/user{d} HOSTNAME=node-{hex8}
cache_key={sha} cache key: {sha} key_cache shape torch.Size([{d}, {n}, 128])
key={word}.{word}.{d}.weight missing keys: ['model.layers.{d}.self_attn.q_proj.weight']
KeyError: '{word}_{d}' state_dict key: model.layers.{d}.mlp.gate_proj.weight
rng_key=[0 {n}] PRNGKey({n}) sort_key=step partition_key=rank primary_key=id
metric_key: eval/loss best_key=step-{n} group_key={hex8} dedupe key {uuid}
public_key: ssh-ed25519 fingerprint SHA256:{b43}
commit {sha} (HEAD -> main) tree {sha} parent {sha}
git: {sha} branch=main dirty=False diff={hex8}
sha256:{sha64} md5={hex32} etag="{hex32}"
run {hex8} id={uuid} parent={uuid} trace_id={hex32} span_id={hex16}
request_id={uuid} session id: {hex12} correlation-id {uuid}
wandb: Run data is saved locally in /tmp/wandb/run-20260313_101010-{id8}
wandb: View run at https://wandb.ai/team/proj/runs/{id8}
wandb: Synced {d} W&B file(s), {d} media file(s); run {id8}
saving checkpoint to s3://bucket/ckpt/step={n}/model-0000{d}-of-00004.safetensors
Saved checkpoint-{n} to gs://bucket/run-{id8}/checkpoint-{n} ({f} GB)
resuming token=checkpoint-{n}-final-model-v2 from /ckpt/epoch={d}-step={n}.ckpt
http://127.0.0.1:29500 tcp://10.0.0.{d}:29500/init http://localhost:8000/v1/models
https://example.com/a?step={n}&page={d} https://huggingface.co/org/model@v{d}/resolve/main/config.json
GET http://node-{d}:8080/metrics/job@{d} 200 OK
MASTER_ADDR=10.0.0.{d} MASTER_PORT=29500 WORLD_SIZE=8 RANK={d} LOCAL_RANK={d}
NCCL_DEBUG=INFO CUDA_VISIBLE_DEVICES=0,1,2,3 OMP_NUM_THREADS={d} TOKENIZERS_PARALLELISM=false
HF_HOME=/data/hf HF_TOKEN=$HF_TOKEN WANDB_API_KEY=${{WANDB_API_KEY}} HF_HUB_OFFLINE=1
api_key=None secret: null password=*** API_TOKEN=<token> token: null auth=None
api_key: str = os.environ["API_KEY"] password=os.getenv('DB_PASSWORD')
--lr {e} --batch-size {d} --max-tokens {n} --tokenizer gpt2 --key-dim 128 --pass-through
Namespace(lr={e}, tokens={n}, tokenizer='gpt2', seed={n}, password=None, hf_token=None)
TrainingArguments(hub_token=<HUB_TOKEN>, push_to_hub_token=<PUSH_TO_HUB_TOKEN>, seed={n})
model.config: {{"hidden_size": {n}, "num_key_value_heads": 8, "vocab_size": {n}}}
num_key_value_heads={d} key_dim=128 query_key_norm=True qk_norm=rms key_padding_mask=None
[rank{d}]: loss {f} ppl {f} lr {e} {n} tok/s mfu {f}
{n}/{n} [00:{d}1<01:{d}0, {f}it/s, loss={f}]
Epoch {d}: {d}0%|###  | {n}/{n} [00:1{d}<00:2{d}, v_num={d}, train_loss={f}]
GPU {d}: NVIDIA H100 80GB HBM3 (UUID: GPU-{uuid})
nvidia-smi: {d} | 00000000:{d}1:00.0 | {n}MiB / 81559MiB | {d}%
slurm job {n} on node[001-0{d}2] partition=gpu account=ml-team user=user{d}
Found credentials from IAM Role: training-role-{n}; Unable to locate credentials
basic block {d} login succeeded at once; bearer authentication-is-required
secret_name=my-k8s-name secretKeyRef: name: hf-token key: token imagePullSecrets: regcred
mounting secret volume /var/run/secrets/kubernetes.io/serviceaccount
author: user{d} <user{d}@example.com> authored {d} commits
uploading artifact model-{id8}:v{d} (digest {b22}==)
dataset fingerprint {hex16} num_rows={n} hash={hex32}
compiled kernel triton_poi_fused_{d} cache dir /tmp/torchinductor_root/{id2}/c{hex8}{hex8}.py
inductor: fx graph cache hit key f{hex32}{hex16}
loading shard-{hex8}-{n}.tar from hub: {n} samples, {f} tokens per sample
password: authentication failed for user "train" (attempt {d} of 5)
The secret of training: warm up {d}000 steps. Password must be set. Keys: a, b, c
mysql connection pool size {d}; redis-cli not found; curl: (7) Failed to connect to port {n}
curl -s https://example.com/data-{d}.json -o out.json; ssh -p 2222 user@host; docker run -p 8080:80 x
python train.py -p {d} -u user --port {n} --env=prod --pass 2
container sha {sha64} image registry.example.com:5000/team/train@sha256:{sha64}
memory key: blocks.{d} tokens s.mean {f} pat-na sl.append dp.step SK{d} key-{d}
hyperparameters: {{'key': 'loss', 'username': 'user{d}', 'mode': 'min', 'patience': {d}}}
user,token,count
step,tokens,loss,lr
{n},{n},{f},{e}
| step | tokens | key |
|------|--------|-----|
| {n} | {n} | {word}.{d} |
id\tkey\tvalue
{d}\t{word}\t{f}
  layer            key          shape
  {word}           {word}_{d}   [{n}, {d}]
PASS tests/unit/test_{word}_{d}.py
PASS: test_{word}_{d} ({f} s)
--- PASS: TestShard{d} ({f}s)
PASS {d} of {d}: all {word} checks
forward pass -> {f} ms, key -> {word}.{d}, token -> {n}
tokens/s -> {f} | tokens => {n} | keys -> {d}
num_key_value_heads ............................. {d}
tokenizer_type .................................. HFTokenizer
token_embedding.weight torch.Size([{n}, {d}]) token_type_ids position_ids
Special tokens have been added in the vocabulary, make sure the associated word embeddings are fine-tuned or trained.
Token indices sequence length is longer than the specified maximum sequence length for this model ({n} > {d}12)
kind: ConfigMap
kind: Pod
secretName: hf-token-{d}
community edition {d}.{d} of the community, LOGIN of user{d} at node {d}
user LOGIN node{d} ok; AUTH is off; auth = none; IDENTIFY stragglers: rank {d}
git rev-parse HEAD -> {sha}
checkpoint -> /ckpt/step_{n}.pt (sha256 -> {sha64})
session -> {uuid}, run -> {id8}, trace -> {hex32}
sk-learn 1.{d} task-{n} hf_transfer=1 gh-pages npm_config_loglevel=warn fw_version={d} r8_block
"""


def innocent_lines(count: int) -> Iterator[str]:
    """Return lines, the same each time."""
    chance = random.Random(5)
    templates = [line for line in TEMPLATES.splitlines() if line]

    def run(length: int, alphabet: str) -> str:
        return "".join(chance.choice(alphabet) for _ in range(length))

    hexadecimal, alnum = "0123456789abcdef", string.ascii_lowercase + string.digits
    words = ("encoder", "decoder", "attention", "embedding", "optimizer", "shard", "Llama", "checkpoint")
    for at in range(count):
        yield templates[at % len(templates)].format(
            n=chance.randrange(10, 10_000_000),
            d=chance.randrange(10),
            f=f"{chance.random() * 10:.4f}",
            e=f"{chance.randrange(1, 9)}e-0{chance.randrange(3, 8)}",
            word=chance.choice(words),
            sha=run(40, hexadecimal),
            sha64=run(64, hexadecimal),
            hex8=run(8, hexadecimal),
            hex12=run(12, hexadecimal),
            hex16=run(16, hexadecimal),
            hex32=run(32, hexadecimal),
            id8=run(8, alnum),
            id2=run(2, alnum),
            b22=run(22, string.ascii_letters + string.digits),
            b43=run(43, string.ascii_letters + string.digits + "+/"),
            uuid=uuid.UUID(int=chance.getrandbits(128)),
        )
