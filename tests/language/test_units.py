"""Single units: features by hand, measures against NumPy and PyTorch, a network whose flag is known."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import CELLS, RecurrentModel, trace
from explorer.data.grammar import END, Sentence
from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.labels import UNKNOWN
from explorer.language.units import (
    LEAST,
    OWN,
    SAMPLE,
    affordable,
    best_units,
    chance,
    correlations,
    cue,
    features,
    half_life,
    held_out,
    saturation,
    units,
    units_in,
    with_pattern,
    zeroed,
)
from explorer.nn.interventions import Clamp, ZeroUnit
from explorer.text import tokenise
from tests.helpers import largest, learned_once, number_model, word_model

WORDS = (UNKNOWN, *"abcdefgh")
RNG = np.random.default_rng(5)


def plain(tokens) -> Sentence:
    return Sentence(tuple(tokens), (), ())


TEXT = [plain("abcadefgh"), plain("hab"), plain("ccdeafb")]


# Features, by hand.


def marks(text: str, kind: str, unit: str = "char", pattern: str = "") -> tuple[str, str]:
    """Returns a feature as digits, and the tokens that it decides as carets."""
    values, decides = features(tokenise(text, unit), unit, kind, pattern)
    return "".join(f"{v:.0f}" for v in values), "".join("^" if d else "." for d in decides)


@pytest.mark.parametrize(
    ("text", "inside", "closes"),
    [
        ('a "b c" d', "001111000", "......^.."),
        ('"a" "b', "110011", "..^..."),
        ("“a “b” c” d", "11111111000", ".....^..^.."),
        ("a” b", "0000", "...."),
        ("「가」 『나』", "1100110", "..^...^"),
    ],
)
def test_a_quotation_lasts_from_its_mark_to_the_closing_one(text, inside, closes):
    assert marks(text, "quote") == (inside, closes)


@pytest.mark.parametrize(
    ("text", "depth", "closes"),
    [
        ("a(b[c]{d}e)f", "011221221100", ".....^..^.^."),
        (")a(", "001", "..."),
        ("(“a”)", "12210", "...^^"),
        ('("', "11", ".."),
    ],
)
def test_brackets_nest(text, depth, closes):
    assert marks(text, "bracket") == (depth, closes)


def test_words_carry_the_marks_that_stand_at_them():
    assert marks('he said "yes it is" (so)', "quote", "word") == ("001100", "....^.")
    assert marks("a (b [c d]) e", "bracket", "word") == ("01200", "...^.")


@pytest.mark.parametrize(
    ("text", "place", "ends"),
    [
        ("ab. cd! e", "123012301", "..^...^.."),
        ('"a." b', "123401", "..^..."),
        ("곰은 곰. 새다", "12345012", "....^..."),
    ],
)
def test_a_position_counts_from_the_last_end_of_a_sentence(text, place, ends):
    assert marks(text, "position") == (place, ends)


def test_the_end_token_ends_a_sentence():
    values, decides = features(("a", "b", END, "a"), "word", "position")
    assert (values == [1, 2, 3, 1]).all() and decides.tolist() == [False, False, True, False]


def test_a_letter_counts_within_its_word_and_jamo_within_theirs():
    assert marks("the fat, cat", "word") == ("123012300123", "...^...^....")
    assert marks("곰은 새", "word", "jamo") == ("123456012", "......^..")
    assert marks("the cat", "word", "word")[0] == "00"


@pytest.mark.parametrize(
    ("text", "unit", "pattern", "within", "decides"),
    [
        ("abcabab", "char", "ab", "1101111", ".^..^.^"),
        ("aaa", "char", "aa", "111", ".^^"),
        ("곰은 곰", "jamo", "곰", "1110000111", ".^^.....^^"),
        ("말이 그의 말이", "word", "말", "101", "^.^"),
        ("가는 말이 곱다", "word", "말이 곱", "011", "..^"),
        ("abc", "char", "", "000", "..."),
        ("abc", "char", "x", "000", "..."),
    ],
)
def test_a_pattern_is_found_across_tokens(text, unit, pattern, within, decides):
    assert marks(text, "pattern", unit, pattern) == (within, decides)


def test_every_feature_takes_hostile_text():
    for text in ("<b>&\u202e", "👩‍👩‍👧 é", "」" * 9, '"' * 5, "." * 7, "\u1100\u1100"):
        for unit in ("word", "char", "jamo"):
            tokens = tokenise(text, unit)
            for kind in ("quote", "bracket", "position", "word", "pattern"):
                values, decides = features(tokens, unit, kind, text[:3])
                assert len(values) == len(decides) == len(tokens) and (values >= 0).all()


def test_an_unknown_feature_is_an_error():
    with pytest.raises(KeyError):
        features(("a",), "char", "colour")


def test_the_inner_cue_holds_until_it_is_closed():
    text = Sentence(tuple("x([a.]b.)"), (5, 8), (2, 1))
    other = Sentence(tuple("x[(a.)b.]"), (5, 8), (2, 1))
    third = Sentence(tuple("x{{a.}b.}"), (5, 8), (2, 1))
    values, decides, names = cue([text, other, third], "word")
    assert names == (")", "]", "}")
    assert [row.tolist().index(1) if row.any() else None for row in values[:9]] == [
        None, 0, 1, 1, 1, 0, 0, 0, None,
    ]  # fmt: skip
    assert np.flatnonzero(decides).tolist() == [5, 8, 14, 17, 23, 26]


def test_two_meanings_are_one_signed_column():
    said = [Sentence(("the", one, "x", verb), (3,), (1,)) for one, verb in (("dog", "is"), ("dogs", "are"))]
    values, _, names = cue(said, "word")
    assert names == ("are", "is")
    assert values[:, 0].tolist() == [0, -1, -1, 0, 0, 1, 1, 0]


# Held-out text.


@cache
def grammar(data: str, lang: str, unit: str):
    run = Experiment(data=data, grammar=lang, units=unit, length=8)
    return held_out(run, source(run, lang))


@pytest.mark.parametrize("unit", ["word", "char", "jamo"])
@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("data", ["agreement", "honorific", "brackets"])
def test_a_cue_of_held_out_sentences_decides_its_critical_token(data, lang, unit):
    """Who knows the value at the token before knows the critical token's meaning."""
    said = grammar(data, lang, unit)
    values, decides, names = cue(said, unit)
    assert len(names) == (3 if data == "brackets" else 2)
    assert decides.sum() == sum(len(s.critical) for s in said)
    assert values[np.flatnonzero(decides) - 1].any(-1).all()
    if data == "brackets":
        closing = [s.tokens[at] for s in said for at in s.critical]
        kept = values[np.flatnonzero(decides) - 1].argmax(-1)
        assert [names[k] for k in kept] == closing


