"""From a text to tensors: the lecture's eleven rows, and every tensor against PyTorch and a plain loop."""

import json
import re
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from explorer.data.corpora import lecture_sentences
from explorer.data.pairs import WINDOW_LENGTH, Pairs, Windows, pairs_of, prefixes_of, vocabulary_of
from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES, section
from explorer.labels import label
from explorer.limits import EMBEDDING
from explorer.stage import MODULES
from explorer.stage.pairs import COLUMNS, SHOWN_ROWS, build_pairs, shown_rows
from explorer.stage.payload import header_of
from explorer.text import TOKEN_LEVELS
from tests.hostile.strings import HOSTILE

LECTURE = """경마장에	있는
경마장에 있는	말이
경마장에 있는 말이	뛰고
경마장에 있는 말이 뛰고	있다
그의	말이
그의 말이	법이다
가는	말이
가는 말이	고와야
가는 말이 고와야	오는
가는 말이 고와야 오는	말이
가는 말이 고와야 오는 말이	곱다"""
"""The lecture's table, as it stands in its notes."""

KERAS = ["말이", "경마장에", "있는", "뛰고", "있다", "그의", "법이다", "가는", "고와야", "오는", "곱다"]
"""The order in which Keras's Tokenizer numbers the three sentences, from 1."""

ENGLISH = "What will the fat cat sit on? The cat can't sit: it is TOO fat! The dog said so."
TYPES = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def made(text: str = "", **choices) -> Pairs:
    return pairs_of(Experiment(text=text, **choices))


def spelled(pairs: Pairs, joint: str = " ") -> list[tuple[str, str]]:
    """Returns every row of the table in words, read back from X and y."""
    name = ("", *pairs.vocabulary.tokens)
    x, y = pairs.prefixes.padded()
    return [
        (joint.join(name[k] for k in row if k), name[target])
        for row, target in zip(x.tolist(), y.tolist(), strict=True)
    ]


# The lecture.


def test_the_lecture_has_its_eleven_rows():
    assert [f"{beginning}\t{target}" for beginning, target in spelled(made())] == LECTURE.split("\n")


def test_the_lectures_ids_are_those_of_keras():
    pairs = made()
    assert list(pairs.vocabulary.tokens) == KERAS
    assert pairs.vocabulary.counts == (4, *[1] * 10)
    assert pairs.vocabulary.size == 12
    assert [ids.tolist() for ids in pairs.prefixes.ids] == [[2, 3, 1, 4, 5], [6, 1, 7], [8, 1, 9, 10, 1, 11]]


def test_an_end_token_gives_each_sentence_one_row_more():
    rows = spelled(made(ending="on"))
    assert len(rows) == 14
    whole = [sentence for sentence, target in rows if target == "<eos>"]
    assert whole == list(lecture_sentences())


def test_counts_of_the_lecture():
    pairs = made()
    assert (len(pairs.lines), pairs.tokens, pairs.prefixes.rows, pairs.longest) == (3, 14, 11, 6)
    assert pairs.windows.rows == (len(" ".join(lecture_sentences())) - 1) // 10 == 4


# Any text.

SENTENCES = st.lists(st.lists(st.integers(1, 9), max_size=7), max_size=8).filter(
    lambda found: any(len(sentence) > 1 for sentence in found)
)


@settings(max_examples=200)
@given(SENTENCES)
def test_rows_are_those_of_a_loop_padded_by_pytorch(sentences):
    table = prefixes_of([np.array(sentence, dtype=np.int64) for sentence in sentences])
    rows = [(n, at) for n, sentence in enumerate(sentences) for at in range(1, len(sentence))]
    assert table.rows == len(rows)
    assert [table.place(row) for row in range(table.rows)] == rows
    beginnings = [torch.tensor(sentences[n][:at]) for n, at in rows]
    padded = pad_sequence(beginnings, batch_first=True, padding_value=0, padding_side="left")
    x, y = table.padded()
    assert torch.equal(torch.from_numpy(x), padded)
    assert y.tolist() == [sentences[n][at] for n, at in rows]
    middle = len(rows) // 2
    np.testing.assert_array_equal(table.padded(middle)[0], x[middle:])
    np.testing.assert_array_equal(table.padded(0, middle)[1], y[:middle])


@pytest.mark.parametrize("row", [-1, 11])
def test_a_row_that_there_is_not_is_refused(row):
    with pytest.raises(IndexError, match=f"row {row}; there are 11"):
        made().prefixes.place(row)


@given(st.lists(st.sampled_from("abcde"), min_size=1, max_size=40))
def test_the_most_frequent_token_has_the_first_id(tokens):
    vocabulary = vocabulary_of(tokens)
    expected = sorted(set(tokens), key=lambda token: (-tokens.count(token), tokens.index(token)))
    assert list(vocabulary.tokens) == expected
    assert vocabulary.counts == tuple(tokens.count(token) for token in expected)
    assert vocabulary.encode(expected).tolist() == list(range(1, len(expected) + 1))


def test_ids_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        made().prefixes.ids[0][0] = 1


