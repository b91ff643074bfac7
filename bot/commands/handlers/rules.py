"""`rules`: every rule with its parameters, as they are set where no channel says otherwise. Pure."""

from __future__ import annotations

from bot.commands.subcommands.rules import RulesAnswer, RuleShown
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.rule import Rule
from bot.rules.settings import format_parameters


def rules_answer(defaults: RuleSettings) -> RulesAnswer:
    """The rules in the order of the catalogue."""
    return RulesAnswer(tuple(_shown(rule, defaults) for rule in RULES))


def _shown(rule: Rule, defaults: RuleSettings) -> RuleShown:
    meanings = {one.name: one.help for one in rule.parameters}
    parameters = tuple((name, value, meanings[name]) for name, value in format_parameters(rule, defaults))
    return RuleShown(rule.name, rule.help, rule.severity, rule.name not in defaults.off, parameters)
