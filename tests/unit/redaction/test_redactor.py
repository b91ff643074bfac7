"""Secrets are hidden, words of training logs are not."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.logs import LogLine
from bot.redaction.patterns import SecretPattern, pattern_groups
from bot.redaction.redactor import HIDDEN, Redactor
from tests.support.work import best_cpu_ratio

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
    ("TOKEN=", f"{alnum(40)}/{alnum(33)}/{alnum(44)}/{alnum(61)}+a=="),
    ("session_token: ", "550e8400-e29b-41d4-a716-446655440000"),
    ("postgresql+psycopg2://user:", "p@ss:word"),
    ("https://x/y?v=1\\u0026X-Amz-Signature=", "0123456789abcdef"),
    ("https://x.blob.core.windows.net/c?se=2026%26sig%3D", "abc%2Fdef%3D"),
    ("Authorization: Api-Key ", "AbCdEfGh." + alnum(32)),
    ("'Authorization': 'Basic ", "dXNlcjpwYXNz"),
    ('"auths": {"index.docker.io": {"auth": "', "dXNlcjpwYXNzd29yZA=="),
    ('"env": "{\\"api_key\\": \\"', "abcdefgh"),
    ("\x1b[33mWANDB_API_KEY\x1b[0m=\x1b[35m", alnum(40)),
    ("\x1b[32mhf_", alnum(34)),
    ("\\nhf_", alnum(34)),
    ("('api_key', '", "abcdef123456"),
    ("train.py --wandb_api_key ", alnum(40)),
    ("AccountName=x;AccountKey=", alnum(86) + "=="),
    ("Server=db;Uid=u;Pwd=", "hunter2"),
    ("Incorrect API key provided: ", "abcd1234efgh"),
    ("machine api.wandb.ai login user password ", alnum(40)),
    ("machine api.wandb.ai\n  login user\n  password ", alnum(40)),
    ("docker login -u AWS -p ", alnum(60)),
    ("client-key-data: ", "LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ"),
    ("stringData: LS0tLS1CRUdJTiBQUklW", "QVRFIEtFWS0tLS0tCk1JSUV2UUlC"),
    ("MIIEpAIBAA", "KCAQEA" + alnum(48)),
    ("AWS_SECRET_KEY: ", alnum(40)),
    ("password='", "with spaces too"),
    ("gsk_", alnum(52)),
    ("rpa_", alnum(40)),
    ("hvs.", alnum(90)),
    ("dapi", "0a" * 16),
    ("glrt-", alnum(20)),
    ("GOCSPX-", alnum(28)),
]
AFTER = {
    "postgres://user:": "@db/x",
    "postgresql+psycopg2://user:": "@db/x",
    '{"password": "': '"}',
    "'client_secret': '": "'}",
    '"auths": {"index.docker.io": {"auth": "': '"}}',
    '"env": "{\\"api_key\\": \\"': '\\"}"',
    "'Authorization': 'Basic ": "'",
    "\x1b[33mWANDB_API_KEY\x1b[0m=\x1b[35m": "\x1b[0m",
    "\x1b[32mhf_": "\x1b[0m",
    "('api_key', '": "')",
    "Server=db;Uid=u;Pwd=": ";",
    "password='": "'",
}

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
    "token=/root/.cache/huggingface/hub/models--a--b/blobs/3f786850e387550fdab836ed7e6dc881de23001b/x",
    "cache key: 3f786850e387550fdab836ed7e6dc881de23001b sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c",
    "wandb: https://wandb.ai/team/proj/runs/3k2j1h4g; Appending key for api.wandb.ai to your netrc file: /root/.netrc",
    "key_cache torch.Size([4, 32, 128]) token_embedding.weight: torch.Size([32000, 4096]) lr=3e-05",
    "Found credentials from IAM Role: training-role-1234567; Unable to locate credentials",
    "access_token_expires_in=3600 auth_token_len=20 auth: enabled, method=oauth2 basic block 12345678901234567890",
    "PWD=/workspace/run-1 OLDPWD=/root HOSTNAME=node-7f3a9c0b1d2e",
    "secret_name=my-k8s-name session id: 5f3a9c0b1d2e author: a1b2c3",
    "-----BEGIN CERTIFICATE----- MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTESMBAG",
    "Could not deserialize key data: no -----BEGIN RSA PRIVATE KEY-----",
]


@pytest.mark.parametrize(("prefix", "secret"), SECRETS, ids=[prefix for prefix, _ in SECRETS])
def test_secret_is_hidden_and_its_prefix_is_kept(prefix: str, secret: str) -> None:
    after = AFTER.get(prefix, "")
    expected = f"step 3 {prefix}{HIDDEN}{after} loss 0.1"
    assert (expected, 1) == Redactor().redact(f"step 3 {prefix}{secret}{after} loss 0.1")


@pytest.mark.parametrize("text", TRAINING)
def test_training_text_is_unchanged(text: str) -> None:
    assert (text, 0) == Redactor().redact(text)


def test_configured_secrets_are_hidden_anywhere() -> None:
    redactor = Redactor(["p@ss/word", "tiny", "", "abc"])
    assert redactor.redact("xp@ss/wordy and p%40ss%2Fword, tiny, abc") == (
        f"x{HIDDEN}y and {HIDDEN}, {HIDDEN}, abc",
        3,
    )


def test_repr_shows_no_secret() -> None:
    assert "hunter22" not in repr(Redactor(["hunter22"]))


words = st.sampled_from(
    ["loss", "step", "token", "tokens", "=", ":", " ", "0.123", "12", "key", "rank3", "\n", "nan", "/", "🙂", "\udc80"]
)  # fmt: skip


@given(st.lists(words, max_size=30), st.sampled_from(SECRETS), st.lists(words, max_size=30))
def test_secret_among_any_words_is_hidden(before: list[str], pair: tuple[str, str], after: list[str]) -> None:
    prefix, secret = pair
    end = AFTER.get(prefix, "")
    text = f"{''.join(before)} {prefix}{secret}{end} {''.join(after)}"
    shown, hidden = Redactor().redact(text)
    assert secret not in shown
    assert hidden >= 1


@pytest.mark.parametrize("row", [row for group in pattern_groups() for row in group], ids=lambda row: row.literal)
def test_near_misses_cost_linear_time(row: SecretPattern) -> None:
    """Eight times the text costs eight times as much: a rescan from every position would cost 64 times as much."""
    assert row.literal == (row.literal.lower() if row.ignore_case else row.literal)
    redactor = Redactor()

    def redact(size: int) -> None:
        for end in ("", " ", "=", "='", ": ", "_", "a.", "-----"):
            redactor.redact((row.literal + end) * (size // len(row.literal + end)))

    assert best_cpu_ratio(lambda: redact(96_000), lambda: redact(12_000), rounds=3) < 24


def test_repeated_token_starts_cost_linear_time() -> None:
    """A log must not be able to stall the process: one long run costs as much as many short ones."""
    redactor = Redactor()
    short, long = ("-eyJ" * 15 + " ") * 3_300, "-eyJ" * 50_000
    assert best_cpu_ratio(lambda: redactor.redact(long), lambda: redactor.redact(short)) < 4


@given(st.text())
def test_redaction_is_idempotent(text: str) -> None:
    once, _ = Redactor(["secret-one"]).redact(text)
    assert (once, 0) == Redactor(["secret-one"]).redact(once)


@given(st.text(alphabet=st.sampled_from("abc012 =:-_./<>[]%\n")))
def test_text_without_secrets_is_unchanged(text: str) -> None:
    assert (text, 0) == Redactor().redact(text)


@given(st.text(min_size=4), st.text(), st.text())
def test_configured_secret_is_always_hidden(secret: str, before: str, after: str) -> None:
    if secret in HIDDEN:
        return
    shown, hidden = Redactor([secret]).redact(before + secret + after)
    assert hidden >= 1
    assert shown.replace(HIDDEN, "\x00").count(secret) == 0


def test_lines_without_secrets_are_returned_unchanged() -> None:
    lines = [LogLine(1, "loss 1"), LogLine(2, "bad \udcff byte")]
    assert Redactor(["secret-one"]).redact_lines(lines) == (lines, 0)


def test_only_lines_with_secrets_change() -> None:
    lines = [LogLine(1, "loss 1"), LogLine(2, "password=hunter2\n  next"), LogLine(3, "a\udcff token=1")]
    safe, hidden = Redactor().redact_lines(lines)
    assert hidden == 1
    assert [lines[0], LogLine(2, f"password={HIDDEN}\n  next"), lines[2]] == list(safe)


def test_secret_over_several_lines_is_hidden() -> None:
    body = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" + alnum(32), alnum(64), alnum(21) + "="]
    messages = ["loss 1", "-----BEGIN PRIVATE KEY-----", *body, "-----END PRIVATE KEY-----", "loss 2"]
    safe, hidden = Redactor().redact_lines([LogLine(position, text) for position, text in enumerate(messages)])
    assert hidden >= 1
    assert [*messages[:2], *[HIDDEN] * 3, *messages[-2:]] == [line.message for line in safe]


@given(st.lists(st.tuples(st.lists(words, max_size=5).map("".join), st.sampled_from(SECRETS)), min_size=1, max_size=6))
def test_secret_is_hidden_among_other_lines_as_well(messages: list[tuple[str, tuple[str, str]]]) -> None:
    lines = [
        LogLine(position, f"{before} {prefix}{secret}{AFTER.get(prefix, '')}")
        for position, (before, (prefix, secret)) in enumerate(messages)
    ]
    safe, _ = Redactor().redact_lines(lines)
    assert len(lines) == len(safe)
    for (_, (_, secret)), line in zip(messages, safe, strict=True):
        assert secret not in line.message


def test_secret_inside_the_value_of_another_is_hidden() -> None:
    shown, _ = Redactor(["own-secret"]).redact("token=api_key='my value' next=own-secretAKIAIOSFODNN7EXAMPLE")
    assert f"token=api_key='{HIDDEN}' next={HIDDEN}AKIA{HIDDEN}" == shown


def test_secret_in_a_replica_name_is_hidden_in_all_its_lines() -> None:
    lines = [
        LogLine(1, "a", replica="pod-token=" + alnum(32)),
        LogLine(2, "password=hunter2", replica="b"),
        LogLine(3, "c"),
    ]
    safe, hidden = Redactor().redact_lines(lines)
    assert hidden == 2
    assert [("a", f"pod-token={HIDDEN}"), (f"password={HIDDEN}", "b"), ("c", None)] == [
        (line.message, line.replica) for line in safe
    ]


TOKENS = [
    pair for pair in SECRETS if pair[0] in ("ghp_", "hf_", "sk-ant-", "xoxb-", "AKIA", "eyJ", "fw_", "nvapi-", "glpat-")
]


@pytest.mark.parametrize(("prefix", "secret"), TOKENS, ids=[prefix for prefix, _ in TOKENS])
def test_token_broken_by_a_console_cannot_be_restored(prefix: str, secret: str) -> None:
    token = prefix + secret
    for position in range(len(prefix), len(token)):
        before, after = f"{'step 1 ' * 9}{token[:position]}", f"{token[position:]} loss 2"
        safe, hidden = Redactor().redact_lines([LogLine(1, before), LogLine(2, after), LogLine(3, "loss 3")])
        shown = "".join(line.message for line in safe).replace(HIDDEN, "")
        assert hidden == 1
        assert len(before + after) - len(shown.removesuffix("loss 3")) >= 10


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("saved to hf_Model", "2026-03-13T14:02:31.123456789Z step 2"),
        ("in group task-sk-1", "2026-03-13 14:02:31 step 2"),
        ("in group task-sk-", "learning rate 1e-05"),
    ],
)
def test_consecutive_lines_are_not_joined_without_reason(before: str, after: str) -> None:
    lines = [LogLine(1, f"{'step 1 ' * 9}{before}"), LogLine(2, after)]
    assert (lines, 0) == Redactor().redact_lines(lines)


def test_text_after_a_complete_token_is_unchanged() -> None:
    safe, _ = Redactor().redact_lines([LogLine(1, f"{'step 1 ' * 9}hf_{alnum(34)}"), LogLine(2, "2026-03-13 step 2")])
    assert "2026-03-13 step 2" == safe[1].message


@pytest.mark.parametrize("line", ["DB_PASSWORD=", "token hf_", "api_key: "])
def test_page_of_secrets_costs_linear_time(line: str) -> None:
    redactor = Redactor()
    page = [LogLine(at, f"{line}{alnum(10 + at % 40)}") for at in range(1_600)]
    small, large = page[:200], page
    assert best_cpu_ratio(lambda: redactor.redact_lines(large), lambda: redactor.redact_lines(small), rounds=3) < 24


def test_few_secrets_cost_little_more_than_none() -> None:
    redactor = Redactor()
    lines = [LogLine(at, f"step={at} loss=0.1{at} tok/s={at * 7}") for at in range(2_000)]
    mixed = [*lines[:1_000], LogLine(1_000, "password=hunter2"), *lines[1_000:]]
    full = [LogLine(line.timestamp_ns, f"{line.message} password=hunter2") for line in lines]
    assert best_cpu_ratio(lambda: redactor.redact_lines(mixed), lambda: redactor.redact_lines(full), rounds=3) < 0.3


@given(st.integers(0, 4_000), st.sampled_from(["password: |\n  hunter2", "hf_" + alnum(34), "DB_PASSWORD\n=\nhunter2"]))
def test_secret_is_hidden_anywhere_on_a_long_page(position: int, secret: str) -> None:
    lines = [f"step={at} loss=0.{at}" for at in range(4_000)]
    lines.insert(position, secret)
    shown, hidden = Redactor().redact("\n".join(lines))
    assert hidden == 1
    assert shown.splitlines()[:position] == lines[:position]
    assert shown.splitlines()[position + secret.count("\n") + 1 :] == lines[position + 1 :]


def test_assignments_after_a_hidden_value_are_shown() -> None:
    lines = [LogLine(1, "WANDB_API_KEY=0f1e2d3c4b5a69788796"), LogLine(2, "HF_HOME2=/data/x2"), LogLine(3, "A1b2C3=d4")]
    shown, hidden = Redactor().redact_lines(lines)
    assert hidden == 1
    assert lines[1:] == list(shown[1:])
