"""Caches: what a result needs is in its key, and how it is displayed is not."""

from dataclasses import replace
from itertools import product

import pytest
import torch

from explorer.experiment import (
    NOTATIONS,
    TABLE,
    TYPES,
    Display,
    Experiment,
    LossChoices,
    NetworkChoices,
    SamplingChoices,
    WalkChoices,
    names_of,
)
from explorer.figures.palette import THEMES
from explorer.i18n import LANGUAGES
from explorer.ui import compute
from explorer.ui.language import generate, memory, predict, units

SMALL = Experiment(cell="gru", weights="untrained", hidden=3, text="a b a c")
PLAIN = Display("en")
DISPLAYS = [Display(*how) for how in product(LANGUAGES, NOTATIONS[1:], THEMES)]
RESULTS = {
    "walk": (lambda e: compute.walked(e, PLAIN), {*names_of(NetworkChoices), *names_of(WalkChoices)}),
    "flow": (compute.flowed, {*names_of(NetworkChoices), *names_of(LossChoices), "start", "beside"}),
    "saying": (generate.said, {*names_of(NetworkChoices), *names_of(SamplingChoices), "start"}),
    "foresight": (predict.foreseen, {*names_of(NetworkChoices), "start", "free"}),
    "units": (units.units_of, set(names_of(NetworkChoices))),
}


def changed(name: str) -> Experiment:
    """Returns the small experiment with another value of one field."""
    entry, now = TABLE[name], getattr(SMALL, name)
    if entry.options is not None:
        other = next(option for option in reversed(entry.options) if option != now)
    elif TYPES[name] is str:
        other = "b a"
    else:
        other = TYPES[name](entry.low if entry.low != now else entry.high)
    return replace(SMALL, **{name: other})


@pytest.mark.parametrize("result", RESULTS)
def test_what_a_result_does_not_need_makes_no_second_one(result):
    of, needed = RESULTS[result]
    first = of(SMALL)
    assert [name for name in TABLE if name not in needed and of(changed(name)) is not first] == []


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("change", [{"seed": 1}, {"text": "c b"}, {"cell": "rnn"}])
def test_what_it_needs_does(result, change):
    of, _ = RESULTS[result]
    assert of(replace(SMALL, **change)) is not of(SMALL)


def test_no_display_enters_a_walk():
    assert len({id(compute.walked(SMALL, display)) for display in DISPLAYS}) == 1


def test_a_clamp_is_the_same_walk_however_it_is_written():
    kept, written = replace(SMALL, clamp="z", clamp_value=0.75), replace(SMALL, clamp="z", clamp_value=0.25)
    lecture = Display("ko", "lecture")
    assert compute.walked(kept, PLAIN) is compute.walked(written, lecture)
    assert compute.walked(kept, PLAIN) is not compute.walked(kept, lecture)
    assert (compute.walked(kept, PLAIN).runs[1].trace.only.gate["z"] == 0.75).all()


@pytest.mark.parametrize("bias", ["default", "fixed", "chrono"])
def test_every_notation_has_the_same_network(bias):
    asked = [replace(SMALL, bias=bias, keep_bias=2.0, notation=notation) for notation in NOTATIONS]
    models = [compute.network(one) for one in asked]
    for model in models[1:]:
        for name, weight in models[0].state_dict().items():
            assert torch.equal(weight, model.state_dict()[name])


def test_a_payload_is_what_a_display_makes_of_one_walk():
    payloads = {display: compute.packed(SMALL, display) for display in DISPLAYS}
    assert payloads[Display("en", "pytorch")] != payloads[Display("en", "lecture")]
    assert payloads[Display("en", "pytorch")] != payloads[Display("ko", "pytorch")]
    flows = {display: compute.packed_flow(SMALL, display) for display in DISPLAYS}
    assert flows[Display("en", "pytorch")] != flows[Display("en", "lecture")]  # the law is written in it


def test_memory_does_not_depend_on_what_is_read():
    assert memory.packed_memory(SMALL, "en") is not memory.packed_memory(replace(SMALL, shade="c"), "en")
    lecture = replace(SMALL, weights="lecture", unknown="unk")
    assert memory.packed_memory(lecture, "en") is memory.packed_memory(replace(lecture, text="c"), "en")
