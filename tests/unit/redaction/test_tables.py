"""A column whose heading names a secret is hidden in every row, however long the table and wherever pages are cut."""

from __future__ import annotations

import pytest

from bot.domain.logs import LogLine
from bot.redaction.file_redactor import FileRedactor
from bot.redaction.line_redactor import LineRedactor
from bot.redaction.redactor import HIDDEN, Redactor
from tests.support.work import best_cpu_ratio

REDACTOR = Redactor()
CSV = ["user,password,host", *(f"user{at},hunter{at}xyz,node-{at}" for at in range(300)), "step 5 loss 0.1, 2"]
RULED = ["| user | password |", "|------|----------|", *(f"| user{at} | hunter{at}xyz |" for at in range(300)), "end"]


def in_pages(texts: list[str], size: int) -> tuple[list[str], int]:
    redactor, shown, count = LineRedactor(REDACTOR), list[str](), 0
    for start in range(0, len(texts), size):
        page, hidden = redactor.redact_lines([LogLine(at, text) for at, text in enumerate(texts[start : start + size])])
        shown += [line.message for line in page]
        count += hidden
    return shown, count


@pytest.mark.parametrize("texts", [CSV, RULED])
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_table_that_continues_on_later_pages_is_hidden_there(texts: list[str], size: int) -> None:
    shown, hidden = in_pages(texts, size)
    assert "hunter" not in "\n".join(shown)
    assert hidden == 300
    assert (shown[0], shown[-1]) == (texts[0], texts[-1])
    assert all(f"user{at}" in "\n".join(shown) for at in range(300))


@pytest.mark.parametrize("texts", [CSV, RULED])
def test_a_table_longer_than_what_a_file_holds_back_is_hidden(texts: list[str]) -> None:
    rows = texts[2:-1] * 80
    cleaner = FileRedactor(REDACTOR, searched_chars=10_000)
    data = "\n".join([*texts[:2], *rows, texts[-1], ""]).encode()
    parts = [cleaner.feed(data[start : start + 9_000]) for start in range(0, len(data), 9_000)]
    shown = (b"".join(parts) + cleaner.finish()).decode()
    assert "hunter" not in shown
    assert shown.count("\n") == data.count(b"\n")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('a,secret\n1,"x,y""z1"\n2,"q2w3"', f'a,secret\n1,"{HIDDEN}"\n2,"{HIDDEN}"'),
        (
            "user  password  host\nann             node\nbob   hunter2   node",
            f"user  password  host\nann             node\nbob   {HIDDEN}   node",
        ),
        ("user,password\nann,\nbob,None\neve,hunter2", f"user,password\nann,\nbob,None\neve,{HIDDEN}"),
        (
            "user,password\r\nann,hunter2\r\nstep 1\r\nx,hunter2",
            f"user,password\r\nann,{HIDDEN}\r\nstep 1\r\nx,hunter2",
        ),
    ],
)
def test_cells(text: str, shown: str) -> None:
    assert shown == REDACTOR.redact(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "step,tokens,loss\n10,512,0.5\n20,1024,0.4",
        "token,count\nhello,5\nworld,6",
        "Set user, password, and token\nstep 1, loss 0.5, lr 1",
        "Passwords are hashed, token, loss\n",
        "| token | id |\n|---|---|\n| <pad> | 0 |\n| Llama | 128000 |",
        "layer  key  shape\nq_proj  q.weight  [4, 8]",
    ],
)
def test_other_tables_stay_as_they_are(text: str) -> None:
    assert (text, 0) == REDACTOR.redact(text)


@pytest.mark.parametrize(
    "line", ["token,token", "x,x", "password  x", "kind: Secret", '"kind":"Secret"', "data:", "a | password |", "-----"]
)
def test_lines_of_structures_cost_linear_time(line: str) -> None:
    def redact(count: int) -> None:
        REDACTOR.redact("user,token\n" + f"{line}\n" * count)
        REDACTOR.redact("kind: Secret\ndata:\n" + f"{line} " * count)

    assert best_cpu_ratio(lambda: redact(8_000), lambda: redact(1_000), rounds=3) < 24