@given(st.integers(2, 60), st.integers(1, 12))
def test_windows_are_those_of_a_loop(count, length):
    text = np.arange(100, 100 + count)
    windows = Windows(text, length)
    x, y = windows.pairs()
    cut = [text[at : at + length + 1] for at in range(0, count, length) if at + length < count]
    assert x.shape == y.shape == (windows.rows, length) and windows.rows == len(cut)
    for k, window in enumerate(cut):
        np.testing.assert_array_equal(x[k], window[:-1])
        np.testing.assert_array_equal(y[k], window[1:])


# Through a network.


@pytest.mark.parametrize("cell", TYPES)
@pytest.mark.parametrize("units", TOKEN_LEVELS)
@pytest.mark.parametrize("text, ending", [("", "off"), (ENGLISH, "on")])
def test_the_shapes_are_those_of_a_forward_pass(cell, units, text, ending):
    pairs, D, H = made(text, units=units, ending=ending), EMBEDDING, 5
    shapes = pairs.shapes(D, H)
    ways = (
        ("last", *pairs.prefixes.padded(), pairs.vocabulary.size),
        ("each", *pairs.windows.pairs(), pairs.alphabet.size),
    )
    for way, ids, targets, V in ways:
        x, y = torch.tensor(ids), torch.tensor(targets)
        embedded = nn.Embedding(V, D)(x)
        layer = TYPES[cell](D, H, batch_first=True)(embedded)[0]
        layer = layer[:, -1] if way == "last" else layer
        probabilities = nn.Linear(H, V)(layer).softmax(-1)
        one_hot = F.one_hot(y, V)
        tensors = {
            "x": x, "embedding": embedded, "layer": layer, "dense": probabilities, "y": y, "one_hot": one_hot,
        }  # fmt: skip
        assert shapes[way] == {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        assert torch.equal(one_hot.argmax(-1), y)


# Normalising, cutting, refusing.


def test_lower_case_and_no_punctuation_make_fewer_tokens():
    assert made(ENGLISH).vocabulary.ids.keys() >= {"What", "The", "the", "fat!", "can't"}
    pairs = made(ENGLISH, case="lower", punctuation="strip")
    assert pairs.lines == (
        ("what", "will", "the", "fat", "cat", "sit", "on"),
        ("the", "cat", "cant", "sit", "it", "is", "too", "fat"),
        ("the", "dog", "said", "so"),
    )
    assert pairs.typed == tuple(re.findall(r"[^ ].*?[?!.](?= |$)", ENGLISH))
    assert pairs.vocabulary.tokens[0] == "the"


@pytest.mark.parametrize("text", [ENGLISH, "가는 말이. 오는 말이! 하나? 곱다 곱다", "a b c"])
def test_the_sentences_are_those_that_are_trained_on(text):
    pairs = made(text)
    batch = source(Experiment(data="yours", text=text)).batch(0)
    assert batch.x.shape[1] == sum(len(line) > 1 for line in pairs.lines)
    assert int((batch.target >= 0).sum()) == pairs.prefixes.rows


def test_sentences_of_one_token_each_are_read_as_one():
    pairs = made("Run! Stop! Run!")
    assert pairs.lines == (("Run!", "Stop!", "Run!"),) and pairs.problem is None
    assert made("Run! Stop!", ending="on").prefixes.rows == 2


@pytest.mark.parametrize(
    "text, choices, problem",
    [
        ("말", {}, "no_pair"),
        ("a", {"units": "char"}, "no_pair"),
        ("?! ...", {"punctuation": "strip"}, "no_pair"),
        (" ", {}, "no_pair"),
        ("말 말 말", {}, "one_kind"),
        ("aaaa", {"units": "char"}, "one_kind"),
        ("Na na", {}, None),
        ("Na na", {"case": "lower"}, "one_kind"),
        ("말", {"units": "jamo"}, None),
        ("말", {"ending": "on"}, None),
    ],
)
def test_what_cannot_be_learned_is_said(text, choices, problem):
    pairs = made(text, **choices)
    assert pairs.problem == problem
    assert (pairs.prefixes.rows == 0) == (problem == "no_pair")


# The payload.


def drawn(text: str = "", lang: str = "en", **choices) -> tuple[Pairs, dict, int]:
    experiment = Experiment(text=text, **choices)
    pairs = pairs_of(experiment)
    payload = build_pairs(pairs, experiment, lang)
    return pairs, header_of(payload), len(payload)


def check_rows(pairs: Pairs, header: dict) -> None:
    """Puts every row on the stage together as the stage does, against X and y."""
    first = header["firstStep"]
    last = first + len(header["rows"]) - 1
    T, columns = pairs.prefixes.columns, header["columns"]
    names = {k: name for k, name, _ in header["vocabulary"]["tokens"]}
    x, y = pairs.prefixes.padded(first - 1, last)
    for k, (n, at) in enumerate(header["rows"]):
        sentence = header["sentences"][n]
        ids, end = sentence["ids"], at - sentence["from"]
        given_ids = ids[max(0, end - columns) : end]
        width = min(T, columns)
        assert [0] * (width - len(given_ids)) + given_ids == x[k, T - width :].tolist()
        assert ids[end] == y[k]
        assert names[ids[end]] == header["runs"][0]["tokens"][k]["label"]
        assert names.keys() >= set(ids)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("units", TOKEN_LEVELS)
@pytest.mark.parametrize("text", ["", ENGLISH])
def test_the_stage_is_sent_the_rows(lang, units, text):
    pairs, header, _ = drawn(text, lang, units=units, cell="gru", hidden=7)
    check_rows(pairs, header)
    assert (header["kind"], header["total"]) == ("pairs", pairs.prefixes.rows)
    assert header["shapes"]["last"]["layer"] == [pairs.prefixes.rows, 7]
    assert header["shapes"]["each"]["embedding"] == [pairs.windows.rows, pairs.windows.length, EMBEDDING]
    assert [sentence["text"] for sentence in header["sentences"]] == list(pairs.typed)
    assert json.loads(json.dumps(header, allow_nan=False)) == header


def test_the_windows_are_walked_character_by_character():
    _, header, _ = drawn()
    windows = header["windows"]
    names = {k: name for k, name, _ in windows["alphabet"]["tokens"]}
    whole = " ".join(lecture_sentences())
    assert (windows["length"], windows["rows"]) == (WINDOW_LENGTH, 4)
    for number, ids in windows["of"]:
        shown = "".join(names[k] for k in ids).replace("␣", " ")
        assert shown == whole[10 * number : 10 * number + 11]


LONG = " ".join(f"w{k % 700}" + ("." if k % 11 == 10 else "") for k in range(60_000))[: 256 * 1024]


@pytest.mark.parametrize("start", [1, 500, 20_000])
@pytest.mark.parametrize("units, size", [("word", 256 * 1024), ("char", 40_000)])
@pytest.mark.parametrize("text", [LONG, LONG.replace(".", "")], ids=["sentences", "one_line"])
def test_of_a_long_text_all_is_counted_and_some_is_sent(text, units, size, start):
    pairs, header, sent = drawn(text[:size], units=units, start=start)
    lines = text[:size].strip().replace(". ", ".\n").split("\n")
    counts = [len(line.split()) if units == "word" else len(line) for line in lines]
    assert (len(pairs.lines), pairs.tokens, pairs.longest) == (len(lines), sum(counts), max(counts))
    assert header["total"] == pairs.prefixes.rows == sum(counts) - len(lines) > 20_000
    assert len(header["rows"]) == SHOWN_ROWS and header["firstStep"] == start
    check_rows(pairs, header)
    walked = {
        row % (header["windows"]["rows"] * 10) // 10 for row in range(start - 1, start + SHOWN_ROWS - 1)
    }
    assert {number for number, _ in header["windows"]["of"]} >= walked
    assert sent < 120_000


def test_rows_past_the_end_are_the_last_ones():
    pairs = made(LONG)
    rows = pairs.prefixes.rows
    assert shown_rows(pairs, 10**6) == (rows - SHOWN_ROWS + 1, rows)
    assert shown_rows(made(), 99) == (1, 11)


def test_many_sentences_of_one_token_do_not_fill_the_stage():
    text = "하나. " * 3_000 + "둘 셋. " + "하나. " * 3_000
    pairs, header, size = drawn(text + "넷 다섯.")
    assert pairs.prefixes.rows == 2 and len(pairs.lines) == 6_002
    assert len(header["sentences"]) == 2 and size < 20_000
    check_rows(pairs, header)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("choices", [{}, {"case": "lower", "punctuation": "strip", "ending": "on"}])
@pytest.mark.parametrize("units", TOKEN_LEVELS)
def test_hostile_text_is_counted_and_drawn(name, choices, units):
    experiment, refused = Experiment(units=units, **choices).with_changes({"text": HOSTILE[name]})
    assert not refused
    pairs = pairs_of(experiment)
    assert all(unicodedata.is_normalized("NFC", sentence) for sentence in pairs.sentences)
    if not pairs.prefixes.rows:
        with pytest.raises(ValueError, match="no training pair"):
            build_pairs(pairs, experiment, "en")
        return
    header = header_of(build_pairs(pairs, experiment, "en"))
    check_rows(pairs, header)
    assert all(name == label(name) for _, name, _ in header["vocabulary"]["tokens"])


def test_every_string_that_the_stage_asks_for_is_there():
    code = (MODULES / "language/pairs.js").read_text("utf-8")
    asked = set(re.findall(r"\bstrings\.(\w+)", code))
    for lang in LANGUAGES:
        assert asked and asked <= set(section("pairs", lang)), lang


def test_another_choice_is_another_payload():
    experiment = Experiment()
    first = build_pairs(pairs_of(experiment), experiment, "en")
    for change in ({"cell": "gru"}, {"hidden": 8}, {"ending": "on"}, {"units": "jamo"}):
        other = replace(experiment, **change)
        assert header_of(build_pairs(pairs_of(other), other, "en"))["id"] != header_of(first)["id"], change
    assert set(COLUMNS) == set(TOKEN_LEVELS)
