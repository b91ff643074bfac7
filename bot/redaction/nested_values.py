"""Redact texts inside lists and mappings. Pure."""

from bot.redaction.redactor import Redactor


def redact_value(value: object, redactor: Redactor) -> object:
    """Return the value without secrets, however deep its texts are."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redactor.redact(value)[0]
        case dict():
            return {redact_value(key, redactor): redact_value(one, redactor) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [redact_value(one, redactor) for one in value]
        case _:
            return redactor.redact(str(value))[0]
