"""Secrets of many kinds in every place where a log may show them: generated, so that no scanner reports this file."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.unit.redaction.logged_secrets import MORE_PLACES
from tests.unit.redaction.notations import ESCAPED, NOTATIONS
from tests.unit.redaction.structured_secrets import STRUCTURED_SECRETS

_ALNUM = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


class Kind(NamedTuple):
    """A kind of secret: its usual name in an environment, its public prefix, and the value after it."""

    name: str
    prefix: str
    make: Callable[[random.Random], str]
    is_token: bool = True
    """Whether the value itself shows that it is a secret; otherwise its name does."""


class Sample(NamedTuple):
    """A text with a secret in it."""

    kind: str
    place: str
    lines: list[str]
    secret: str


def chars(length: int, alphabet: str = _ALNUM) -> Callable[[random.Random], str]:
    """Random characters with at least two digits and two letters."""

    def make(chance: random.Random) -> str:
        while True:
            value = "".join(chance.choice(alphabet) for _ in range(length))
            if sum(map(str.isdigit, value)) > 1 and sum(map(str.isalpha, value)) > 1:
                return value

    return make


def word(text: str) -> Callable[[random.Random], str]:
    """A password that a person chose."""
    return lambda _: text


def uuid(chance: random.Random) -> str:
    """A UUID in hexadecimal."""
    digits = chars(32, _HEX)(chance)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


KINDS = {
    "GitHub": Kind("GITHUB_TOKEN", "ghp_", chars(36)),
    "GitHub fine-grained": Kind("GH_TOKEN", "github_pat_", chars(59)),
    "GitLab": Kind("GITLAB_TOKEN", "glpat-", chars(20)),
    "Hugging Face": Kind("HF_TOKEN", "hf_", chars(34)),
    "OpenAI": Kind("OPENAI_API_KEY", "sk-proj-", chars(60)),
    "Anthropic": Kind("ANTHROPIC_API_KEY", "sk-ant-", chars(90)),
    "OpenRouter": Kind("OPENROUTER_API_KEY", "sk-or-v1-", chars(64, _HEX)),
    "Fireworks": Kind("FIREWORKS_API_KEY", "fw_", chars(24)),
    "Replicate": Kind("REPLICATE_API_TOKEN", "r8_", chars(37)),
    "NVIDIA": Kind("NVIDIA_API_KEY", "nvapi-", chars(60)),
    "Groq": Kind("GROQ_API_KEY", "gsk_", chars(52)),
    "AWS key id": Kind("AWS_ACCESS_KEY_ID", "AKIA", chars(16, string.ascii_uppercase + string.digits)),
    "Google": Kind("GOOGLE_API_KEY", "AIza", chars(35)),
    "Slack bot": Kind("SLACK_BOT_TOKEN", "xoxb-", lambda chance: f"123456789012-{chars(24)(chance)}"),
    "Stripe": Kind("STRIPE_API_KEY", "sk_live_", chars(24)),
    "Twilio key": Kind("TWILIO_API_KEY", "SK", chars(32, _HEX)),
    "SendGrid": Kind("SENDGRID_API_KEY", "SG.", lambda chance: f"{chars(22)(chance)}.{chars(43)(chance)}"),
    "Mailgun": Kind("MAILGUN_API_KEY", "key-", chars(32, _HEX)),
    "Mailchimp": Kind("MAILCHIMP_API_KEY", "", lambda chance: f"{chars(32, _HEX)(chance)}-us12"),
    "npm": Kind("NPM_TOKEN", "npm_", chars(36)),
    "Shopify": Kind("SHOPIFY_ACCESS_TOKEN", "shpat_", chars(32, _HEX)),
    "Atlassian": Kind("ATLASSIAN_API_TOKEN", "ATATT3x", chars(180)),
    "New Relic": Kind("NEW_RELIC_API_KEY", "NRAK-", chars(27, string.ascii_uppercase + string.digits)),
    "New Relic ingest": Kind("NEW_RELIC_LICENSE_KEY", "", lambda chance: f"{chars(36, _HEX)(chance)}NRAL"),
    "Linear": Kind("LINEAR_API_KEY", "lin_api_", chars(40)),
    "Notion": Kind("NOTION_TOKEN", "ntn_", chars(46)),
    "Notion of old": Kind("NOTION_API_KEY", "secret_", chars(43)),
    "Figma": Kind("FIGMA_TOKEN", "figd_", chars(40)),
    "Postman": Kind("POSTMAN_API_KEY", "PMAK-", lambda chance: f"{chars(24, _HEX)(chance)}-{chars(34, _HEX)(chance)}"),
    "PlanetScale": Kind("PLANETSCALE_TOKEN", "pscale_tkn_", chars(43)),
    "PlanetScale password": Kind("DATABASE_PASSWORD", "pscale_pw_", chars(43)),
    "Supabase": Kind("SUPABASE_ACCESS_TOKEN", "sbp_", chars(40, _HEX)),
    "Supabase secret": Kind("SUPABASE_SECRET_KEY", "sb_secret_", chars(31)),
    "Vault of old": Kind("VAULT_TOKEN", "s.", chars(24)),
    "Vault": Kind("VAULT_TOKEN", "hvs.", chars(90)),
    "Doppler": Kind("DOPPLER_TOKEN", "dp.st.prd.", chars(43)),
    "Sentry": Kind("SENTRY_AUTH_TOKEN", "sntrys_", chars(80)),
    "Airtable": Kind("AIRTABLE_TOKEN", "pat", lambda chance: f"{chars(14)(chance)}.{chars(64, _HEX)(chance)}"),
    "HubSpot": Kind("HUBSPOT_TOKEN", "pat-na1-", uuid),
    "Square": Kind("SQUARE_ACCESS_TOKEN", "sq0atp-", chars(22)),
    "Dropbox": Kind("DROPBOX_TOKEN", "sl.", chars(130)),
    "Terraform": Kind("TFE_TOKEN", "", lambda chance: f"{chars(14)(chance)}.atlasv1.{chars(64)(chance)}"),
    "Fly": Kind("FLY_API_TOKEN", "fo1_", chars(43)),
    "Netlify": Kind("NETLIFY_AUTH_TOKEN", "nfp_", chars(40)),
    "Heroku": Kind("HEROKU_API_KEY", "HRKU-", chars(60)),
    "JFrog": Kind("ARTIFACTORY_API_KEY", "AKCp", chars(69)),
    "Telegram": Kind("TELEGRAM_BOT_TOKEN", "", lambda chance: f"7123456789:AA{chars(33)(chance)}"),
    "Tailscale": Kind("TS_AUTHKEY", "tskey-auth-", chars(32)),
    "DigitalOcean": Kind("DIGITALOCEAN_TOKEN", "dop_v1_", chars(64, _HEX)),
    "Databricks": Kind("DATABRICKS_TOKEN", "dapi", chars(32, _HEX)),
    "JWT": Kind(
        "SERVICE_TOKEN", "", lambda chance: f"eyJ{chars(30)(chance)}.eyJ{chars(60)(chance)}.{chars(43)(chance)}"
    ),
    "Weights & Biases": Kind("WANDB_API_KEY", "", chars(40, _HEX), is_token=False),
    "AWS secret": Kind("AWS_SECRET_ACCESS_KEY", "", chars(40, _ALNUM + "+/"), is_token=False),
    "Fernet": Kind("FERNET_KEY", "", lambda chance: f"{chars(43, _ALNUM + '-_')(chance)}=", is_token=False),
    "Django": Kind("SECRET_KEY", "", chars(50, _ALNUM + "!#%^*(-_=+"), is_token=False),
    "Datadog": Kind("DD_API_KEY", "", chars(32, _HEX), is_token=False),
    "Datadog application": Kind("DD_APP_KEY", "", chars(40, _HEX), is_token=False),
    "Twilio": Kind("TWILIO_AUTH_TOKEN", "", chars(32, _HEX), is_token=False),
    "Comet": Kind("COMET_API_KEY", "", chars(25), is_token=False),
    "Cohere": Kind("COHERE_API_KEY", "", chars(40), is_token=False),
    "Cloudflare": Kind("CLOUDFLARE_API_TOKEN", "", chars(40), is_token=False),
    "encryption key": Kind("TRAINWATCH_ENCRYPTION_KEY", "", chars(44), is_token=False),
    "database password": Kind("DB_PASSWORD", "", word("correct-horse-7"), is_token=False),
    "short password": Kind("DB_PASS", "", word("hunter2"), is_token=False),
    "SMTP password": Kind("smtp_pass", "", word("tr0ub4dor"), is_token=False),
    "MySQL password": Kind("MYSQL_PWD", "", word("k1tt3nsRule"), is_token=False),
    "passphrase": Kind("SSH_PASSPHRASE", "", word("open-sesame-42"), is_token=False),
    "client secret": Kind("CLIENT_SECRET", "", chars(24), is_token=False),
}

UNMARKED = ("Mailchimp", "New Relic ingest")
"""Without a public prefix: the first half of such a token could be any hash."""
NAMED: dict[str, Callable[[str, str], list[str]]] = {
    "an environment dump": lambda name, value: ["HOME=/root", f"{name}={value}", "PATH=/usr/bin"],
    "an export": lambda name, value: [f'export {name}="{value}"'],
    "a quoted environment": lambda name, value: [f"environ({{'HOME': '/root', '{name}': '{value}'}})"],
    "JSON": lambda name, value: [f'{{"model": "llama", "{name}": "{value}", "lr": 0.1}}'],
    "lower-case JSON": lambda name, value: [f'  "{name.lower()}": "{value}",'],
    "JSON in JSON": lambda name, value: [f'{{"msg": "{{\\"{name.lower()}\\": \\"{value}\\"}}"}}'],
    "YAML": lambda name, value: [f"{name.lower()}: '{value}'"],
    "TOML": lambda name, value: [f'{name.lower()} = "{value}"'],
    "an argument": lambda name, value: [f"python train.py --{name.lower().replace('_', '-')}={value} --lr 0.1"],
    "docker's --env": lambda name, value: [f"docker run --rm --env={name}={value} image:1"],
    "docker's -e": lambda name, value: [f"docker run -e {name}={value} image:1"],
    "a repr": lambda name, value: [f"Config(lr=0.1, {name.lower()}='{value}')"],
    "a YAML block": lambda name, value: [f"{name.lower()}: >-", f"  {value}", "next: 1"],
    "a literal YAML block": lambda name, value: [f"{name.lower()}: |", f"    {value}"],
    "a value on the next line": lambda name, value: [f"{name} =", f"  {value}"],
    "JSON over two lines": lambda name, value: [f'"{name.lower()}":', f'  "{value}",'],
    "a continued line": lambda name, value: [f"export {name}=\\", f"{value}"],
    "lines with times": lambda name, value: [
        f"2026-03-13T10:00:00Z [INFO] {name.lower()}:",
        f"2026-03-13T10:00:00Z [INFO]   '{value}'",
    ],
}
ANYWHERE: dict[str, Callable[[str], list[str]]] = {
    "a sentence": lambda value: [f"step 3: using {value} now"],
    "a URL": lambda value: [f"GET https://example.com/v1?x=1&q={value}&y=2"],
    "a path of a URL": lambda value: [f"https://x:{value}@example.com/repo.git"],
    "a header": lambda value: [f"> Authorization: Bearer {value}"],
    "a custom header": lambda value: [f"{{'X-Service-Token': '{value}'}}"],
    "a Python list": lambda value: [f"['a', '{value}', 'b']"],
    "colours": lambda value: [f"\x1b[32m{value}\x1b[0m"],
    "a cut after two thirds": lambda value: [f"using {value[: len(value) * 2 // 3]}", value[len(value) * 2 // 3 :]],
    "a cut in half": lambda value: [f"key {value[: len(value) // 2]}", value[len(value) // 2 :]],
}  # fmt: skip
"""Places that show a token without its name."""

OTHERS = {
    "a URL with a slash in the password": (["postgres://me:«a/b2c3d4»@host:5432/db"]),
    "a URL with an at sign": (["redis://:«p@ss/w0rd»@cache:6379/0"]),
    "an AMQP URL": (["amqp://guest:«gu3st!pw»@rabbit:5672/%2f"]),
    "a MongoDB URL": (["mongodb+srv://app:«S3cr3t%21x»@cluster0.mongodb.net/?retryWrites=true"]),
    "an SQLAlchemy URL": (["engine=create_engine('postgresql+psycopg://me:«hunter2»@db/x')"]),
    "sshpass": (["+ sshpass -p «hunter2» ssh root@host"]),
    "sshpass without a space": (["sshpass -p'«hunter2»' scp a b:"]),
    "mysql": (["mysql -u root -p«hunter2» -h db train"]),
    "mysqldump": (["mysqldump -uroot -p«hunter2» db > x.sql"]),
    "curl -u": (["curl -u me:«hunter2» https://example.com"]),
    "curl --user": (["curl -s --user 'me:«hunter2»' https://example.com"]),
    "curl -H": (["curl -H 'X-Api-Key: «a1b2c3d4e5f6»' https://example.com"]),
    "redis-cli": (["redis-cli -h cache -a «hunter2» ping"]),
    "wandb's flag": (["train.py --wandb-key «0f1e2d3c4b5a69788796a5b4c3d2e1f001234567» --lr 0.1"]),
    "a token's flag": (["train.py --token «0f1e2d3c4b5a69788796a5b4c3d2e1f0»"]),
    "a password's flag": (["train.py --db-password «hunter22»"]),
    "a pass flag": (["tool --pass «hunter22» --out x"]),
    "openssl": (["openssl enc -pass pass:«hunter22» -in x"]),
    "docker login": (["docker login -u me -p «hunter22» registry"]),
    "wget": (["wget --user=me --password=«hunter22» https://x"]),
    "kubectl": (["kubectl create secret generic x --from-literal=password=«hunter22»"]),
    "helm": (["helm install x --set db.password=«hunter22»,replicas=2"]),
    "ldap": (["ldapsearch -D cn=admin -w «hunter22» -b dc=x"]),
    "smbclient": (["smbclient //host/share -U me%«hunter22»"]),
    "git over HTTPS": (["git clone https://oauth2:«hunter22xyz»@gitlab.com/a/b.git"]),
    "Discord": (["https://discord.com/api/webhooks/1234567890123456789/«a1B2c3D4e5F6g7H8i9J0k1L2m3N4»"]),
    "Discord of old": (["https://discordapp.com/api/webhooks/1234567890/«a1B2c3D4e5F6g7H8i9J0k1L2m3N4»"]),
    "Telegram's URL": (["https://api.telegram.org/bot7123456789:«AAa1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q»/sendMessage"]),
    "Teams": (["https://x.webhook.office.com/webhookb2/«0a1b2c3d-1111-2222-3333-444455556666@0a1b/IncomingWebhook/abcdef0123456789»/x"]),
    "Slack's webhook": (["https://hooks.slack.com/services/«T000/B000/a1B2c3D4e5F6g7H8i9J0k1L2»"]),
    "Vault's header": (["X-Vault-Token: «s.a1B2c3D4e5F6g7H8i9J0k1L2»"]),
    "GitLab's header": (["PRIVATE-TOKEN: «a1B2c3D4e5F6g7H8i9J0»"]),
    "an API key header": (["x-api-key: «a1B2c3D4e5F6g7H8»"]),
    "a proxy's header": (["Proxy-Authorization: Basic «bWU6aHVudGVyMg==»"]),
    "a cookie": (["Cookie: «session=abcdef0123456789»"]),
    "Azure storage": (["DefaultEndpointsProtocol=https;AccountName=x;AccountKey=«a1B2c3D4e5F6g7H8i9J0k1L2m3N4==»;"]),
    "Azure service bus": (["Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=«a1B2c3D4e5F6g7H8i9J0k1L2m3N4=»"]),
    "SQL Server": (["Server=db;User Id=me;Password=«hunter22»;Encrypt=true"]),
    "ODBC": (["Driver={ODBC};UID=me;PWD=«hunter22»;"]),
    "a JSON pass": (['{"user": "me", "pass": "«hunter22»"}']),
    "a pwd": (["user=me pwd=«hunter22» host=db"]),
    "a JSON pwd": (['{"pwd": "«hunter22»"}']),
    "Kaggle": (['{"username":"me","key":"«0f1e2d3c4b5a69788796a5b4c3d2e1f0»"}']),
    ".netrc": (["machine api.wandb.ai login user password «0f1e2d3c4b5a6978»"]),
    ".netrc over lines": (["machine api.wandb.ai", "  login user", "  password «0f1e2d3c4b5a6978»"]),
    ".pgpass": (["db.example.com:5432:train:me:«hunter22xyz»"]),
    ".npmrc": (["//registry.npmjs.org/:_authToken=«a1B2c3D4e5F6g7H8i9J0»"]),
    ".pypirc": (["[pypi]", "username = __token__", "password = «a1B2c3D4e5F6g7H8i9J0»"]),
    "WireGuard": (["PrivateKey = «a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1A=»"]),
    "a signed URL": (["https://x.s3.amazonaws.com/a?X-Amz-Credential=«AKIA/2026»&X-Amz-Signature=0123456789abcdef"]),
    "an Azure signature": (["https://x.blob.core.windows.net/c?sv=2024&sig=«a1B2c3%2FD4e5F6%3D»"]),
    "a Python traceback": (["    client = Client(password='«hunter22»', retries=3)"]),
    "a Spark setting": (["spark.hadoop.fs.s3a.secret.key=«a1B2c3D4e5F6g7H8i9J0k1L2»"]),
    "a Java property": (["-Djavax.net.ssl.keyStorePassword=«hunter22»"]),
    "a URL in JSON": (['{"url":"https:\\/\\/me:«hunter22»@example.com\\/x"}']),
    "a mapping of YAML": (["auth: {user: me, pass: «hunter2»}"]),
    "a quoted pass": (["pass: '«hunter2»'"]),
    "a dotted pass": (["db.pass=«hunter2»"]),
    "a pass in a URL": (["https://x/?pass=«hunter2»&y=1"]),
    "a short token of docker": (["docker run -e TOKEN=«a1b2c3d4e5f6» img"]),
    "Fernet": (["Fernet(b'«cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=»')"]),
    "Rails": (["secret_key_base: «0123456789abcdef0123456789abcdef»"]),
    "SQL": (["CREATE USER x IDENTIFIED BY '«hunter2»'"]),
    "PostgreSQL": (["ALTER USER x WITH PASSWORD '«hunter2»'"]),
    "a token over two lines": (['  "token":', '    "«0123456789abcdef0123456789abcdef»",']),
    "a token in a YAML block": (["token: >-", "  «0123456789abcdef0123456789abcdef»"]),
    "a list of YAML": (["api_key:", "  - «abc123def456»"]),
    "a call over lines": (["api_key = (", "  '«abc123def456»'", ")"]),
    "an argument over two lines": (["train.py --password \\", "  «hunter2»"]),
    "a key's argument over two lines": (["--wandb-key \\", "  «0123456789abcdef0123456789abcdef01234567»"]),
    "a broken value": (["WANDB_API_KEY=«0f1e2d3c4b5a69788796»", "«a5b4c3d2e1f001234567»"]),
    "a broken value between lines": (["using key ghp_«a1B2c3D4e5F6g7H8i9»", "«J0k1L2m3N4o5P6q7R8»", "step 5 loss 0.1"]),
}  # fmt: skip
"""Texts with the secret between « and »."""


def samples() -> Iterator[Sample]:
    """Every kind in its places, the same each time."""
    chance = random.Random(11)
    for at, (kind, (name, prefix, make, is_token)) in enumerate(KINDS.items()):
        for place, write in NAMED.items():
            value = make(chance)
            yield Sample(kind, place, write(name, prefix + value), value)
        for place, write in list(NOTATIONS.items())[at % 2 :: 2]:
            value = make(chance)
            if place not in ESCAPED or value.isalnum():
                yield Sample(kind, place, write(name, prefix + value), value)
        for place, show in ANYWHERE.items() if is_token else ():
            value = make(chance)
            if "a cut" in place and kind in UNMARKED:
                continue
            yield Sample(kind, place, show(prefix + value), value)
    for place, lines in [*OTHERS.items(), *MORE_PLACES.items(), *STRUCTURED_SECRETS.items()]:
        secrets = [part.partition("»")[0] for line in lines for part in line.split("«")[1:]]
        plain = [line.replace("«", "").replace("»", "") for line in lines]
        yield Sample("other", place, plain, "".join(secrets))
