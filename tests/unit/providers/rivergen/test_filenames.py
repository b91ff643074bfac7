"""References to runs, and file names from headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.rivergen.filenames import LONGEST_NAME_BYTES, filename_of, safe_filename
from bot.providers.rivergen.references import parse_run_ref

REFERENCES = {
    "mdl-7f3a19bc": "mdl-7f3a19bc",
    "mdl-7f3a19bc/run-20260313-a4b9c2": "mdl-7f3a19bc/run-20260313-a4b9c2",
    "https://app.rivergen.ai/models/mdl-1": "mdl-1",
    "https://app.rivergen.ai/model-studio/models/mdl-1/runs/run-2": "mdl-1/run-2",
    "https://app.rivergen.ai/models/mdl-1/training?run_id=run-2#logs": "mdl-1/run-2",
    "https://app.rivergen.ai/models/mdl-1/training/run-2/logs": "mdl-1/run-2",
    "https://api.rivergen.ai/api/v1/models/mdl-1/training-metrics/logs/download?run_id=run-2": "mdl-1/run-2",
    "https://api.rivegen.com/api/v1/models/mdl-1/training/metrics/logs?run_id=run-2": "mdl-1/run-2",
    "https://api.rivegen.com/api/v1/models/mdl-1/training/metrics/logs": "mdl-1",
    "http://127.0.0.1:9/rivergen/api/v1/models/mdl-1/registry/training-runs": "mdl-1",
    "https://rivergen.ai.example.com/models/mdl-1": None,
    "https://app.rivergen.ai/settings": None,
    "https://app.rivergen.ai/models/..%2F..": None,
    "mdl-1/run-2/more": None,
    "mdl 1": None,
    "../mdl": None,
    "": None,
}


@pytest.mark.parametrize(("text", "expected"), REFERENCES.items())
def test_a_reference_is_parsed_from_an_id_or_a_url(text: str, expected: str | None) -> None:
    found = parse_run_ref(text, base_url="http://127.0.0.1:9/rivergen")
    assert expected == (found and found.id)


NAMES = {
    'attachment; filename="training-log-run-20260313-a4b9c2.txt"': "training-log-run-20260313-a4b9c2.txt",
    "attachment; filename=plain.txt": "plain.txt",
    'attachment; FileName="a.txt"; size=3': "a.txt",
    "attachment; filename*=UTF-8''gr%C3%B6%C3%9Fe%20log.txt; filename=\"ascii.txt\"": "größe log.txt",
    "attachment; filename*=ISO-8859-1'en'%A3.txt": "£.txt",
    'attachment; filename="../../etc/passwd"': "passwd",
    "attachment; filename*=UTF-8''..%2F..%2Fetc%2Fshadow": "shadow",
    'attachment; filename="C:\\Users\\x\\evil.txt"': "evil.txt",
    'attachment; filename="/etc/cron.d/job"': "job",
    'attachment; filename="..": ': "fallback.txt",
    'attachment; filename=""': "fallback.txt",
    'attachment; filename=".bashrc"': "bashrc",
    'attachment; filename="-rf.txt"': "rf.txt",
    'attachment; filename="CON.txt"': "_CON.txt",
    'attachment; filename="nul"': "_nul",
    'attachment; filename="conin$"': "_conin$",
    "attachment; filename*=UTF-8''com%C2%B9.log": "_com¹.log",
    'attachment; filename="a\u202etxt.exe"': "atxt.exe",
    'attachment; filename="a\x00b\nc.txt"': "abc.txt",
    'attachment; filename="a<b>:c|d?.txt"': "a_b__c_d_.txt",
    'attachment; filename="trailing. . ."': "trailing",
    'attachment; filename="say \\"hi\\".txt"': "say _hi_.txt",
    "attachment": "fallback.txt",
    "": "fallback.txt",
}


@pytest.mark.parametrize(("header", "expected"), NAMES.items())
def test_the_name_of_an_attachment_is_a_safe_file_name(header: str, expected: str) -> None:
    assert expected == filename_of(header, "fallback.txt")


def test_a_long_name_keeps_its_suffix() -> None:
    name = safe_filename("ä" * 500 + ".json")
    assert len(name.encode()) <= LONGEST_NAME_BYTES
    assert name.endswith("ä.json")


@given(st.text() | st.text(st.sampled_from("ae.~-_ \"':;/\\\n\0\udcff\u0301\u202eCONul$%*")))
def test_names_never_leave_the_folder(name: str) -> None:
    for found in (safe_filename(name), filename_of(f'attachment; filename="{name}"', name)):
        assert not set(found) & set('/\\:\0\n"')
        assert found not in (".", "..")
        assert found == safe_filename(found)
    assert filename_of(name, "") != ""
