"""All values of a Kubernetes Secret are hidden, and nothing else of what surrounds it."""

from __future__ import annotations

import json

import pytest

from bot.redaction.redactor import HIDDEN, Redactor

REDACTOR = Redactor()
SECRET = {"apiVersion": "v1", "data": {"dsn": "cG9zdGdyZXM=", "other": "aHVudGVyMg=="}, "kind": "Secret"}
LISTED = """\
apiVersion: v1
items:
- apiVersion: v1
  data:
    mode: training-mode
  kind: ConfigMap
  metadata:
    name: settings
- apiVersion: v1
  data:
    dsn: cG9zdGdyZXM=
    block: |
      c29tZXRoaW5n
      bW9yZQ==
  kind: Secret
  metadata:
    name: database
    annotations:
      owner: research-team
kind: List
"""


@pytest.mark.parametrize("indent", [None, 2])
def test_json(indent: int | None) -> None:
    shown, hidden = REDACTOR.redact(json.dumps(SECRET, indent=indent))
    assert hidden == 2
    assert json.loads(shown) == SECRET | {"data": {"dsn": HIDDEN, "other": HIDDEN}}


def test_json_in_an_annotation() -> None:
    shown, hidden = REDACTOR.redact(json.dumps({"last": json.dumps(SECRET)}))
    assert (hidden, shown.count(HIDDEN)) == (2, 2)


def test_only_the_secret_of_a_list() -> None:
    shown, _ = REDACTOR.redact(LISTED)
    assert all(value not in shown for value in ("cG9zdGdyZXM=", "c29tZXRoaW5n", "bW9yZQ=="))
    assert all(value in shown for value in ("training-mode", "settings", "name: database", "research-team"))


def test_lines_with_times_and_other_documents() -> None:
    lines = ["---", "kind: Secret", "stringData:", "  first: hunter2", "---", "kind: Pod", "data:", "  image: train-v2"]
    shown = REDACTOR.redact("\n".join(f"2026-03-13T10:00:00Z INFO {line}" for line in lines))[0]
    assert "hunter2" not in shown
    assert "image: train-v2" in shown
