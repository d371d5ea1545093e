"""The line of evidence: the states of a spam network line up, and where one stands is its answer so far."""

import numpy as np
import pytest
import torch

from explorer.architectures import mappings
from explorer.data.exercises import messages
from explorer.dynamics.evidence import Evidence, evidence
from explorer.figures.dynamics import odds_figure
from explorer.stage.dynamics import build_space
from explorer.stage.payload import header_of
from tests.helpers import mapped_once


def of(cell: str, lang: str = "en", text: str = "") -> Evidence:
    network = mapped_once("many_one", cell, lang)
    part = mappings.read(network, text).parts[0]
    every = [m.words for kind in ("train", "held_out") for m in messages(lang, kind)]
    return evidence(part.model, part.given, every, network.answers)


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_in_a_gru_one_direction_holds_the_evidence_between_two_memories(lang):
    found = of("gru", lang)
    assert found.share > 0.75 and abs(found.r) > 0.99
    points = found.landscape.points
    assert points.counts == {0: 2, 1: 1}
    at = found.landscape.space.place(points.states)[:, 0]
    low, high = found.along.min(), found.along.max()
    ends, middle = at[points.unstable == 0], at[points.unstable == 1]
    assert ends.min() < middle[0] < ends.max() and low < middle[0] < high
    said = found.landscape.said[:, 0] - found.landscape.said[:, 1]
    assert np.sign(said[points.unstable == 0]).prod() == -1.0  # one says spam, the other does not
    assert 10 < found.half_life < 100


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_in_others_the_first_direction_is_the_answer_too(cell):
    found = of(cell)
    assert abs(found.r) > 0.95 and found.share > 0.4


def test_the_odds_are_the_modules_own_after_every_word():
    found = of("gru", text="win a free prize now")
    model = found.landscape.model
    tokens = [token.original for token in found.landscape.tokens]
    with torch.no_grad():
        p = torch.log_softmax(model(torch.tensor(model.encode(tokens))[:, None])[:, 0], -1)
    assert np.allclose(found.odds, (p[:, 0] - p[:, 1]).numpy(), atol=1e-12)
    figure = odds_figure(found.landscape, "en")
    assert np.allclose(figure.data[0].y, found.odds)


def test_a_point_is_named_by_what_the_network_would_answer():
    found = of("gru")
    (run,) = header_of(build_space([found.landscape], "en"))["runs"]
    names = {point["name"].split(": ")[1] for point in run["points"] if not point["unstable"]}
    assert names == set(found.landscape.names)