def test_stretches_that_go_on_are_one_text():
    text = " ".join(f"word{k} then" for k in range(300))
    run = Experiment(data="yours", text=text, units="char", length=20)
    (found,) = held_out(run, source(run))
    assert "".join(found.tokens) == text[-len(found.tokens) :]
    assert len(found.tokens) == len(text) // 10


def test_numbers_have_no_text():
    run = Experiment(data="adding", length=10)
    assert held_out(run, source(run)) == ()


# Measures.


def test_correlations_are_numpys():
    activations, values = RNG.normal(size=(40, 6)), RNG.normal(size=40)
    expected = [np.corrcoef(column, values)[0, 1] for column in activations.T]
    assert largest(correlations(activations, values), expected) <= 1e-14
    assert largest(correlations(1e200 * activations, values), expected) <= 1e-14


def test_what_does_not_vary_or_explodes_has_no_correlation():
    activations = RNG.normal(size=(20, 4))
    activations[:, 1], activations[3, 2], activations[5, 3] = 0.1, np.nan, np.inf
    found = correlations(activations, RNG.normal(size=20))
    assert np.isnan(found).tolist() == [False, True, True, True]
    assert np.isnan(correlations(activations, np.full(20, 0.3))).all()


def test_chance_is_the_quantile_over_all_shifts():
    activations, values = RNG.normal(size=(31, 5)), RNG.normal(size=(31, 2))
    best = [
        max(
            abs(np.corrcoef(unit, np.roll(column, shift))[0, 1])
            for unit in activations.T
            for column in values.T
        )
        for shift in range(1, 31)
    ]
    assert chance(activations, values) == pytest.approx(np.quantile(best, 0.95), abs=1e-12)


