"""A cell that nobody has, put into the registry: it is on every page without a line more.

Three states, U in one block of two, a weight of each unit's own, exp, max and a division.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer import CELLS, Experiment, RecurrentModel, bptt
from explorer.architectures import deep, shapes, states
from explorer.architectures.cost import costs
from explorer.architectures.mappings import fit, read, walk_of
from explorer.architectures.mappings.common import TRAINING_STEPS
from explorer.cells.build import cell
from explorer.cells.spec import Diagram, Net, Node, Signal, Wire
from explorer.course.glossary import sheets
from explorer.data.corpora import lecture_sentences
from explorer.data.exercises import examples
from explorer.dynamics import cube as cubes
from explorer.dynamics.network import network
from explorer.experiment import MAPPINGS, TABLE, Display, carries
from explorer.figures.outcomes import outcomes_figure
from explorer.i18n import LANGUAGES, strings
from explorer.lab.flow import compared, flow, nudged
from explorer.lab.learned import inputs
from explorer.language.probing import memories
from explorer.language.saying import saying
from explorer.language.scoring import foresee
from explorer.language.units import units
from explorer.stage.deep import build_deep
from explorer.stage.dynamics import build_space
from explorer.stage.generate import build_saying
from explorer.stage.memory import build_memory
from explorer.stage.payload import build, build_flow, header_of
from explorer.stage.predict import build_prediction
from explorer.stage.units import build_units
from explorer.text import tokenise
from explorer.training import trainer
from explorer.training.race import race_of
from explorer.training.run import Carried, InMemory
from tests.autograd import rows_of
from tests.helpers import largest, learned_once, walked
from tests.pages.app import field, opened, short_training

KEY = "made_up"


def _draw(equations) -> Diagram:
    nodes = (
        Node("h_prev", "end", 5, 20, "h_prev", "h_prev", "h"),
        Node("w", "gate", 30, 42, "w", "w", "write"),
        Node("share", "op", 60, 20, "÷", equations["h"], "h"),
        *(Node(s, "end", 96, y, s, s, hue) for s, y, hue in (("h", 20, "h"), ("s", 34, "c"), ("q", 48, "x"))),
    )
    return Diagram(nodes, (Wire(((63, 20), (92, 20)), "h", "h"),))


def _paper(net: Net, x: Tensor, h: Tensor, s: Tensor, q: Tensor) -> tuple[Tensor, ...]:
    k, u = torch.sigmoid(net.unit("k")), torch.tanh(net.of_x("u", x))
    s = k * s + torch.sigmoid(net("w", x, h)) * u
    q = torch.maximum(k * q, torch.exp(u))
    return s / (1.0 + q), s, q


MADE_UP = cell(
    KEY,
    """
    k = sigmoid(p_k)
    w = sigmoid(W_w x + U_w h_prev)
    u = tanh(W_u x)
    s = k * s_prev + w * u
    q = max(k * q_prev, exp(u))
    h = s / (1 + q)
    """,
    family="gru",
    states="h s q",
    packing="w u",
    own="k",
    signals=(
        Signal("k", "gate", "sigmoid", "keep", "eigenvalue"),
        Signal("w", "gate", "sigmoid", "write", "i"),
        Signal("u", "candidate", "tanh", "candidate", "g"),
        Signal("s", "state", "identity", "c", "c"),
        Signal("q", "state", "identity", "normaliser", "normaliser"),
        Signal("h", "state", "identity", "h"),
    ),
    draw=_draw,
    source="nobody",
    paper=_paper,
    keep="k",
    write="w",
)
WORDS = Experiment(cell=KEY, weights="untrained", hidden=6)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """One line in the registry, and a name in both languages; fields follow when they are read anew."""
    monkeypatch.setitem(CELLS, KEY, MADE_UP)
    for lang in LANGUAGES:
        monkeypatch.setitem(strings(lang)["cell"], KEY, "Made up")
    more = {
        "cell": (KEY,),
        "second": (KEY,),
        "clamp": MADE_UP.activations,
        "carry": carries(MADE_UP),
        "shade": MADE_UP.states,
    }
    for name, options in more.items():
        known = dict.fromkeys((*TABLE[name].options, *options))
        monkeypatch.setitem(TABLE, name, replace(TABLE[name], options=tuple(known)))
    sheets.cache_clear()
    yield
    sheets.cache_clear()


def model() -> RecurrentModel:
    return learned_once(WORDS).model


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_walks(lang):
    found = walked(WORDS)
    run = header_of(build(found, Display(lang)))["runs"][0]
    assert found.error < 1e-12 and run["cell"] == "Made up"
    assert [one["symbol"] for one in run["signals"]] == list("kwusqh")
    assert {"h", "s", "q", "gate.w", "pre.w"} <= set(run["arrays"])
    assert len(run["lines"][0]["data"]) == 3  # a norm of every state


def test_it_is_held_changed_and_transplanted():
    clamped = walked(replace(WORDS, clamp="w", clamp_value=0.5))
    assert clamped.error < 1e-12 and (clamped.runs[1].trace.layers[0].gate["w"] == 0.5).all()
    found = walked(replace(WORDS, carry="hsq", donor_step=1, into=2))
    assert [outcome.carry for outcome in found.outcomes] == ["", "h", "s", "q", "hsq"]
    assert found.error < 1e-12
    figure = outcomes_figure(found.outcomes, "en")
    titles = [note.text for note in figure.layout.annotations]
    assert titles[1:] == ["h only", "s only", "q only", "h, s, q"]
    beside = walked(replace(WORDS, cell="lstm", second=KEY))
    assert [run.cell for run in beside.runs] == ["lstm", KEY]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_gradient_flows_back(lang):
    learned = {name: learned_once(replace(WORDS, cell=name)) for name in compared(KEY)}
    found = flow(WORDS, learned)
    header = header_of(build_flow(found, Display(lang)))
    assert header["state"] == "s" and header["decays"][0].startswith("Made up")
    names = [line["name"] for line in header["runs"][0]["lines"][0]["data"]]
    assert names[:3] == ["Made up h", "Made up s", "Made up q"]
    push = nudged(found.chosen, 2)
    assert push is not None


def test_its_flow_is_autograds():
    run = walked(WORDS).runs[0].trace
    dL_dh = np.random.default_rng(0).normal(size=run.output.shape)
    dx, (rows,) = rows_of(run, dL_dh)
    of = bptt(run, dL_dh).layers[0]
    assert largest(of.x, dx) < 1e-12
    for state, total in of.totals.items():
        assert largest(total, rows.states[state].sum(0)) < 1e-12
    weights = of.weight_gradient()
    assert all(largest(weights[name], array) < 1e-12 for name, array in rows.weights.items())


def test_language_is_read_and_made_with_it():
    tokens = tokenise(lecture_sentences()[0], "word")
    assert build_prediction(foresee(model(), tokens), "en")
    assert build_saying(saying(WORDS, model()), Display("ko"))
    found = units(model(), [], tokens, token_level="word")
    header = header_of(build_units(found, replace(WORDS, shade="q"), Display("en")))
    assert header["states"] == ["h", "s", "q"] and header["shade"] == "q"
    assert {"h", "s", "q"} <= set(header["runs"][0]["arrays"])
    payload = build_memory(memories(model(), None, "word"), model().vocabulary, "en", "q", True)
    assert header_of(payload)["states"] == ["h", "s", "q"]


def test_it_stands_in_every_architecture(monkeypatch):
    for mapping in MAPPINGS:
        monkeypatch.setitem(TRAINING_STEPS, mapping, 3)
        reading = read(fit(mapping, KEY, "en"), examples(mapping, "en")[0])
        assert all(build(walk_of(part, WORDS), Display("en")) for part in reading.parts)
    monkeypatch.setattr(deep, "MOST_STEPS", 2)
    monkeypatch.setattr(deep, "TIMED_SECONDS", 0.0)
    text = deep.offered("en")[0]
    readings = {}
    for name, both in (("one", False), ("both", True)):
        tagger = deep.fit(KEY, "en", 2, both)
        sentence = deep.sentence_of(text, "en", tagger.model)
        readings[name] = deep.read(tagger, sentence.words)
    assert build_deep(sentence, readings, "both", "en")
    assert deep.prices(KEY, "en")
    sizes = shapes.Sizes(KEY, 2, 3, 4, 5)
    assert not sizes.in_torch and shapes.run(sizes).agrees  # the code is that of its family, and says so
    assert states.border(KEY, 0).whole.shape == (2 * states.BATCH_STEPS,)
    assert len(states.paddings(KEY, 0)) == 4
    assert costs(4, 5, (KEY,))[0].parameters == MADE_UP.parameters(4, 5)


def test_its_space_of_states_is_searched(monkeypatch):
    monkeypatch.setattr(trainer, "FLIP_FLOP_STEPS", 3)
    learned = learned_once(WORDS)
    found = network(learned.model, inputs(WORDS, learned.model, learned.sample))
    assert found.states.shape[1] == 3 * 6 and build_space([found], "en")
    learned = cubes.learn_cube(WORDS)
    assert build_space([cubes.cube(learned.model)], "ko")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_glossary_has_its_sheet(lang):
    assert KEY in [sheet.key for sheet in sheets(lang)]


def test_it_runs_a_race():
    asked = Experiment(length=6, size=4, batch=2, budget=3, racers=f"{KEY};{KEY} bias=chrono")
    memory = InMemory()
    Carried(race_of(asked), memory).run()
    assert {e["racer"] for e in memory.events if e["kind"] == "steps"} == {0, 1}
    assert all(np.isfinite(e["loss"]).all() for e in memory.events if e["kind"] == "steps")


PAGES = [
    ("step", {}),
    ("step", {"second": KEY, "clamp": "w", "carry": "hsq"}),
    *(("gradients", {"look": look}) for look in ("", "why", "eigenvalues", "nudge", "weights", "truncation")),
    ("train", {"racers": KEY}),
    *(("language", {"view": view}) for view in ("predict", "generate", "units", "memory")),
    *(("architectures", {"arch": arch}) for arch in ("mappings", "deep", "shapes")),
    *(("architectures", {"arch": "shapes", "ask": ask}) for ask in ("output", "stateful", "padding")),
    *(("dynamics", {"scene": scene}) for scene in ("portrait", "network")),
    ("glossary", {}),
]


@pytest.mark.parametrize("locale", ["ko-KR", "en-US"])
def test_every_page_opens_with_it(locale):
    with short_training():
        for page, query in PAGES:
            app = opened(locale, page=page, **({"cell": KEY, "weights": "untrained"} | query))
            if page == "step":
                assert field(app, "selectbox", "cell").value == KEY
