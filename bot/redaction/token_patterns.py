"""The published token formats of vendors, a row each.

Source: formats as the vendors, GitHub's and gitleaks' secret scanning publish them (documented, read 2026-11-20).
"""

from __future__ import annotations

from bot.redaction.secret_pattern import (
    ALNUM,
    BASE64,
    DASHED,
    DOTTED,
    HEX,
    MESSAGE_SEPARATOR,
    WORD,
    SecretPattern,
    aws_key_id,
    token,
)

TOKEN_PATTERNS: tuple[SecretPattern, ...] = (
    # GitHub, GitLab
    token("gh", WORD, "ghp_«{36}»", "ghp_placeholder", more="[pousr]_", min_chars=30, word_start=False),
    token("github_pat_", WORD, "github_pat_«{59}»", "github_pat_TOKEN", min_chars=22, word_start=False),
    token(
        "gl", DOTTED, "glpat-«{20}»", "glrt-runner", min_chars=18, word_start=False,
        more="(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|soat|agent|oas|wt|ffct)-",
    ),
    # Model hubs and inference services
    token("hf_", ALNUM, "hf_«{34}»", "hf_quantizer_config_something_long"),  # Hugging Face
    token("api_org_", ALNUM, "api_org_«{34}»", "api_org_id=7"),
    token("fw_", ALNUM, "fw_«{24}»", "fw_version=3"),  # Fireworks
    token("r8_", ALNUM, "r8_«{37}»", "r8_model"),  # Replicate
    token("rpa_", ALNUM, "rpa_«{40}»", "rpa_worker"),  # RunPod
    token("gsk_", ALNUM, "gsk_«{52}»", "gsk_model"),  # Groq
    token("xai-", ALNUM, "xai-«{80}»", "xai-grok"),
    token("pplx-", ALNUM, "pplx-«{48}»", "pplx-70b-online"),
    token("tgp_v1_", DASHED, "tgp_v1_«{43}»", "tgp_v1_key"),  # Together
    token("sk-", DASHED, "sk-proj-«{60}»", "sk-learn 1.5", more="(?:ant-|proj-)?"),  # OpenAI, Anthropic and others
    token("nvapi-", DASHED, "nvapi-«{60}»", "nvapi-endpoint", min_chars=40),  # NVIDIA
    # Experiment tracking and observability
    token("wandb_v", DASHED, "wandb_v1_«{40}»", "wandb_v1_run", more=r"\d_"),  # Weights & Biases
    token("lsv2_", WORD, "lsv2_pt_«{43}»", "lsv2_pt_name", more="(?:pt|sk)_"),  # LangSmith
    token("glsa_", WORD, "glsa_«{41}»", "glsa_name", min_chars=32),  # Grafana
    token("glc_", BASE64, "glc_«{60}»", "glc_name", min_chars=32),
    # Packages and images
    token("npm_", ALNUM, "npm_«{36}»", "npm_config_cache"),
    token("pypi-AgE", DASHED, "pypi-AgE«IcHlwaS5vcmc{60}»", "pypi-AgE", word_start=False),
    token("dckr_", DASHED, "dckr_pat_«{27}»", "dckr_pat_name", more="[po]at_"),  # Docker
    # Payment and messaging
    token("k_live_", ALNUM, "sk_live_«{24}»", "sk_live_mode", min_chars=16, word_start=False),  # Stripe
    token("k_test_", ALNUM, "rk_test_«{24}»", "risk_test_set", min_chars=16, word_start=False),
    token("whsec_", BASE64, "whsec_«{32}»", "whsec_name"),
    token("xox", "[A-Za-z0-9-]", "xoxb-«123456789012-{24}»", "xoxb-token", more=r"[abceoprs](?:\.xox[a-z])?-",
          min_chars=10),  # Slack
    token("xapp-", "[A-Za-z0-9-]", "xapp-1-«A0123-{40}»", "xapp-token", more=r"\d-", min_chars=10),
    token("hooks.slack.com/", "[A-Za-z0-9/_-]", "https://hooks.slack.com/services/«T000/B000/{24}»",
          "hooks.slack.com/services/T0", more="(?:services|workflows|triggers)/", min_chars=10, word_start=False),
    token("SG.", DASHED, "SG.{22}.«{43}»", "SG.name", more=r"[A-Za-z0-9_-]{16,32}\."),  # SendGrid
    # Clouds
    aws_key_id("AKIA", "AKIA«IOSFODNN7EXAMPLE»", "AKIAS"),
    aws_key_id("ASIA", "ASIA«IOSFODNN7EXAMPLE»", "ASIA-PACIFIC"),
    aws_key_id("ABIA", "ABIA«IOSFODNN7EXAMPLE»", "ABIA"),
    aws_key_id("ACCA", "ACCA«IOSFODNN7EXAMPLE»", "ACCA"),
    token("ABSK", BASE64, "ABSK«{80}»", "ABSK", min_chars=60),  # AWS Bedrock
    token("bedrock-api-key-", BASE64, "bedrock-api-key-«{60}»", "bedrock-api-key-name"),
    token("AIza", DASHED, "AIza«{35}»", "AIza", min_chars=35),  # Google
    token("ya29.", DOTTED, "ya29.«{60}»", "ya29.step"),
    token("GOCSPX-", DASHED, "GOCSPX-«{28}»", "GOCSPX-id"),
    token("AQ.Ab", DASHED, "AQ.Ab«{50}»", "AQ.Ab", min_chars=40),
    token("1//0", DASHED, "1//0«{60}»", "1//04 of 8", min_chars=40),
    SecretPattern(
        "8Q~", r"(?<=[A-Za-z0-9_.~-]{3}8Q~)([A-Za-z0-9_.~-]{30,})", "8Q~[A-Za-z0-9_.~-]{30}",
        "abc8Q~«{34}»", "8Q~ of 8",
    ),  # Entra
    token("dapi", HEX, "dapi«0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a»", "dapi0a0a", min_chars=32),  # Databricks
    token("dop_v1_", ALNUM, "dop_v1_«{64}»", "dop_v1_name"),  # DigitalOcean
    token("hvs.", DASHED, "hvs.«{90}»", "hvs.name"),  # Vault
    token("hvb.", DASHED, "hvb.«{90}»", "hvb.name"),
    token("pul-", HEX, "pul-«0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a»", "pul-0a0a", min_chars=40),  # Pulumi
    token("tskey-", DASHED, "tskey-auth-«{32}»", "tskey-auth-name", more="(?:auth|api|client)-",
          min_chars=16),  # Tailscale
    # Keys
    token("AGE-SECRET-KEY-1", "[A-Z0-9]", "AGE-SECRET-KEY-1«QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ»",
          "AGE-SECRET-KEY-1", min_chars=40),
    token("LS0tLS1CRUdJTiB", BASE64, "LS0tLS1CRUdJTiBQUklW«QVRFIEtFWS0tLS0tCk1JSUV2UUlC»", "LS0tLS1CRUdJTiB",
          more="(?:QUklW|SU0Eg|FQyBQ|PUEVO|ERU0E|FTkNS)", word_start=False),  # a PEM file in base64
    token("MII", BASE64, "MIIEpAIBAA«KCAQEA{48}»", "MIIEpAIBAA", more="[A-Za-z0-9+/]{3}IBA[AD]", min_chars=16,
          word_start=False),  # the first line of a private key
    token("b3BlbnNzaC1rZXktdjE", BASE64, "b3BlbnNzaC1rZXktdjE«AAAAABG5vbmUAAAAEbm9uZQ»", "b3BlbnNzaC1rZXktdjE",
          word_start=False),  # an OpenSSH private key
    # JWT. A run without a second part is consumed whole, so that it is not read again from its next `eyJ`.
    SecretPattern(
        "eyJ",
        r"(?:([A-Za-z0-9_-]{8,}+\.(?:eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)?"
        r"|[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++){3}))|[A-Za-z0-9_-]{8,}+)",
        r"eyJ[A-Za-z0-9_-]{8}[A-Za-z0-9_-]*\.[A-Za-z0-9_-]",
        "eyJ«hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def-123»",
        "eyJhbGciOiJIUzI1NiJ9",
    ),
)  # fmt: skip

BROKEN_TOKEN = (
    f"(?:{'|'.join(row.token_prefix or row.literal for row in TOKEN_PATTERNS)})"
    f"[A-Za-z0-9_.+/=-]{{0,64}}{MESSAGE_SEPARATOR}"
)
"""RE2 pattern: a token at the end of a message, which may continue in the next one."""