def test_noise_stays_about_chance_and_a_signal_is_far_above():
    signal = (np.arange(2000) % 37 < 9) * 1.0
    noise = RNG.normal(size=(2000, 30))
    level = chance(noise, signal[:, None])
    assert 0.03 < level < 0.12
    noise[:, 7] += 2 * signal
    assert abs(correlations(noise, signal)[7]) > 3 * level
    assert math.isnan(chance(noise[:2], signal[:2, None]))


def test_half_life_is_when_half_is_left_of_a_simulated_decay():
    for kept in (0.6, 0.9, 0.99):
        held = np.log(np.cumprod(np.full(1000, kept)))
        steps = float(half_life(np.full((1000, 1), kept))[0])
        before, after = np.interp([steps - 0.01, steps + 0.01], np.arange(1, 1001), held)
        assert before > math.log(0.5) > after
    mixed = np.array([[0.99] * 9 + [0.01]]).T  # numerics: 6 steps by the mean of f, 1.5 in truth
    assert half_life(mixed)[0] == pytest.approx(1.475, abs=0.005)
    assert half_life(np.array([[1.0, 0.0], [1.0, 0.5]])).tolist() == [math.inf, 0.0]


def test_saturation_counts_steps():
    over, under = saturation(np.array([[0.95, 0.5], [0.05, 0.9], [0.99, 0.0]]))
    assert largest(over, [2 / 3, 0]) <= 1e-15 and largest(under, [1 / 3, 1 / 3]) <= 1e-15


# The network, against PyTorch and against trace with the unit held at 0.


def nats_of(model: RecurrentModel, tokens, changes=()) -> np.ndarray:
    ids = torch.tensor(model.encode(tokens))
    logits = torch.tensor(trace(model, tokens, changes=changes).logits)
    return F.cross_entropy(logits[:-1], ids[1:], reduction="none").numpy()


@pytest.mark.parametrize("cell", CELLS)
def test_a_zeroed_unit_is_that_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, unit="char")
    starts = {0, 9, 12}
    assert found.starts == tuple(sorted(starts))
    assert set(np.flatnonzero(np.isnan(found.nats))) == starts
    there = [k for k in range(19) if k not in starts]
    expected = np.concatenate([nats_of(model, s.tokens) for s in TEXT])
    assert largest(found.nats[there], expected) <= 1e-12
    assert found.perplexity == pytest.approx(math.exp(expected.mean()), rel=1e-12)
    for unit in range(5):
        held = np.concatenate([nats_of(model, s.tokens, [ZeroUnit(unit, 1)]) for s in TEXT])
        assert largest(found.zeroed[there, unit], held) <= 1e-10
        assert found.without[unit] == pytest.approx(math.exp(held.mean()), rel=1e-10)
    assert largest(zeroed(model, TEXT)[there], found.zeroed[there]) == 0.0


@pytest.mark.parametrize("cell", CELLS)
def test_a_unit_held_at_its_mean_is_that_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, tuple("ab"), unit="char")
    assert np.isnan(found.averaged[:2]).all()  # one's own text is shown only
    states = {"h": found.h[2:]} | ({} if found.c is None else {"c": found.c[2:]})
    for unit in range(5):
        clamps = [Clamp(symbol, array[:, unit].mean(), unit) for symbol, array in states.items()]
        held = np.concatenate([nats_of(model, s.tokens, clamps) for s in TEXT])
        there = ~np.isnan(found.nats[2:])
        assert largest(found.averaged[2:][there, unit], held) <= 1e-10
    assert largest(found.averaged[3:11], found.zeroed[3:11]) > 1e-4


