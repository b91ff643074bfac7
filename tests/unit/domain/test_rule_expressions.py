# ruff: noqa: E501 - tables
"""The grammar of rules that people write: what each text means, its canonical form, and where an error points."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Severity
from bot.domain.rule_expressions import (
    EXAMPLES,
    MAX_CHARS,
    RuleExpression,
    parse_expression,
    parse_expressions,
    starts_rule,
)
from bot.errors import UsageError

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("loss > 5 for 10m", RuleExpression("loss > 5 for 10m", "loss", ">", 5.0, span=10 * MINUTE)),
        ("loss>5 for 10 min", RuleExpression("loss > 5 for 10m", "loss", ">", 5.0, span=10 * MINUTE)),
        ("loss above 5", RuleExpression("loss > 5", "loss", ">", 5.0)),
        ("grad_norm ≥ 1e2", RuleExpression("grad_norm >= 100", "grad_norm", ">=", 100.0)),
        ("lr < 1e-6", RuleExpression("lr < 1e-06", "lr", "<", 1e-6)),
        ("reward below -2.5", RuleExpression("reward < -2.5", "reward", "<", -2.5)),
        ("tokens_per_second < 12,000", RuleExpression("tokens_per_second < 12000", "tokens_per_second", "<", 12000.0)),
        ("tokens/s < 12k", RuleExpression("tokens/s < 12k", "tokens/s", "<", 12000.0)),
        ("gpu_memory > 70GiB", RuleExpression("gpu_memory > 70GiB", "gpu_memory", ">", 70 * 2.0**30)),
        ("gpu_memory > 95 %", RuleExpression("gpu_memory > 95%", "gpu_memory", ">", 0.95, is_percent=True)),
        (
            "tokens_per_second drops 7 % for 15m",
            RuleExpression(
                "tokens_per_second drops 7% for 15m", "tokens_per_second", "falls", 0.07, True, 15 * MINUTE
            ),
        ),
        ("acc falls by 5%", RuleExpression("acc falls 5%", "acc", "falls", 0.05, is_percent=True)),
        ("eval/accuracy falls", RuleExpression("eval/accuracy falls", "eval/accuracy", "falls")),
        ("eval/loss rises over 5 reports", RuleExpression("eval/loss rises over 5 reports", "eval/loss", "rises", reports=5)),
        ("eval_loss rises over 3", RuleExpression("eval_loss rises", "eval_loss", "rises")),
        ("loss > 5 as page", RuleExpression("loss > 5 as page", "loss", ">", 5.0, severity=Severity.PAGE)),
        (
            "KL rises 50% for 1h30m as INFO",
            RuleExpression("KL rises 50% for 1h30m as info", "KL", "rises", 0.5, True, 90 * MINUTE, severity=Severity.INFO),
        ),
    ],
)  # fmt: skip
def test_a_rule_is_parsed(typed: str, expected: RuleExpression) -> None:
    found = parse_expression(typed)

    assert found == expected
    assert parse_expression(found.text) == found
    assert parse_expressions(typed.split()) == [(found, "")]
    assert starts_rule(typed.split())


def test_rules_follow_each_other_quoted_or_not() -> None:
    words = ["loss > 5 for 10m", "grad_norm", ">", "100", "eval/accuracy", "falls", "loss < 0.1=off", "kl > 1 =on"]

    found = [(one.text, switch) for one, switch in parse_expressions(words)]

    expected = [("loss > 5 for 10m", ""), ("grad_norm > 100", ""), ("eval/accuracy falls", "")]
    assert found == [*expected, ("loss < 0.1", "off"), ("kl > 1", "on")]


@pytest.mark.parametrize(
    ("typed", "problem", "marked"),
    [
        ("loss > 5 fro 10m", "Did you mean `for`?", "fro"),
        ("loss fallz", "Did you mean `falls`?", "fallz"),
        ("loss > five", "needs a number, such as 5", "five"),
        ("loss >", "needs a number", ""),
        ("loss", "`loss` needs a comparison, such as `loss > 5 for 10m`", ""),
        ("eval", "such as `eval/accuracy falls`", ""),
        ("loss = 5", "does not compare", "="),
        ("loss == 5", "does not compare", "=="),
        ("> 5", "begins with a name", ">"),
        ("loss > 5 for", "a number and a unit", ""),
        ("loss > 5 for ten minutes", "a number and a unit", "ten"),
        ("loss > 5 for 8d", "The longest time is 7d", "8d"),
        ("loss > 1e999", "too large", "1e999"),
        ("tokens_per_second drops 7 for 15m", "takes a percentage, such as `drops 7%`", "7"),
        ("tokens_per_second drops 100%", "above 0 and below 100", "%"),
        ("acc falls over 1 reports", "from 2 to 50", "1"),
        ("acc falls over many", "from 2 to 50", "many"),
        ("loss > 5 over 3 reports", "Use `for` with a time", "over"),
        ("loss > 5 as loud", "Use `page`, `warn` or `info`", "loud"),
        ("loss > 5 as pagee", "Did you mean `page`?", "pagee"),
        ("loss > 5 =maybe", "takes `off` or `on`", "maybe"),
        ("acc falls quickly", "Use a percentage", "quickly"),
        ("loss > 5 and", "begin another rule", "and"),
        ("x" * 60 + " > 5 for 10m", "", ""),
    ],
)
def test_an_error_points_at_the_word(typed: str, problem: str, marked: str) -> None:
    if not problem:
        assert parse_expression(typed).key == typed.split(maxsplit=1)[0]
        return
    with pytest.raises(UsageError) as caught:
        parse_expression(typed)

    sentence, shown, marks = caught.value.public.split("\n")
    assert problem in sentence
    assert shown == f"  {typed}"
    start = marks.index("^")
    assert shown[start : start + marks.count("^")].strip() == marked


def test_the_examples_are_rules() -> None:
    assert [parse_expression(one).text for one in EXAMPLES] == list(EXAMPLES)


@given(st.text(max_size=300) | st.lists(st.sampled_from(["loss", ">", "5", "%", "for", "10m", "falls", "over", "as", "=off"])).map(" ".join))  # fmt: skip
def test_any_text_is_a_rule_or_explained(text: str) -> None:
    try:
        found = parse_expressions([text])
    except UsageError as problem:
        found = []
        explanation = problem.public
    else:
        explanation = ""
    assert len(explanation) < 600
    assert all(len(one.text) <= MAX_CHARS and parse_expression(one.text) == one for one, _ in found)
