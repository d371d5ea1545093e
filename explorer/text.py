"""Text in and out: cleaning, sentences, tokens, and values as JSON can hold them.

Everything is NFC (NFKC would change ㅎ). Nothing a person typed is lost: `"".join` or `" ".join` of
the tokens gives the cleaned text back.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import regex

from explorer.i18n import Refused as Refused
from explorer.limits import MAX_UPLOAD_TEXT

TOKEN_LEVELS = ("word", "char", "jamo")

_BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
_ZERO_WIDTH = {0x200B, 0x200C, 0x2060, 0xFEFF, 0x00AD}
_ZWJ = "\u200d"
_SENTENCE_END = regex.compile(r"\n|(?<=[.!?…。！？][\"'”’)]?)\s+")
_PUNCTUATION = regex.compile(r"[\p{P}$+<=>^`|~](?!\p{M})")
"""Unicode's punctuation and the rest of ASCII's; not where a mark makes another sign of it (a keycap)."""
_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}]")


def decode(raw: bytes) -> str:
    """Returns the text of an uploaded file: UTF-8 with or without a mark of order, else cp949; not cleaned.

    Raises Refused for more than MAX_UPLOAD_TEXT bytes, and for what is neither.
    """
    if len(raw) > MAX_UPLOAD_TEXT:
        raise Refused("text_large", size=-(-len(raw) // 1024), limit=MAX_UPLOAD_TEXT // 1024)
    for encoding in () if b"\0" in raw else ("utf-8-sig", "cp949"):  # a NUL: UTF-16, or no text at all
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Refused("text_encoding")


def clean(text: str) -> str:
    """Returns text in NFC, one line, without control, bidi-override and zero-width characters.

    A zero-width joiner stays where it joins two emoji.
    """
    text = unicodedata.normalize("NFC", text)
    kept = []
    for at, char in enumerate(text):
        code = ord(char)
        if char.isspace():
            kept.append(" ")
        elif (
            code in _BIDI
            or code in _ZERO_WIDTH
            or unicodedata.category(char) in ("Cc", "Cs")
            or (char == _ZWJ and not _joins_emoji(text, at))
        ):
            continue
        else:
            kept.append(char)
    return unicodedata.normalize("NFC", "".join(kept).strip())  # what was dropped may have kept letters apart


def _joins_emoji(text: str, at: int) -> bool:
    before = text[max(at - 2, 0) : at].removesuffix("\ufe0f")[-1:]
    return all(_EMOJI.fullmatch(char) for char in (before, text[at + 1 : at + 2]))


def split_sentences(text: str) -> tuple[str, ...]:
    """Returns the sentences of a text, cleaned: each ends where a line does, or after . ! ? … and a space."""
    return tuple(piece for part in _SENTENCE_END.split(text) if (piece := clean(part)))


def lower_case(text: str) -> str:
    """Returns cleaned text in lower case; a letter that has none stays."""
    return clean(text.lower())


def without_punctuation(text: str) -> str:
    """Returns cleaned text without punctuation; what it parted comes together (can't becomes cant).

    Spaces that stood on both sides of a dash become one.
    """
    return " ".join(clean(_PUNCTUATION.sub("", text)).split())


def tokenise(text: str, token_level: str) -> tuple[str, ...]:
    """Splits cleaned text into words (at white space), characters (grapheme clusters) or Hangul jamo.

    Jamo are conjoining ones, first and last consonants apart, so that they compose back to the text.
    Raises ValueError for a level not in TOKEN_LEVELS.
    """
    if token_level == "word":
        return tuple(text.split())
    if token_level == "char":
        return tuple(regex.findall(r"\X", text))
    if token_level == "jamo":
        return tuple(part for cluster in regex.findall(r"\X", text) for part in _jamo(cluster))
    raise ValueError(f"unknown token level {token_level!r}; choose one of {TOKEN_LEVELS}")


def _jamo(cluster: str) -> tuple[str, ...]:
    is_syllable = len(cluster) == 1 and "\uac00" <= cluster <= "\ud7a3"
    return tuple(unicodedata.normalize("NFD", cluster)) if is_syllable else (cluster,)


def join(tokens: tuple[str, ...] | list[str], token_level: str) -> str:
    """Puts tokens together again: the inverse of `tokenise` up to repeated white space."""
    return unicodedata.normalize("NFC", (" " if token_level == "word" else "").join(tokens))


def plain(value: Any) -> Any:
    """Returns a value as JSON can hold it: arrays as lists; null where a number is not finite."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