@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gates_are_those_of_the_trace(cell):
    model = word_model(cell, WORDS, H=5).double()
    found = units(model, TEXT, unit="char")
    layers = [trace(model, s.tokens).only for s in TEXT]
    assert largest(found.h, np.concatenate([layer.h[1:] for layer in layers])) <= 1e-12
    if found.c is not None:
        assert largest(found.c, np.concatenate([layer.c[1:] for layer in layers])) <= 1e-12
    spec = layers[0].spec
    assert set(found.open) == set(found.shut) == set(spec.gates)
    if spec.keep:
        kept = np.concatenate([layer.gate[spec.keep] for layer in layers])
        assert largest(found.half_life, np.log(0.5) / np.log(kept).mean(0)) <= 1e-9
    else:
        assert found.half_life is None


def test_a_stack_is_measured_at_its_last_layer():
    model = word_model("gru", WORDS, H=4, num_layers=2).double()
    found = units(model, TEXT[:1], unit="char")
    tokens = TEXT[0].tokens
    assert largest(found.h, trace(model, tokens).layers[1].h[1:]) <= 1e-12
    assert largest(found.nats[1:], nats_of(model, tokens)) <= 1e-12
    assert np.isfinite(found.zeroed[1:]).all()


def test_lecture_notation_turns_the_update_gate_round_and_not_the_half_life():
    model = word_model("gru", WORDS, H=4).double()
    with torch.no_grad():
        model.rnn.bias_ih_l0[4:8] += 3.0  # z near 1: keeps
    pytorch, lecture = (units(model, TEXT, unit="char", notation=n) for n in ("pytorch", "lecture"))
    assert pytorch.open["z"].max() > 0.5 and pytorch.shut["z"].max() == 0
    assert (lecture.shut["z"] == pytorch.open["z"]).all() and (lecture.open["r"] == pytorch.open["r"]).all()
    assert (lecture.half_life == pytorch.half_life).all()


def test_the_own_text_is_read_but_not_measured():
    model = word_model("lstm", WORDS, H=5).double()
    alone, both = units(model, TEXT, unit="char"), units(model, TEXT, tuple("abc?"), unit="char")
    assert both.own == 4 and both.tokens[:4] == tuple("abc?") and not both.known[3]
    assert both.perplexity == alone.perplexity and (both.without == alone.without).all()
    assert largest(both.tracks[0].r["c"], alone.tracks[0].r["c"]) == 0.0
    assert np.array_equal(both.lost(both.tracks[0]), alone.lost(alone.tracks[0]), equal_nan=True)
    assert largest(both.h[4:], alone.h) <= 1e-12


def test_a_pattern_is_added_within_its_stretch_alone():
    found = units(word_model("lstm", WORDS, H=5).double(), TEXT, tuple("ab"), unit="char")
    track = with_pattern(found, "ha").track("pattern")
    assert np.flatnonzero(track.values).tolist() == [11, 12]  # not across the end of the first stretch
    expected = [np.corrcoef(unit, track.values[2:, 0])[0, 1] for unit in found.h[2:].T]
    assert largest(track.r["h"], expected) <= 1e-12
    assert found.track("pattern") is None
    assert with_pattern(with_pattern(found, "ha"), "zz").tracks == found.tracks


def test_loss_is_split_by_what_the_feature_decides():
    model = word_model("rnn", (UNKNOWN, *"ab()"), H=4).double()
    found = units(model, [plain("ab(ab)ab")], unit="char")
    track = found.track("bracket")
    rise = (found.zeroed - found.nats[:, None])[1:]
    assert largest(found.lost(track)[:, 0], rise[4]) <= 1e-15  # the closing bracket
    assert largest(found.lost(track)[:, 1], np.delete(rise, 4, 0).mean(0)) <= 1e-15
    rise = (found.averaged - found.nats[:, None])[1:]
    assert largest(found.lost(track, "mean")[:, 0], rise[4]) <= 1e-15


