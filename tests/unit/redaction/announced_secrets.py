"""Secrets that a name, an option or prose announces in further ways, and values that go on. « and » mark them."""

ANNOUNCED_SECRETS: dict[str, list[str]] = {
    "an option with underscores and quotes": ['python sft.py --judge_api_key "«kV0pTq8ZrW2mNc5X»" --seed 3'],
    "an option with a short password": ["python sft.py --smtp_password '«Gr!nd-9»' --seed 3"],
    "the endings of a name": [
        "OLD_REGISTRY_PASSWORD_BACKUP=«tulip-Cart7»",
        "registry_password_2: «tulip-Cart8»",
        'stage.registry_token.value = "«qR7tY2uI9oP4aS6d»"',
        '"registryPasswordProd": "«tulip-Cart9»"',
    ],
    "a value after none": ["changed: db_password: None -> '«tulip-Cart7»'", "api_key: null => «zX9cV8bN7mQ6wE5r»"],
    "a value that was changed": ["db_password: 'tulip-Cart7' -> '«daisy-Cart8»'"],
    "rows of CSV": ["option,setting", "dropout,0.1", "db_password,«tulip-Cart7»", "depth,12"],
    "columns of kubectl": ["    Environment:", "      RANK_COUNT:       8", "      SVC_PWD:          «tulipCart»"],
    "a framed row": ["│ client_secret   │ «vGhTrEwQazXsWqEdCvFr» │", "│ depth           │ 12                   │"],
    "a wrapped cell": ["│ hf_token  │ hf_«QwErTyUiOpAsDfGhJk» │", "│           │ «LzXcVbNmQwErTyUi»      │"],
    "three wrapped cells": ["| api_key | «q1W2e3R4t5Y6» |", "|         | «u7I8o9P0a1S2» |", "|         | «d3F4g5» |"],
    "a string over lines": ['    api_token = ("«q1W2e3R4t5Y6u7I8»"', '                 "«o9P0a1S2d3F4g5H6»")'],
    "strings with plus": ["password: '«tulip»' + '«Cart7»'"],
    "a broken value before settings": ["INFO config: api_key=«1f2e3d4c5b6a7988»", "«8f9e0d1c2b3a4958» depth=12"],
    "two lines with times": [
        "2026-03-04 05:06:07,089 INFO cfg: secret_key =",
        "2026-03-04 05:06:07,090 INFO cfg: «tulip7Cart9»",
    ],
    "pydantic": [
        "1 validation error for Settings",
        "judge.api_token",
        "  Extra inputs are not permitted [type=extra_forbidden, input_value='«q1w2e3r4t5y6u7i8o9p0»', input_type=str]",
    ],
    "a notebook": [r'    "os.environ[\"DB_PASSWORD\"] = \"«tulip-Cart7»\"\n",'],
    "a name in brackets": ['[webhook_secret] "«tulip-Cart7»"', 'os.environ["DB_PASSWORD"] = "«tulip-Cart7»"'],
    "metadata of gRPC": ["(('x-trace', '1'), ('authorization', '«q1W2e3R4t5Y6u7I8o9P0»'))"],
    "a list of YAML": ["api_keys:", "  - «q1W2e3R4t5Y6u7I8»", "  - «o9P0a1S2d3F4g5H6»"],
    "a list of JSON": ['"tokens": ["x"], "api_keys": ["«q1W2e3R4t5Y6u7I8»", "«o9P0a1S2d3F4g5H6»"]'],
    "a password with separators": ["DB_PASSWORD=«tu&lip;Ca)rt7»", "password: «tu:lip:Cart»"],
    "keys of services": [
        "kaggle_key: «0f1e2d3c4b5a69788796a5b4c3d2e1f0»",
        '"azureOpenaiKey": "«0f1e2d3c4b5a69788796a5b4c3d2e1f1»"',
        "vault.unseal.key=«q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1C2»",
        "--pd-routing-key «0f1e2d3c4b5a69788796a5b4c3d2e1f2»",
    ],
    "tokens, PATs and cookies by name": [
        "AZURE_DEVOPS_EXT_PAT=«q1w2e3r4t5y6u7i8o9p0a1s2d3f4»",
        "session_cookie: «q1w2e3r4t5y6u7i8o9p0a1s2d3f5»",
        "  codecov_token ............ «0a1b2c3d-4e5f-6a7b-8c9d-0e1f2a3b4c5d»",
    ],
    "a key in prose": [
        "rotate the Comet key, it is in the log: the Comet key is `«q1W2e3R4t5Y6u7I8o9P0a1S2d»`",
        "Invalid Mistral key: '«q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6»'",
        "the Zhipu key («0f1e2d3c4b5a69788796a5b4c3d2e1f0.q1W2e3R4t5Y6u7I8») leaked",
    ],
    "a password in prose": [
        "the root password on node7 is «tulip7» by the way",
        "pw for the switch is «tulipCart7»",
        'the words "«orchid tunnel gravel monsoon»" is the passphrase',
        "key_passphrase: «orchid tunnel gravel monsoon»",
        "app password: «abcd wxyz mnop qrst»",
        "login: me / «tulip-Cart7»",
        "use credentials me:«tulip-Cart7»",
    ],
    "codes in prose": ["my PIN is «904417»", "recovery code: «q7xk2-m4tzp»", "passcode for the safe: «90441726»"],
    "other languages": [
        "das Passwort für den Knoten lautet «tulip-Cart7»",
        "senha do servidor = «tulipCart7»",
        "hasło do bazy: «tulipCart7»",
        "wachtwoord: «tulip7cart»",
        "密码是 «tulip7cart»",
        "비밀번호: «tulip7cart»",
        "API-Schlüssel: «q1W2e3R4t5Y6u7I8»",
        "clé d'API : «q1W2e3R4t5Y6u7I8»",
        "令牌: «q1W2e3R4t5Y6u7I8»",
        "токен: «q1W2e3R4t5Y6u7I8»",
        "пароль для узла: «tulip-cart»",
    ],
    "input of programs": [
        "kinit me <<< «tulipCart7»",
        'chpasswd <<< "«me:tulipCart7»"',
        "htpasswd -b .htpasswd me «tulipCart7»",
        "openssl enc -aes-256-cbc -k «tulipCart7» -in a -out b",
        "kaggle config set -n key -v «0f1e2d3c4b5a69788796a5b4c3d2e1f0»",
        "aws configure set aws_secret_access_key «q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0» --profile x",
    ],
    "pairs": [
        "AKIA«0123456789ABCDEF» / «q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0»",
        'Client("AC0f1e2d3c4b5a69788796a5b4c3d2e1f0", "«0f1e2d3c4b5a69788796a5b4c3d2e1f1»")',
        "AWS Secret Access Key [None]: «q1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0»",
    ],
    "statements of SQL": [
        "ALTER LOGIN sa WITH PASSWORD = N'«tulip-Cart»'",
        "INSERT INTO users(name, pw) VALUES ('me', '«tulip-Cart»')",
    ],
    "tables of names and values": [
        "Name                           Value",
        "----                           -----",
        "SMTP_PASSWORD                  «tulipCart»",
    ],
    "a grid of names and values": [
        "+---------------+-----------+",
        "| name          | value     |",
        "+===============+===========+",
        "| smtp_password | «tulipCart» |",
    ],
    "members with other members between": ['{"name":"SMTP_PASSWORD","type":"plain","value":"«tulipCart»"}'],
    "parameters of CloudFormation": ['{"ParameterKey": "DbPassword", "ParameterValue": "«tulipCart»"}'],
    "an option and a line with its value": ["train.py --smtp-password", "    «tulipCart»"],
    "stores of secrets": [
        "aws secretsmanager create-secret --name x --secret-string «tulipCart»",
        "az keyvault secret set --name x --value «tulipCart»",
    ],
    "rows of a panel": [
        "╭─ settings ───────────────────────────────────╮",
        "│ depth: 12                                    │",
        "│ vault_token: «kQ7rT2wX9zB4mN6p»                │",
        "│ «Lw3Yv8Jc5Hd1Gf»                               │",
        "│ «9aB2cD4e»                                     │",
        "╰──────────────────────────────────────────────╯",
    ],
    "rows of heavy panels": [
        "┃ db_password: «tulip-Cart7tulip-Cart7tulip-Cart7tulip-Cart7tul» ┃",
        "┃ «ipcart»                                                       ┃",
        "# judge_api_key = «1f2e3d4c5b6a7988»      #",
        "# «8f9e0d1c2b3a4958»                      #",
    ],
    "a quoted value in rows": [
        "║ api_key: '«kQ7rT2wX9zB4mN6p»   ║",
        "║ «Lw3Yv8Jc5Hd1Gf»'              ║",
    ],
    "the row after a name": ["│ judge_api_key:       │", "│ «kQ7rT2wX9zB4mN6p»     │"],
    "a session of a shell": [
        "$ echo $JUDGE_API_KEY",
        "«kQ7rT2wX9zB4mN6p»",
        "me@node7:~$ echo \"${DB_PASSWORD}\"",
        "«tulip-Cart»",
        "# printenv SMTP_PASSWORD",
        "«tulip-Cart2»",
        "% echo $REGISTRY_TOKEN | cat",
        "«0f1e2d3c4b5a69788796a5b4c3d2e1f0»",
        "PS C:\\runs> $env:DB_PASSWORD",
        "«tulip-Cart3»",
        "$ sudo cat /run/secrets/db_password",
        "«tulip-Cart4»",
    ],
    "a session of Python": [
        ">>> os.getenv('JUDGE_API_KEY')",
        "'«kQ7rT2wX9zB4mN6p»'",
        ">>> os.environ['DB_PASSWORD']",
        "'«tulip-Cart»'",
        '>>> print(os.environ.get("SMTP_PASSWORD"))',
        "«tulip-Cart2»",
        ">>> settings.judge.api_key",
        "'«tulip-Cart3»'",
        'In [4]: os.environ["REGISTRY_TOKEN"]',
        "Out[4]: '«0f1e2d3c4b5a69788796a5b4c3d2e1f0»'",
    ],
    "a printed variable with times": [
        "2026-03-04T05:06:07Z + printenv DB_PASSWORD",
        "2026-03-04T05:06:08Z «tulip-Cart»",
    ],
    "strings in parentheses on lines": [
        "REGISTRY_TOKEN = (",
        "    'kq_«Q7rT2wX9zB»'",
        "    '«Lw3Yv8Jc5Hd1Gf9aB2cD4e»'",
        ")",
        "db_password: str = (",
        '    "«tulip-»"',
        '    "«Cart»"',
        ")",
    ],
    "code in cells": ["| `DB_PASSWORD` | `«tulip-Cart»7` |", "| **JUDGE_API_KEY** | `«kQ7rT2wX9zB4mN6p»` |"],
    "code in cells below a header": [
        "| option | default |",
        "| setting | value |",
        "| --- | --- |",
        "| `bot_token` | `«kQ7rT2wX9zB4.mN6p_Lw»` |",
        "| `smtp_password` | `«tulipCart»` |",
    ],
    "lists with one value": [
        "args: {'passwd': ['«tul#ip»'], 'depth': 12}",
        'api_keys=["«tulip-Cart7»", "«daisy-Cart8»", "«tulip»"]',
        '"db_passwords": [',
        '    "«tulip»"',
        "]",
    ],
    "a value before its name": [
        "the judge needs an api key, use «kq-Q7rT2wX9zB4mN6p» as api_key",
        "log in with «tulip-Cart7» as the password",
        "try `«kQ7rT2wX9zB4mN6p»` as your judge token",
        "«kQ7rT2wX9zB4mN6p» is the registry token",
        "set «tulip-Cart8» as password, and use «kq-Q7rT2wX» as api_key",
    ],
    "a private key without an end": [
        "-----BEGIN RSA PRIVATE KEY-----",
        "«MIIEowIBAAKCAQEAq1W2e3R4t5Y6u7I8o9P0a1S2d3F4g5H6j7K8l9Z0x1C2v3B4»",
        "«n5M6q7W8e9R0t1Y2u3I4o5P6a7S8d9F0g1H2j3K4l5Z6x7C8v9B0n1M2q3W4e5R6»",
        "«t7Y8u9I0o1P2a3S4d5F6»",
        "... (cut)",
    ],
}  # fmt: skip

