"""The tokens of somebody's network: a JSON list or table, Hugging Face's or Keras's tokenizer, or lines.

A token of a real vocabulary may be a newline, a tab, or nothing at all. Each gets a name that can be typed
and seen, by which it is one token in every text: a newline is ⏎, a tab ⇥, padding ∅.
"""

import json
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.i18n import Refused
from explorer.labels import UNKNOWN
from explorer.limits import MAX_TOKEN, MAX_VOCABULARY_FILE, MAX_WORDS
from explorer.text import clean, tokenise

_UNKNOWN = {"<unk>", "[unk]", "<oov>", "[oov]", "unk", "<|unk|>"}
_SIGNS = {"\n": "⏎", "\r\n": "⏎", "\r": "␍", "\t": "⇥", "": "∅", "\0": "␀", "\u200b": "ZWSP", "\ufeff": "BOM"}
_LETTERS = 0.8
"""The share of tokens of one letter from which a vocabulary is one of letters."""


def read_vocabulary(data: bytes) -> dict[int, str]:
    """Returns tokens by their ids, as the file has them. Raises Refused for what is no vocabulary."""
    if len(data) > MAX_VOCABULARY_FILE:
        raise Refused("words_large", limit=MAX_VOCABULARY_FILE // 2**20)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused("text_encoding") from error
    try:
        found = _of_json(json.loads(text))
    except (ValueError, RecursionError):
        found = None if _is_json(text) else dict(enumerate(text.split("\n")))
        if found and len(found) > 1 and not found[len(found) - 1]:
            del found[len(found) - 1]  # a file ends in a newline
    if not found or (len(found) == 1 and not _is_json(text)):
        raise Refused("words_none")
    if len(found) > MAX_WORDS or max(found) >= MAX_WORDS:
        raise Refused("vocabulary_large", limit=MAX_WORDS)
    return found


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[")


def _of_json(value: Any) -> dict[int, str] | None:
    """Returns the tokens of a list, a table in either direction, or a tokenizer; None of anything else."""
    if isinstance(value, str):  # Keras writes JSON within JSON
        return _of_json(json.loads(value))
    if isinstance(value, list):
        return dict(enumerate(value)) if value and all(isinstance(token, str) for token in value) else None
    if not isinstance(value, dict):
        return None
    for inner in (
        "model",
        "config",
        "vocab",
        "word_index",
        "token_to_id",
        "stoi",
        "itos",
        "char_to_ix",
        "index_word",
    ):
        if isinstance(value.get(inner), dict | list | str) and (found := _inner(value[inner])):
            return found
    return _of_table(value)


def _inner(value: Any) -> dict[int, str] | None:
    try:
        return _of_json(value)
    except (ValueError, RecursionError):
        return None


def _of_table(table: Mapping[str, Any]) -> dict[int, str] | None:
    if not table:
        return None
    if all(type(number) is int and number >= 0 for number in table.values()):
        return {number: token for token, number in table.items()}
    if all(
        isinstance(token, str) and key.isascii() and key.isdecimal() and len(key) < 9
        for key, token in table.items()
    ):
        return {int(key): token for key, token in table.items()}
    return None


def names_of(tokens: Mapping[int, str], count: int) -> tuple[str, ...]:
    """Returns a name for each of count ids, all different: that can be typed in one line, and be seen.

    An id that the vocabulary does not name is #id. Raises Refused for a vocabulary of more tokens than count.
    """
    if max(tokens) >= count:
        raise Refused("words_many", count=max(tokens) + 1, limit=count)
    found: list[str] = []
    for number in range(count):
        name = _named(tokens[number]) if number in tokens else ""
        found.append(name or f"#{number}")
    again = Counter(found)
    return tuple(name if again[name] == 1 else f"{name}#{number}" for number, name in enumerate(found))


def _named(token: str) -> str:
    if token.lower() in _UNKNOWN:
        return UNKNOWN
    if token in _SIGNS:
        return _SIGNS[token]
    token = unicodedata.normalize("NFC", token)
    if token == " ":
        return token
    shown = "".join(_SIGNS.get(sign, sign) for sign in token)
    kept = "".join(sign if sign == " " or clean(sign) else f"U+{ord(sign):04X}" for sign in shown)
    return kept[:MAX_TOKEN]


def level_of(names: Sequence[str]) -> str:
    """Returns what a text of such tokens is parted into: letters, or words."""
    letters = sum(len(tokenise(name, "char")) == 1 for name in names)
    return "char" if letters >= _LETTERS * len(names) else "word"