def test_short_texts_measure_nothing_and_do_not_fail():
    model = word_model("lstm", WORDS, H=3).double()
    one = units(model, [], ("a",), unit="char")
    assert one.tracks == () and math.isnan(one.perplexity) and np.isnan(one.without).all()
    same = units(model, [], ("z",) * 4, unit="char")
    assert not any(same.known) and [track.kind for track in same.tracks] == ["position", "word"]
    with pytest.raises(ValueError):
        units(model, [], (), unit="char")


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="numbers"):
        units(number_model("rnn"), TEXT, unit="char")
    with pytest.raises(ValueError, match="both directions"):
        units(word_model("rnn", WORDS, bidirectional=True), TEXT, unit="char")


def test_an_explosion_is_named_and_has_no_correlation():
    model = word_model("rnn_relu", WORDS, H=4).double()
    with torch.no_grad():
        for parameter in model.rnn.parameters():
            parameter.abs_().mul_(1e30)
    found = units(model, [plain("abcdefgh" * 2)], unit="char")
    assert found.first_bad == 1
    assert np.abs(found.h[found.first_bad]).max() > 3.4e38 > np.abs(found.h[found.first_bad - 1]).max()
    track = found.track("position")
    assert np.isnan(track.r["h"]).all() and math.isnan(track.chance["h"]) and math.isnan(found.perplexity)


def test_no_more_is_read_than_there_is_time_for():
    small, large = word_model("rnn", WORDS, H=4), word_model("lstm", WORDS, H=400)
    assert affordable(small) == SAMPLE and affordable(large) == LEAST
    long = plain("ab" * SAMPLE)
    assert len(units(small.double(), [long], unit="char").tokens) == SAMPLE
    assert len(units(small.double(), [], long.tokens, unit="char").tokens) == SAMPLE


# A network whose units are known.


def flagged(strength: float = 6.0) -> RecurrentModel:
    """Returns an LSTM over a, b, and quotation marks, its weights set by hand.

    Unit 2 (from 0) holds 1 from the opening mark on and -1 from the closing one: f shuts and i opens at a
    mark, and g asks whether the flag was up. The readout closes where the flag is up after b, and opens
    where it is down. The other units read the last token only.
    """
    model = RecurrentModel("lstm", 3, 4, 4, vocabulary=(UNKNOWN, "a", "b", '"'))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embedding.weight[1:] = torch.eye(3)
        w = {s: slice(k * 4, k * 4 + 4) for k, s in enumerate("ifgo")}
        ih, hh, bias = model.rnn.weight_ih_l0, model.rnn.weight_hh_l0, model.rnn.bias_ih_l0
        bias[w["f"]], bias[w["i"]], bias[w["o"]] = -20.0, 20.0, 20.0
        for unit, token in ((0, 0), (1, 1), (3, 2)):
            ih[w["g"]][unit, token] = 3.0
        bias[w["f"]][2], bias[w["i"]][2] = 20.0, -20.0
        ih[w["f"]][2, 2], ih[w["i"]][2, 2] = -40.0, 40.0
        bias[w["g"]][2], hh[w["g"]][2, 2] = 10.0, -30.0  # up if it was down
        model.readout.weight[3] = torch.tensor([0.0, 4.0, strength, 0.0])
        model.readout.bias[3] = -7.0
        model.readout.bias[0] = -20.0
    return model.double()


QUOTED = [plain(text) for text in ('aab"aab"aabab"ab"a', 'ba"aaab"aaabaaa"b"ab', 'ab"ab"aa"aaaaab"b')]


