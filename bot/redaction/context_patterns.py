"""Secrets that are recognized by what surrounds them: URLs, names and phrases, a row each."""

from __future__ import annotations

from bot.redaction.random_values import is_login, looks_random
from bot.redaction.secret_pattern import (
    ASSIGNED,
    VALUE,
    SecretPattern,
    checked_value,
    query_parameter,
    secret_name,
    vendor_parameter,
)

URL_PATTERNS = (
    SecretPattern(
        "://",
        r"(?<=[A-Za-z0-9]://)[^\s/:@'\"]{0,128}:(?!\[hidden\]@)([^\s/'\"]{1,2048})(?=@)",
        r"://[^\s/:@]*:[^\s/]+@",
        "postgres://user:«hunter2»@db/x",
        "http://127.0.0.1:29500",
    ),
    SecretPattern(
        "http",
        "s?://([A-Za-z0-9_-]{16,}+)(?=@)",
        "https?://[A-Za-z0-9_-]{16}[A-Za-z0-9_-]*@",
        "https://«{40}»@github.com/org/repo",
        "https://github.com/org/repo",
    ),
)

QUERY_PATTERNS = (
    query_parameter("sig", "https://x/y?v=1&sig=«abc%2Fdef%3D»", "https://x/y?sigma=0.123456789", "(?:nature)?"),
    query_parameter("key", "https://x/y?key=«{20}»", "https://x/y?key=1"),
    query_parameter("token", "https://x/y?token=«{20}»", "https://x/y?tokens=123456789"),
    query_parameter("awsaccesskeyid", "https://x/y?AWSAccessKeyId=«{20}»", "https://x/y?awsaccesskeyid"),
    query_parameter("access_token", "https://x/y?access_token=«{20}»", "https://x/y?access_token_expires=3600"),
    query_parameter("auth_token", "https://x/y?auth_token=«{20}»", "https://x/y?auth_token_len=20"),
    query_parameter("id_token", "https://x/y?id_token=«{20}»", "https://x/y?id_token_len=20"),
    vendor_parameter("x-amz-", "https://x/y?X-Amz-Signature=«0123456789abcdef»", "X-Amz-Date=20260313T101010Z"),
    vendor_parameter("x-goog-", "https://x/y?X-Goog-Signature=«0123456789abcdef»", "X-Goog-Date=20260313T101010Z"),
    vendor_parameter("x-oss-", "https://x/y?x-oss-signature=«0123456789abcdef»", "x-oss-date=20260313T101010Z"),
)

NAME_PATTERNS = (
    secret_name("pass", '{"password": "«with spaces 1»"}', "password=***", "(?:w(?:or)?d|phrase)"),
    secret_name("secret", "'client_secret': '«s3cr3t»'", "secret: null", "(?:[ _-]?(?:key|token|id|value))?"),
    secret_name("credential", "credentials=«{12}»", "Found credentials from IAM Role: training-role-1234567", "s?"),
    secret_name("api", "--api-key «{20}»", "api_key=None", "[ _-]?(?:key|token|secret)(?: provided)?"),
    secret_name("access", "access_key: «{20}»", "access_token_expires_in=3600", "[ _-]?(?:key|token)"),
    secret_name("auth", "auth_token=«{20}»", "auth_token_len=20", "[ _-]?(?:token|key)"),
    secret_name("session", "session_token: «550e8400-e29b-41d4-a716-446655440000»", "session id: 5f3a9c0b1d2e",
                "[ _-]?(?:key|token)"),
    secret_name("bearer", "bearer_token=«{20}»", "bearer_token=<token>", "[ _-]?token"),
    secret_name("refresh", "refresh_token=«{20}»", "refresh_token=null", "[_-]?token"),
    secret_name("security", "security_token=«{20}»", "security_token=none", "[_-]?token"),
    secret_name("id", "id_token=«{20}»", "pad_token_id=50256", "[_-]?token"),
    secret_name("hf", "HF_TOKEN=«{20}»", "HF_TOKEN=$HF_TOKEN", "[_-]?token"),
    secret_name("bot", "BOT_TOKEN=«{20}»", "bot_token=...", "[_-]?token"),
    secret_name("app", "APP_TOKEN=«{20}»", "app_token=<token>", "[_-]?token"),
    secret_name("account", "AccountName=x;AccountKey=«{86}==»", "account key: unknown", "[ _-]?key"),
    secret_name("private", "private_key='«{20}»'", "private key: unknown", "[ _-]?key"),
    secret_name("encryption", "encryption_key=«{20}»", "encryption key: unknown", "[ _-]?key"),
    secret_name("signing", "signing_key=«{20}»", "signing key: unknown", "[ _-]?key"),
    secret_name("license", "license_key=«{20}»", "license key: unknown", "[ _-]?key"),
    secret_name("subscription", "subscription_key=«{20}»", "subscription key: unknown", "[ _-]?key"),
    secret_name("shared", "shared_key=«{20}»", "shared key: unknown", "[ _-]?key"),
    secret_name("master", "master_key=«{20}»", "master key: unknown", "[ _-]?key"),
    secret_name("client", "client-key-data: «{42}1»", "client key data: unknown", "[_-]key[_-]data"),
    secret_name("webhook", "webhook_url=«https://x/{20}»", "webhook url: unset", "[_-]?url"),
    secret_name("mysql_pwd", "MYSQL_PWD=«hunter2»", "mysql_pwd=***"),
    secret_name(";pwd", "Server=db;Uid=u;Pwd=«hunter2»;", "OLDPWD=/root"),
    secret_name("; pwd", "Server=db; Pwd=«hunter2»;", "; pwd"),
)  # fmt: skip


