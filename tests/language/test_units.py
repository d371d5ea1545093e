"""Single units: what is measured of a network, and networks whose flag and counter are known."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from explorer import RecurrentModel
from explorer.data.grammar import Sentence
from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.labels import UNKNOWN
from explorer.language.features import features
from explorer.language.held_out import held_out
from explorer.language.units import (
    LEAST,
    OWN_TOKENS,
    SAMPLE,
    affordable,
    best_units,
    half_life,
    saturation,
    units,
    units_in,
    with_pattern,
)
from tests.helpers import largest, learned_once, number_model, word_model

WORDS = (UNKNOWN, *"abcdefgh")
RNG = np.random.default_rng(5)


def plain(tokens) -> Sentence:
    return Sentence(tuple(tokens), (), ())


TEXT = [plain("abcadefgh"), plain("hab"), plain("ccdeafb")]


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


def test_the_own_text_is_read_but_not_measured():
    model = word_model("lstm", WORDS, H=5).double()
    alone, both = (
        units(model, TEXT, token_level="char"),
        units(model, TEXT, tuple("abc?"), token_level="char"),
    )
    assert both.own == 4 and both.tokens[:4] == tuple("abc?") and not both.known[3]
    assert both.perplexity == alone.perplexity and (both.without == alone.without).all()
    assert largest(both.tracks[0].r["c"], alone.tracks[0].r["c"]) == 0.0
    assert np.array_equal(both.lost(both.tracks[0]), alone.lost(alone.tracks[0]), equal_nan=True)
    assert largest(both.h[4:], alone.h) <= 1e-12


def test_a_pattern_is_added_within_its_stretch_alone():
    found = units(word_model("lstm", WORDS, H=5).double(), TEXT, tuple("ab"), token_level="char")
    track = with_pattern(found, "ha").track("pattern")
    assert np.flatnonzero(track.values).tolist() == [11, 12]  # not across the end of the first stretch
    expected = [np.corrcoef(unit, track.values[2:, 0])[0, 1] for unit in found.h[2:].T]
    assert largest(track.r["h"], expected) <= 1e-12
    assert found.track("pattern") is None
    assert with_pattern(with_pattern(found, "ha"), "zz").tracks == found.tracks


def test_loss_is_split_by_what_the_feature_decides():
    model = word_model("rnn", (UNKNOWN, *"ab()"), H=4).double()
    found = units(model, [plain("ab(ab)ab")], token_level="char")
    track = found.track("bracket")
    rise = (found.zeroed - found.nats[:, None])[1:]
    assert largest(found.lost(track)[:, 0], rise[4]) <= 1e-15  # the closing bracket
    assert largest(found.lost(track)[:, 1], np.delete(rise, 4, 0).mean(0)) <= 1e-15
    rise = (found.averaged - found.nats[:, None])[1:]
    assert largest(found.lost(track, "mean")[:, 0], rise[4]) <= 1e-15


def test_short_texts_measure_nothing_and_do_not_fail():
    model = word_model("lstm", WORDS, H=3).double()
    one = units(model, [], ("a",), token_level="char")
    assert one.tracks == () and math.isnan(one.perplexity) and np.isnan(one.without).all()
    same = units(model, [], ("z",) * 4, token_level="char")
    assert not any(same.known) and [track.kind for track in same.tracks] == ["position", "word"]
    with pytest.raises(ValueError):
        units(model, [], (), token_level="char")


def test_what_cannot_be_read_is_refused():
    with pytest.raises(ValueError, match="numbers"):
        units(number_model("rnn"), TEXT, token_level="char")
    with pytest.raises(ValueError, match="both directions"):
        units(word_model("rnn", WORDS, bidirectional=True), TEXT, token_level="char")


def test_an_explosion_is_named_and_has_no_correlation():
    model = word_model("rnn_relu", WORDS, H=4).double()
    with torch.no_grad():
        for parameter in model.rnn.parameters():
            parameter.abs_().mul_(1e30)
    found = units(model, [plain("abcdefgh" * 2)], token_level="char")
    assert found.first_bad == 1
    assert np.abs(found.h[found.first_bad]).max() > 3.4e38 > np.abs(found.h[found.first_bad - 1]).max()
    track = found.track("position")
    assert np.isnan(track.r["h"]).all() and math.isnan(track.chance["h"]) and math.isnan(found.perplexity)


def test_no_more_is_read_than_there_is_time_for():
    small, large = word_model("rnn", WORDS, H=4), word_model("lstm", WORDS, H=400)
    assert affordable(small) == SAMPLE and affordable(large) == LEAST
    long = plain("ab" * SAMPLE)
    assert len(units(small.double(), [long], token_level="char").tokens) == SAMPLE
    assert len(units(small.double(), [], long.tokens, token_level="char").tokens) == SAMPLE


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
    found = units(flagged(), QUOTED, token_level="char")
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
    found = units(counting(), [text], token_level="char")
    track = found.track("bracket")
    assert largest(found.h[:, 1], track.values[:, 0]) == 0.0  # it is the depth
    assert track.best() == 1 and track.r["h"][1] == pytest.approx(1.0)
    decided, others = found.lost(track)[1]
    assert decided > 0.5 and others < 0.0


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
    found = units(model, held_out(run, source(run, "en")), token_level="word")
    for row in rows:
        track = found.track(row.feature)
        assert row.r == track.r[row.state][row.unit - 1] and row.chance == track.chance[row.state]
        assert abs(row.r) == max(np.nanmax(np.abs(r)) for r in track.r.values())
        assert (row.perplexity, row.without) == (found.perplexity, found.without[row.unit - 1])


def test_a_stored_network_is_measured_on_held_out_text_and_shows_the_text_of_the_bar():
    model, run = trained()
    experiment = Experiment(weights="model", units="word", text="sun ( moon . )" + " sun" * 500)
    found = units_in(experiment, model, run)
    assert found.own == OWN_TOKENS and found.tokens[:5] == ("sun", "(", "moon", ".", ")")
    assert found.tokens[OWN_TOKENS:] == tuple(t for s in held_out(run, source(run, "en")) for t in s.tokens)
    other = units_in(experiment, model, replace(run, grammar="ko"))  # not what it reads
    assert other.own == 0 and len(other.tokens) == 505


def test_a_network_that_was_learned_here_is_measured_on_the_text_of_the_bar():
    experiment = Experiment()
    found = units_in(experiment, learned_once(experiment.model_part()).model, None)
    assert found.own == 0 and len(found.tokens) == 5 and found.token_level == "word"
    assert [track.kind for track in found.tracks] == ["position"]
    number = units_in(experiment, learned_once(experiment.model_part()).model, Experiment(data="adding"))
    assert number.own == 0
