"""The networks that come with the app: what models.toml says of them, what is in the files, how they read."""

import json
import re
from functools import cache

import pytest
import torch
from torch.nn import functional as F

from explorer.data.grammar import END
from explorer.data.sources import Batch, Source, source
from explorer.data.tales import QUOTE, words
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES, strings
from explorer.language.sampling import generate
from explorer.language.scoring import score
from explorer.limits import MAX_HIDDEN
from explorer.text import join, tokenise
from explorer.training.shipped import MODELS, families, load

MOST_BYTES, MOST_TEXT = 700 * 1024, 120
EVERY = [(name, cell) for name, family in families().items() for cell in family.cells]
GATED = [(name, cell) for name, cell in EVERY if cell != "rnn"]
TALES = [(name, cell) for name, cell in GATED if name.startswith("tales")]

every = pytest.mark.parametrize(("name", "cell"), EVERY)


@cache
def data_of(name: str, cell: str) -> Source:
    experiment = families()[name].experiments[cell]
    return source(experiment, experiment.grammar)


@cache
def card() -> dict:
    return json.loads((MODELS / "card.json").read_text(encoding="utf-8"))


def rows(batch: Batch, vocabulary: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Returns the sequences of a batch as tokens, the last one included."""
    both = zip(batch.x.T.tolist(), batch.target.T.tolist(), strict=True)
    return [tuple(vocabulary[k] for k in (x[0], *(k for k in y if k >= 0))) for x, y in both]


def test_there_are_three_families_of_three_cells():
    assert {name: (f.lang, f.token_level) for name, f in families().items()} == {
        "tales_en": ("en", "char"),
        "tales_ko": ("ko", "jamo"),
        "brackets": ("en", "char"),
    }
    assert all(family.cells == ("rnn", "lstm", "gru") for family in families().values())
    for lang in LANGUAGES:
        assert list(strings(lang)["model"]) == list(families())


def test_the_files_are_those_and_small():
    files = set(MODELS.glob("*.safetensors"))
    assert files == {families()[name].path(cell) for name, cell in EVERY}
    assert sum(file.stat().st_size for file in files) <= MOST_BYTES


@every
def test_a_file_holds_what_models_toml_says(name, cell):
    bundle, family = load(name, cell), families()[name]
    assert bundle.experiment == family.experiments[cell]
    assert (bundle.experiment.cell, bundle.experiment.token_level) == (cell, family.token_level)
    assert (bundle.ignored, bundle.symbols) == ((), None)
    assert bundle.model.cell == cell
    assert bundle.model.vocabulary == data_of(name, cell).vocabulary
    assert bundle.model.hidden_size == bundle.experiment.hidden <= MAX_HIDDEN
    assert bundle.experiment.layers == 1
    keep_bias = (bundle.experiment.bias, bundle.experiment.keep_bias)
    assert keep_bias == (("fixed", 1.0) if cell == "lstm" else ("default", 1.0))


@every
def test_the_cells_of_a_family_differ_in_nothing_else(name, cell):
    def shared(experiment: Experiment) -> dict[str, str]:
        return {k: v for k, v in experiment.to_query().items() if k not in ("cell", "bias")}

    runs = families()[name].experiments
    assert shared(runs[cell]) == shared(runs["rnn"])


@every
def test_the_card_is_of_these_files(name, cell):
    record, bundle = card()[f"{name}.{cell}"], load(name, cell)
    assert record["steps"] == bundle.step <= bundle.experiment.budget
    assert record["seed"] == bundle.experiment.seed
    assert record["weights"] == sum(weight.numel() for weight in bundle.model.parameters())
    query = dict(pair.split("=") for pair in record["experiment"].split("&"))
    assert Experiment().with_changes(query) == (bundle.experiment, ())


@every
def test_the_cards_perplexity_is_torchs_on_held_out_text(name, cell):
    model, batch = load(name, cell).model, data_of(name, cell).held_out()
    with torch.no_grad():
        logits = model(batch.x)
    nats = F.cross_entropy(logits.flatten(0, 1), batch.target.flatten(), ignore_index=-1)
    record = card()[f"{name}.{cell}"]
    assert nats.item() == pytest.approx(record["nats"], rel=1e-5)
    assert nats.exp().item() == pytest.approx(record["perplexity"], rel=1e-5)
    judged = batch.target >= 0 if batch.judged is None else batch.judged
    right = (logits.argmax(-1) == batch.target)[judged].double().mean().item()
    assert right == pytest.approx(record["accuracy"], abs=1e-6)


@every
def test_a_score_sees_the_same_text(name, cell):
    """The mean over the held-out sequences, each scored in float64 from the zero state."""
    model, found = load(name, cell).model, data_of(name, cell)
    scores = [score(model, row) for row in rows(found.held_out(), found.vocabulary)]
    total = sum(float(one.nats.sum()) for one in scores)
    mean = total / sum(len(one.nats) for one in scores)
    assert mean == pytest.approx(card()[f"{name}.{cell}"]["nats"], rel=1e-5)


def test_memory_decides_about_brackets():
    """A guess is right once in three; the RNN is there to be compared with."""
    accuracy = {cell: card()[f"brackets.{cell}"]["accuracy"] for cell in families()["brackets"].cells}
    assert min(accuracy["lstm"], accuracy["gru"]) >= 0.95
    assert accuracy["rnn"] < 0.9


@pytest.mark.parametrize(("name", "family"), families().items())
def test_a_text_to_open_with_was_held_out(name, family):
    found = data_of(name, "lstm")
    tokens = tokenise(family.text, family.token_level)
    assert len(family.text) <= MOST_TEXT
    held_out = rows(found.held_out(), found.vocabulary)
    if name == "brackets":
        assert (*tokens, END) in held_out
        return
    assert family.text.count(QUOTE) == 2
    whole = join([*held_out[0], *(token for row in held_out[1:] for token in row[1:])], family.token_level)
    trained = join([found.vocabulary[k] for k in found.training.args[0].tolist()], family.token_level)
    assert family.text in whole
    assert family.text not in trained


@pytest.mark.parametrize(("name", "cell"), TALES)
def test_gated_networks_say_words_and_close_quotations(name, cell):
    """Bands over ten seeds; the last word of each may be cut off."""
    model, family = load(name, cell).model, families()[name]
    prompt = tokenise(family.text.split()[0], family.token_level)
    known = words(family.lang)
    shares, closed = [], 0
    for seed in range(10):
        said = generate(model, prompt, 300, temperature=0.8, seed=seed)
        text = join(prompt + said.tokens, family.token_level)
        spoken = [re.sub(r'[".,?]', "", word) for word in text.split()[:-1]]
        shares.append(sum(word in known for word in spoken) / len(spoken))
        closed += all(len(part) < 100 for part in text.split(QUOTE)[1:-1:2])
    assert min(shares) >= 0.85
    assert sum(shares) / len(shares) >= 0.95
    assert closed >= 9


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_gated_networks_close_what_they_open(cell):
    """Sentences of its own, the most probable token at each place, from ten beginnings."""
    model = load("brackets", cell).model
    pairs = {"(": ")", "[": "]", "“": "”"}
    good = 0
    for opening in pairs:
        for word in ("sun", "leaf", "wind"):
            prompt = tokenise(f"{word} {opening}", "char")
            said = generate(model, prompt, 200, temperature=0.5, seed=1, stop=END)
            open_ = []
            for token in prompt + said.tokens:
                if token in pairs:
                    open_.append(pairs[token])
                elif token in pairs.values() and (not open_ or open_.pop() != token):
                    open_.append("wrong")
                    break
            good += said.stopped_by_end and not open_
    assert good >= 7


def test_a_network_that_there_is_not_is_refused():
    for name, cell in (("tales_de", "lstm"), ("tales_en", "lstm_peephole"), ("tales_en", "../rnn")):
        with pytest.raises(KeyError):
            load(name, cell)