def _is_random(text: str, start: int, value: str) -> bool:
    return looks_random(value)


def _is_random_or_login(text: str, start: int, value: str) -> bool:
    return looks_random(value) or is_login(value)


def _is_near_wandb(text: str, start: int, value: str) -> bool:
    return "wandb" in text[max(start - 48, 0) : start].lower()


def _wandb_key(word: str, hides: str, keeps: str) -> SecretPattern:
    rest, prefilter = r"[^\w\n]{1,8}([0-9a-f]{40})(?!\w)", rf"(?i:{word}\W{{1,8}}[0-9a-f]{{40}})"
    return SecretPattern(word, rest, prefilter, hides, keeps, ignore_case=True, check=_is_near_wandb)


_SCHEME = r"(?:[A-Za-z][A-Za-z0-9-]{0,20}\s{1,2})?"
_NOT_WORD = "[^a-z0-9_]{1,8}"

CHECKED_PATTERNS = (
    checked_value(
        "token",
        rf"(?:{ASSIGNED}(?:(?:bearer|basic|token)\s)?|\s{{1,2}})",
        rf"(?:\x1b|{_NOT_WORD}(?:(?:bearer|basic|token)[^a-z])?{VALUE}{{16}})",
        _is_random,
        "token=«{32}»",
        "resuming token=checkpoint-1000-final-model-v2",
    ),
    checked_value(
        "auth", f"(?:orization)?{ASSIGNED}{_SCHEME}", "(?:orization)?[^a-z_]", _is_random_or_login,
        "Authorization: Bearer «{40}»", "auth: enabled, method=oauth2", 8,
    ),
    checked_value(
        "basic", r"\s{1,2}", f"{_NOT_WORD}{VALUE}{{8}}", _is_random_or_login,
        "'Authorization': 'Basic «dXNlcjpwYXNz»'", "basic initialization of everything", 8,
    ),
    checked_value(
        "bearer", r"(?:\s{1,2}|%20)", f"(?:%20|{_NOT_WORD}){VALUE}{{16}}", _is_random,
        "Bearer «{40}»", "bearer authentication-is-required",
    ),
    checked_value(
        "login", r"\s{1,2}", f"{_NOT_WORD}{VALUE}{{16}}", _is_random,
        "login «{40}»", "login succeeded-after-all-retries",
    ),
    checked_value(
        "api", r"[_-]?key\s{1,2}", f"[_-]?key{_NOT_WORD}{VALUE}{{16}}", _is_random,
        "api_key «{40}»", "api_key not-found-in-the-environment",
    ),
    _wandb_key("key", "wandb: key «0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f»",
               "cache key: 3f786850e387550fdab836ed7e6dc881de23001b"),
    _wandb_key("login", "wandb login «0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f»",
               "git login: 3f786850e387550fdab836ed7e6dc881de23001b"),
)  # fmt: skip

PHRASE_PATTERNS = (
    SecretPattern(
        "cookie", r"[\"']?\s{0,2}:\s{0,2}[\"']?([^\s\"'=;:]{1,64}=[^\n\"']{4,})", "(?i:cookie[\"']?.?.?:)",
        "Set-Cookie: «session=abcdef123456»", "cookie: none", ignore_case=True,
    ),
    SecretPattern(  # .netrc
        "machine",
        r"\s{1,2}\S{1,128}[\s\x01]{1,8}login\s{1,2}\S{1,128}[\s\x01]{1,8}password\s{1,2}(?!\[hidden\])(\S{4,})",
        "(?i:machine[^a-z])", "machine api.wandb.ai login user password «{40}»", "machine 3 of 8 is ready",
        ignore_case=True,
    ),
    SecretPattern(
        "docker login", r"[^\n]{0,128}?\s-p[ =]?(?!\[hidden\])([^\s-]\S{3,})", "docker login",
        "docker login -u AWS -p «{60}»", "docker login --password-stdin",
    ),
)  # fmt: skip
