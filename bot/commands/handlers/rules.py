"""`rules`: every rule with its parameters, as this installation sets them. Pure."""

from __future__ import annotations

from bot.commands.subcommands.rules import RulesAnswer, RuleShown
from bot.domain.subscriptions import RuleSettings
from bot.rules.catalog import RULES
from bot.rules.rule import Rule
from bot.rules.settings import format_parameters


def rules_answer(settings: RuleSettings) -> RulesAnswer:
    """List the rules in the order of the catalogue."""
    return RulesAnswer(tuple(_shown(rule, settings) for rule in RULES))


def _shown(rule: Rule, settings: RuleSettings) -> RuleShown:
    meanings = {one.name: one.help for one in rule.parameters}
    parameters = tuple((name, value, meanings[name]) for name, value in format_parameters(rule, settings))
    return RuleShown(rule.name, rule.help, rule.severity, rule.name not in settings.off, parameters)
