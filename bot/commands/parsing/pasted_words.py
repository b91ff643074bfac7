"""Undo what surrounds a command that was copied from a message, a document or a terminal. Pure.

`tokenizer` removes code marks. This removes a prompt, mentions, `/train` and punctuation before the subcommand, and the
marks of bold, italic and struck text. Quoted words and what follows the first option stay as they are.
"""

import re
from collections.abc import Sequence

from bot.commands.parsing.tokenizer import Word, normalize_dashes, split_words
from bot.commands.subcommands.arguments import STOPS

_BEFORE_COMMAND = re.compile(
    r"(?i)[-:,;.!>$%#\u2022\u00b7\u2010-\u2015\u2212*_~`]+"
    r"|[*_~]*(?:<@[^>]*>|@[\w.-]+|/[a-z][\w-]*|trainwatch)[*_~]*[:,;.!]*"
)
"""A word that is only punctuation, a mention, a slash command or the name of the program."""
_MENTION = re.compile(r"<@[^>]*>[:,;.!]*|@[\w.-]+[:,;!]*")
_MARKS = "*_~`"
_UNPAIRED = "*~`>"
"""Marks that are dropped without a partner too. A name may begin with an underscore."""


def clean_words(words: Sequence[Word]) -> list[Word]:
    """Return the words of a command without what surrounds it."""
    kept = list(words)
    if len(kept) == 1 and kept[0].quoted and " " in kept[0].text:
        kept = split_words(kept[0].text)
    while kept and not kept[0].quoted and _BEFORE_COMMAND.fullmatch(kept[0].text):
        kept.pop(0)
    _remove_marks(kept)
    if kept and not kept[0].quoted and any(map(str.isalnum, kept[0].text)):
        kept[0] = Word(kept[0].text.lstrip(":,;>$").rstrip(STOPS))
    return kept


def is_mention(word: Word) -> bool:
    """Whether a word is the mention of a person, as Slack sends it or as its name."""
    return not word.quoted and _MENTION.fullmatch(word.text) is not None


def _remove_marks(words: list[Word]) -> None:
    """Remove the first marks before an option, as in `*logs a:b*`, and their partners."""
    for index, word in enumerate(words):
        if word.quoted or normalize_dashes(word.text).startswith("-"):
            return
        bare = word.text.lstrip(_MARKS)
        opening = word.text[: len(word.text) - len(bare)]
        if opening and bare:
            closing = opening[::-1]
            end = next((at for at in range(len(words) - 1, index - 1, -1) if _ends_with(words[at], closing)), None)
            if end is not None:
                text = words[end].text.rstrip(STOPS)
                words[end] = Word(text.removesuffix(closing))
            if end is not None or opening.strip(_UNPAIRED) == "":
                words[index] = Word(words[index].text.removeprefix(opening))
            return


def _ends_with(word: Word, closing: str) -> bool:
    text = word.text.rstrip(STOPS)
    return not word.quoted and text.endswith(closing) and text != closing
