"""Secrets are hidden, training words are not."""

from __future__ import annotations

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.logs import LogLine
from bot.domain.redaction import HIDDEN, Redactor

ALNUM = string.ascii_letters + string.digits


def alnum(length: int) -> str:
    return "".join(ALNUM[(index * 37 + length) % 62] for index in range(length))


SECRETS = [
    ("ghp_", alnum(36)),
    ("github_pat_", alnum(59)),
    ("glpat-", alnum(20)),
    ("hf_", alnum(34)),
    ("sk-", alnum(48)),
    ("sk-proj-", alnum(60)),
    ("sk-ant-", "api03-" + alnum(90)),
    ("xoxb-", "123456789012-" + alnum(24)),
    ("xapp-1-", "A0123-" + alnum(40)),
    ("AKIA", "IOSFODNN7EXAMPLE"),
    ("AIza", alnum(35)),
    ("ya29.", alnum(60)),
    ("eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-123"),
    ("session-eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-123"),
    ("npm_", alnum(36)),
    ("pypi-AgE", "IcHlwaS5vcmc" + alnum(60)),
    ("nvapi-", alnum(60)),
    ("fw_", alnum(24)),
    ("-----BEGIN RSA PRIVATE KEY-----", "\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----"),
    ("postgres://user:", "hunter2"),
    ("https://hooks.slack.com/services/", "T000/B000/" + alnum(24)),
    ("https://x/y?X-Amz-Signature=", "0123456789abcdef"),
    ("https://x/y?v=1&sig=", "abc%2Fdef%3D"),
    ("WANDB_API_KEY=", "a1" * 20),
    ("wandb login ", "0f" * 20),
    ('{"password": "', "with spaces 1"),
    ("'client_secret': '", "s3cr3t"),
    ("Authorization: Bearer ", alnum(40)),
    ("SECRET: ", "s3cr3tvalue"),
    ("token=", alnum(32)),
    ("--api-key ", alnum(20)),
    ("aws_secret_access_key = ", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ("session_token: ", "550e8400-e29b-41d4-a716-446655440000"),
]
AFTER = {"postgres://user:": "@db/x", '{"password": "': '"}', "'client_secret': '": "'}"}

TRAINING = [
    "token=123 tok/s 4096 tokens: 4096 tokens/sec=40961",
    "pad_token='<pad>' eos_token=</s> next_token=\"hello world\" pad_token_id=50256",
    "tokenizer=AutoTokenizer.from_pretrained('meta-llama/Llama-3-8B-Instruct')",
    "resuming token=checkpoint-1000-final-model-v2",
    "state_dict key: model.layers.0.self_attn.q_proj.weight missing keys: ['a']",
    "sk-learn 1.5; task-12345678901234567890; disk-usage-of-the-node-is-now-98-percent",
    "api_key=None secret: null password=*** API_TOKEN=$HF_TOKEN key=${KEY}",
    "password: authentication failed; basic initialization of everything; login succeeded at once",
    "git@github.com:org/repo.git commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "s3://bucket/ckpt/step=1000/model.safetensors http://127.0.0.1:29500 https://x.com/a?step=100000000&page=2",
    "hf_transfer on; hf_device_map and hf_quantizer_config_something_long",
    "wandb: Run data is saved locally in /tmp/wandb/run-20260313_101010-abcd1234",
    "max_new_tokens=512 token_type_ids tokens_per_second=12345.678 author: someone@example.com",
    "md5 d41d8cd98f00b204e9800998ecf8427e uuid 550e8400-e29b-41d4-a716-446655440000",
]


@pytest.mark.parametrize(("prefix", "secret"), SECRETS, ids=[prefix for prefix, _ in SECRETS])
def test_a_secret_is_hidden_and_its_kind_stays_readable(prefix: str, secret: str) -> None:
    after = AFTER.get(prefix, "")
    expected = f"step 3 {prefix}{HIDDEN}{after} loss 0.1"
    assert (expected, 1) == Redactor().redact(f"step 3 {prefix}{secret}{after} loss 0.1")


@pytest.mark.parametrize("text", TRAINING)
def test_training_words_are_left_alone(text: str) -> None:
    assert (text, 0) == Redactor().redact(text)


def test_the_processs_own_secrets_are_hidden_wherever_they_stand() -> None:
    redactor = Redactor(["p@ss/word", "tiny", "", "abc"])
    assert redactor.redact("xp@ss/wordy and p%40ss%2Fword, tiny, abc") == (
        f"x{HIDDEN}y and {HIDDEN}, {HIDDEN}, abc",
        3,
    )


def test_its_own_picture_shows_no_secret() -> None:
    assert "hunter22" not in repr(Redactor(["hunter22"]))


words = st.sampled_from(
    ["loss", "step", "token", "tokens", "=", ":", " ", "0.123", "12", "key", "rank3", "\n", "nan", "/", "🙂", "\udc80"]
)  # fmt: skip


@given(st.lists(words, max_size=30), st.sampled_from(SECRETS), st.lists(words, max_size=30))
def test_a_secret_between_any_words_never_comes_through(
    before: list[str], pair: tuple[str, str], after: list[str]
) -> None:
    prefix, secret = pair
    end = AFTER.get(prefix, "")
    text = f"{''.join(before)} {prefix}{secret}{end} {''.join(after)}"
    shown, hidden = Redactor().redact(text)
    assert secret not in shown
    assert hidden >= 1


def test_what_begins_like_a_token_again_and_again_is_not_read_again_and_again() -> None:
    """Whoever writes a log must not be able to stop the process: one long run costs what many short ones cost."""
    redactor = Redactor()

    def seconds(text: str) -> float:
        begin = time.process_time()
        redactor.redact(text)
        return time.process_time() - begin

    short, long = ("-eyJ" * 15 + " ") * 3_300, "-eyJ" * 50_000
    assert min(seconds(long) for _ in range(3)) < 2 * min(seconds(short) for _ in range(3))


@given(st.text())
def test_hiding_twice_hides_nothing_more(text: str) -> None:
    once, _ = Redactor(["secret-one"]).redact(text)
    assert (once, 0) == Redactor(["secret-one"]).redact(once)


@given(st.text(alphabet=st.sampled_from("abc012 =:-_./<>[]%\n")))
def test_text_without_secrets_comes_back_whole(text: str) -> None:
    assert (text, 0) == Redactor().redact(text)


@given(st.text(min_size=4), st.text(), st.text())
def test_a_known_secret_never_comes_through(secret: str, before: str, after: str) -> None:
    if secret in HIDDEN:
        return
    shown, hidden = Redactor([secret]).redact(before + secret + after)
    assert hidden >= 1
    assert shown.replace(HIDDEN, "\x00").count(secret) == 0


def test_lines_come_back_as_they_were_when_nothing_is_hidden() -> None:
    lines = [LogLine(1, "loss 1"), LogLine(2, "bad \udcff byte")]
    assert Redactor(["secret-one"]).redact_lines(lines) == (lines, 0)


def test_only_the_lines_with_secrets_change() -> None:
    lines = [LogLine(1, "loss 1"), LogLine(2, "password=hunter2\n  next"), LogLine(3, "a\udcff token=1")]
    safe, hidden = Redactor().redact_lines(lines)
    assert hidden == 1
    assert [lines[0], LogLine(2, f"password={HIDDEN}\n  next"), lines[2]] == list(safe)