def test_a_unit_that_holds_a_quotation_is_found_first_and_is_its_cause():
    found = units(flagged(), QUOTED, unit="char")
    track = found.track("quote")
    inside = features(QUOTED[0].tokens, "char", "quote")[0]
    assert ((found.h[: len(inside), 2] > 0.5) == (inside > 0)).all()
    for state in ("h", "c"):
        assert track.best(state) == 2 and track.r[state][2] > 0.8 > track.chance[state]
    decided, others = found.lost(track)[2]
    assert decided > 1.0 and decided > 3 * abs(others)
    assert found.without[2] > found.perplexity
    assert np.argmax(found.lost(track)[:, 0]) == 2
    assert found.half_life.argmax() == 2


def counting() -> RecurrentModel:
    """Returns a ReLU network whose unit 1 counts open brackets: +1 at (, -1 at ). The rest see one token."""
    model = RecurrentModel("rnn_relu", 3, 3, 4, vocabulary=(UNKNOWN, "(", ")", "x"))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.embedding.weight[1:] = torch.eye(3)
        model.rnn.weight_hh_l0[1, 1] = 1.0
        model.rnn.weight_ih_l0[1] = torch.tensor([1.0, -1.0, 0.0])
        model.rnn.weight_ih_l0[0, 0] = model.rnn.weight_ih_l0[2, 2] = 1.0
        model.readout.weight[2, 1] = 2.0
        model.readout.bias[2] = -3.0
    return model.double()


def test_a_unit_that_counts_brackets_is_found_first_and_is_their_cause():
    text = plain("x((x)(x(x)))x(x)xx((x))xxx(x(x))x")
    found = units(counting(), [text], unit="char")
    track = found.track("bracket")
    assert largest(found.h[:, 1], track.values[:, 0]) == 0.0  # it is the depth
    assert track.best() == 1 and track.r["h"][1] == pytest.approx(1.0)
    decided, others = found.lost(track)[1]
    assert decided > 0.5 and others < 0.0


# What a stored network brings, and its card.


@cache
def trained() -> tuple[RecurrentModel, Experiment]:
    from explorer.training.learner import build

    run = Experiment(cell="gru", data="brackets", units="word", length=6, hidden=6, grammar="en")
    return build(run, source(run, "en")).double(), run


def test_the_card_names_the_best_unit_of_each_feature_and_is_the_same_each_time():
    model, run = trained()
    rows = best_units(model, run)
    assert [row.feature for row in rows] == ["quote", "bracket", "position", "cue"]
    assert rows == best_units(model, run)
    found = units(model, held_out(run, source(run, "en")), unit="word")
    for row in rows:
        track = found.track(row.feature)
        assert row.r == track.r[row.state][row.unit - 1] and row.chance == track.chance[row.state]
        assert abs(row.r) == max(np.nanmax(np.abs(r)) for r in track.r.values())
        assert (row.perplexity, row.without) == (found.perplexity, found.without[row.unit - 1])


def test_a_stored_network_is_measured_on_held_out_text_and_shows_the_text_of_the_bar():
    model, run = trained()
    experiment = Experiment(weights="model", units="word", text="sun ( moon . )" + " sun" * 500)
    found = units_in(experiment, model, run)
    assert found.own == OWN and found.tokens[:5] == ("sun", "(", "moon", ".", ")")
    assert found.tokens[OWN:] == tuple(t for s in held_out(run, source(run, "en")) for t in s.tokens)
    other = units_in(experiment, model, replace(run, grammar="ko"))  # not what it reads
    assert other.own == 0 and len(other.tokens) == 505


def test_a_network_that_was_learned_here_is_measured_on_the_text_of_the_bar():
    experiment = Experiment()
    found = units_in(experiment, learned_once(experiment.model_part()).model, None)
    assert found.own == 0 and len(found.tokens) == 5 and found.unit == "word"
    assert [track.kind for track in found.tracks] == ["position"]
    number = units_in(experiment, learned_once(experiment.model_part()).model, Experiment(data="adding"))
    assert number.own == 0