PLACEHOLDERS = """
  --hub_token HUB_TOKEN  the token for pushing
usage: eval.py [-h] [--api-key API_KEY] [--db-password DB_PASSWORD]
serve --api-key "$SERVE_API_KEY" --port 8000
https://${BOT_USER}:${BOT_TOKEN}@git.example.com/x
https://$BOT_USER:$BOT_PASS@git.example.com/x
postgresql://app:***@db:5432/app
ALTER USER app PASSWORD '***';
curl -u "$BOT_USER:$BOT_PASS" https://example.com
redis-cli -a "$CACHE_PASSWORD" ping
arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/db-Xy12Ab
GITHUB_TOKEN=[MASKED] password: [Filtered]
password = (sensitive value)
secret_key = (known after apply)
password: "{{ vault_db_password }}"
api_key: !vault app/keys#judge
api_key=SecretStr('**********')
api_key='EMPTY' secret=REDACTED
HF_TOKEN=YOUR_HF_TOKEN
HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxx
--secret id=pip,src=/root/.pip --secret-id app-key
GOOGLE_APPLICATION_CREDENTIALS=/var/keys/app.json
secret_id: projects/lab/secrets/app-key/versions/2
existingSecret=app-keys
judge.api_key=mixtral-8x7b
| api_key | qwen2.5-7b-instruct |
secret/app-credentials created
hasło jest wymagane
Passwort: unbekannt
detect-secrets..................Passed
using password: YES
    client = connect(host, password=db_password)
    token = base64.b64encode(credentials.encode())
    login(token=self.hub_token, api_key=args.api_key)
  --hub_token HUB_TOKEN, --hub-token HUB_TOKEN
mount failed for volume "app-keys" : secret "app-keys" not found
imagePullSecrets: ["registry-login"]
secrets: ['hf-token', 'db-password']
it is used as the token of each sequence
the checkpoint-final-model-v2 is the key result
use it as password
"""
"""Lines in which nothing is secret."""

PLACEHOLDER_PAGES = {
    "names of tokens": [">>> tokenizer.eos_token", "'<|endoftext|>'", ">>> tokenizer.pad_token", "'[PAD]'"],
    "paths and states": ["$ echo $DB_PASSWORD", "", "$ echo $PWD", "/workspace/run", "$ printenv API_KEY", "[hidden]"],
    "the next command": ["$ printenv DB_PASSWORD", "me@node7:~$ ls", "$ echo $API_KEY", "me@node7:~$ "],
    "echoes": ['+ echo "loading the token"', "done", "+ echo password", "password"],
    "rows of panels": [
        "│ num_tokens: 1234567 │",
        "│ checkpoint          │",
        "│ tokenizer: kQ7rT2wX9zB4mN6p │",
        "│ Lw3Yv8Jc5Hd1Gf              │",
        "│ api_key: [hidden] │",
        "│ depth             │",
    ],
    "strings in parentheses": ["stop_token = (", "    'end'", "    'of text'", ")"],
    "code in cells": ["| `api_key` | `None` |", "| `pad_token` | `<pad>` |"],
}
