"""Both branches of a fork: each is a run of its own, they part where the choice is read."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer import Experiment
from explorer.cells import CELLS
from explorer.figures.branches import branches_figure
from explorer.i18n import LANGUAGES, t
from explorer.language.branches import BEFORE, MOST, branches
from explorer.language.saying import saying
from tests.helpers import word_model

WORDS = ("<unk>", *"abcdefg")


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_each_branch_is_a_run_of_its_own(cell):
    model = word_model(cell, WORDS, H=6).double()
    asked = Experiment(cell=cell, prompt="a b c d e", units="word", tokens=20, temperature=0.0, forced="3:2")
    plain = saying(replace(asked, forced=""), model)
    wanted = next(k for k in range(1, 8) if WORDS[k] != plain.said[2])
    found = branches(replace(asked, forced=f"3:{wanted}"), model)
    assert found is not None and found.fork == found.parted == 8
    assert found.first == 8 - BEFORE and len(found.apart) == BEFORE + MOST
    assert (found.apart[:BEFORE] == 0).all() and (found.apart[BEFORE:] > 0).all()
    tokens = (*plain.typed, *plain.said)[: 8 + MOST - 1]
    assert found.other.tokens == tuple(tokens[found.first - 1 :])
    ids = torch.tensor(model.encode(tokens))[:, None]
    states, h = [], None
    for k in ids:  # a step at a time, so that autograd keeps every state
        _, h = model.rnn(model.embedding(k)[None], h)
        states.append(h[0] if cell == "lstm" else h)
        states[-1].retain_grad()
        logits = model.readout(states[-1][0])
        if len(states) == len(ids) - 1:
            torch.nn.functional.cross_entropy(logits, ids[-1]).backward(retain_graph=True)
    norms = [float(s.grad.norm()) for s in states[found.first - 1 : -1]]
    np.testing.assert_allclose(found.other.gradient, norms, rtol=1e-9)


def test_without_a_fork_there_is_none_and_the_same_choice_is_one_branch():
    model = word_model("gru", WORDS, H=6).double()
    asked = Experiment(cell="gru", prompt="a b", units="word", tokens=8, temperature=0.0)
    assert branches(asked, model) is None
    first = saying(asked, model).said[0]
    found = branches(replace(asked, forced=f"1:{WORDS.index(first)}"), model)
    assert found is not None and found.parted is None and not found.apart.any()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_figure_has_both_branches(lang):
    model = word_model("lstm", WORDS, H=6).double()
    asked = Experiment(prompt="a b", units="word", tokens=8, temperature=0.0)
    wanted = next(k for k in range(1, 8) if WORDS[k] != saying(asked, model).said[0])
    found = branches(replace(asked, forced=f"1:{wanted}"), model)
    assert found is not None
    hues = {symbol: CELLS["lstm"].roles[symbol].hue for symbol in found.chosen.gates}
    figure = branches_figure(found, hues, lang)
    np.testing.assert_array_equal(figure.data[0].y, found.apart)
    names = [trace.name for trace in figure.data if trace.name]
    assert {t("branches.chosen", lang), t("branches.other", lang), *hues} <= set(names)
    assert sum(name in hues for name in names) == 2 * len(hues)
    assert len(branches_figure(found, {}, lang).data) < len(figure.data)
