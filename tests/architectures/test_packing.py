"""Packed sequences: the grid is PyTorch's own, packed states are those of each sequence alone."""

import numpy as np
import pytest
import torch
from torch import nn

from explorer.architectures.listing import execute
from explorer.architectures.packing import LENGTHS, packing
from explorer.cells import CELLS
from explorer.figures.packing import grid_of_packing, packing_figure
from explorer.i18n import LANGUAGES, t


def ran(cell: str, seed: int) -> dict:
    torch.manual_seed(seed)
    return execute(packing(cell, seed).code)


@pytest.mark.parametrize("cell", ["rnn_relu", "lstm", "gru"])
def test_the_grid_and_what_is_off_are_those_of_each_sequence_run_alone(cell):
    found, names = packing(cell, 3), ran(cell, 3)
    x, rnn, data = (names[name] for name in ("x", "rnn", "data"))
    for rank, row in enumerate(found.rows):
        length = LENGTHS[row]
        assert (found.place[rank, :length] >= 0).all() and (found.place[rank, length:] == -1).all()
        assert torch.equal(data[found.place[rank, :length]], x[row, :length])
        with torch.no_grad():
            alone, padded = (rnn(steps[None])[0][0].numpy() for steps in (x[row, :length], x[row]))
        for way, off in ((slice(0, 8), found.forward), (slice(8, 16), found.backward)):
            for step in range(length):
                gap = np.linalg.norm((padded[step] - alone[step])[way]) / np.linalg.norm(alone[step][way])
                assert off[rank, step] == pytest.approx(gap, abs=1e-5)
            assert np.isnan(off[rank, length:-1]).all()
        at_end = np.linalg.norm((padded[-1] - alone[-1])[:8]) / np.linalg.norm(alone[-1][:8])
        assert found.forward[rank, -1] == pytest.approx(at_end, abs=1e-5)
        assert found.backward[rank, -1] == pytest.approx(found.backward[rank, 0], abs=1e-5)
    assert found.batch_sizes.tolist() == names["batch_sizes"].tolist() == [3, 3, 3, 2, 2, 1]


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_shows_a_run_of_pytorchs_and_leaves_its_generator_alone(cell):
    before = torch.get_rng_state()
    found = packing(cell, 0)
    assert torch.equal(before, torch.get_rng_state())
    assert isinstance(ran(cell, 0)["rnn"], nn.RNNBase)
    assert f"# {found.batch_sizes.tolist()}, ({found.read}, 4)" in found.code


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_figures_show_each_word_in_its_place(lang):
    found, sentences = packing("lstm", 0), t("packing.batch", lang).split(" / ")
    assert tuple(len(sentence.split()) for sentence in sentences) == LENGTHS
    said = [a.text for a in grid_of_packing(found, sentences, lang).layout.annotations]
    for rank, row in enumerate(found.rows):
        for word, place in zip(sentences[row].split(), found.place[rank], strict=False):
            assert f"{word}<br>data[{place}]" in said
    assert said.count(t("packing.pad", lang)) == found.padded - found.read
    forward, backward = packing_figure(found, lang).data
    np.testing.assert_array_equal(forward.z, found.forward)
    np.testing.assert_array_equal(backward.z, found.backward)
    assert forward.zmax == backward.zmax == np.nanmax([found.forward, found.backward])
