"""What the stage is sent of a text foreseen, against PyTorch: its numbers, its free run, its words."""

import math
import re

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from explorer import Experiment, RecurrentModel
from explorer.data.corpora import lecture_sentences
from explorer.i18n import LANGUAGES, section
from explorer.labels import UNKNOWN, label
from explorer.language.scoring import foresee
from explorer.stage import MODULES
from explorer.stage.payload import header_of, numbers_of
from explorer.stage.predict import build_prediction, readable
from explorer.text import tokenise
from tests.helpers import largest, learned_once, word_model
from tests.hostile.strings import HOSTILE

TEXT = f"{lecture_sentences()[2]} {lecture_sentences()[0]}"


def arrays(payload: bytes) -> dict[str, np.ndarray]:
    """The arrays of the only run, as the browser reads them."""
    numbers = numbers_of(payload)
    places = header_of(payload)["runs"][0]["arrays"]
    return {
        name: numbers[place["at"] :][: math.prod(place["shape"])].reshape(place["shape"])
        for name, place in places.items()
    }


def torch_logits(model: RecurrentModel, tokens) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor(model.encode(tokens))[:, None])[:, 0]


@pytest.mark.parametrize("units", ["word", "char", "jamo"])
def test_perplexity_is_exp_of_torchs_mean_cross_entropy(units):
    model = learned_once(Experiment(units=units)).model
    tokens = tokenise(TEXT, units)
    payload = build_prediction(foresee(model, tokens), "en")
    sent, (run,) = arrays(payload), header_of(payload)["runs"]
    ids, logits = torch.tensor(model.encode(tokens)), torch_logits(model, tokens)
    nats = F.cross_entropy(logits[:-1], ids[1:], reduction="none")
    n = run["steps"]
    assert n == min(64, len(tokens))
    ends = n == len(tokens)
    assert largest(sent["nats"][: n - ends], nats[:n]) < 1e-10
    assert largest(sent["surprise"][1:], nats[: n - 1]) < 1e-10 and np.isnan(sent["surprise"][0])
    running = [math.exp(nats[:t].mean()) for t in range(1, n + 1 - ends)]
    assert largest(sent["running"][: n - ends] / running, 1) < 1e-10
    perplexity = math.exp(F.cross_entropy(logits[:-1], ids[1:]))
    if ends:
        assert sent["running"][n - 2] == pytest.approx(perplexity, rel=1e-12)
        assert np.isnan([sent[name][-1] for name in ("nats", "running", "p")]).all()
    said = header_of(payload)["said"]
    assert f"{perplexity:.2f}" in said and f"on {len(tokens) - 1} tokens" in said
    assert said.endswith(f"among {len(model.vocabulary)} has {len(model.vocabulary)}.")


@pytest.mark.parametrize("units", ["word", "char", "jamo"])
def test_the_free_run_feeds_torchs_argmax_step_by_step(units):
    model = learned_once(Experiment(units=units)).model
    tokens = tokenise(TEXT, units)[:30]
    for start in (1, 3, len(tokens) - 1):
        header = header_of(build_prediction(foresee(model, tokens, free=start), "en"))
        read = list(tokens[:start])
        while len(read) < len(tokens):
            read.append(model.vocabulary[int(torch_logits(model, read)[-1].argmax())])
        columns = header["free"]["columns"]
        assert [column["free"] for column in columns] == [*map(label, read)]
        assert [column["same"] for column in columns] == [a == b for a, b in zip(read, tokens, strict=True)]
        assert [column["own"] for column in columns] == [at >= start for at in range(len(tokens))]
        forced = [model.vocabulary[int(k)] for k in torch_logits(model, tokens)[:-1].argmax(-1)]
        assert [column["forced"] for column in columns] == ["", *map(label, forced)]
        assert [c["right"] for c in columns[1:]] == [a == b for a, b in zip(forced, tokens[1:], strict=True)]
        apart = [at for at, column in enumerate(columns, 1) if not column["same"]]
        assert header["free"]["parts"] == (apart[0] if apart else None)


def test_a_window_of_a_long_text_knows_what_came_before_and_follows():
    model = learned_once(Experiment()).model
    tokens = tokenise(TEXT, "word") * 10
    payload = build_prediction(foresee(model, tokens, start=20), "en")
    header, sent = header_of(payload), arrays(payload)
    (run,) = header["runs"]
    assert (header["firstStep"], run["steps"], header["total"]) == (20, 64, len(tokens))
    assert [token["label"] for token in run["tokens"]] == list(tokens[19:83])
    assert [token["label"] for token in run["truth"]] == list(tokens[20:84])
    assert np.isfinite(sent["surprise"]).all() and sent["surprise"][1] == sent["nats"][0]


def test_unknown_tokens_are_shown_with_what_was_typed():
    model = learned_once(Experiment()).model
    header = header_of(build_prediction(foresee(model, ("말이", "zebra", "말이")), "en"))
    (run,) = header["runs"]
    assert run["tokens"][1] == {
        "label": UNKNOWN,
        "original": "zebra",
        "known": False,
        "marked": False,
        "cue": 0.0,
    }
    assert run["truth"] == [*run["tokens"][1:], None]
    assert "not in the vocabulary: 1." in header["said"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_text(name):
    tokens = tokenise(HOSTILE[name][:300].encode("utf-8", "replace").decode(), "char")
    if len(tokens) < 2:
        return
    model = word_model("rnn", (UNKNOWN, *sorted(set(tokens))), H=2).double()
    header = header_of(build_prediction(foresee(model, tokens, free=2), "ko"))
    shown = [token["original"] for token in header["runs"][0]["tokens"]]
    assert shown == [label(token) for token in tokens[:64]]
    for figure in header["runs"][0]["lines"]:
        ticks = figure["layout"]["xaxis"].get("ticktext", [])
        assert not any("<" in tick for tick in ticks)


def test_an_explosion_is_sent_and_said():
    text = " ".join("ab" * 700)
    exploding = Experiment(cell="rnn_relu", gain=10.0, weights="untrained", hidden=8, text=text)
    model = learned_once(exploding).model
    payload = build_prediction(foresee(model, tokenise(text, "word"), start=1300), "en")
    header = header_of(payload)
    assert header["badStep"] == 1300 and "NaN" in header["said"]
    assert header["free"]["columns"][-1] == {
        "text": "a", "forced": "NaN", "right": False, "free": "NaN", "same": False, "own": True
    }  # fmt: skip
    assert any("exploded" in sentence for sentence in header["free"]["said"])
    assert np.isnan(arrays(payload)["distance"][-1])


@pytest.mark.parametrize(
    "text, free, says",
    [
        (
            "가는 말이 고와야 오는 말이 뛰고 있다",
            1,
            "part at step 6: the text has “뛰고”, the network “곱다”.",
        ),
        ("가는 말이 고와야 오는 말이 곱다", 1, "do not part up to step 6"),
        ("가는 말이 고와야 오는 말이 곱다", 99, "up to step 6: nothing is left"),
    ],
)
def test_what_is_said_of_the_free_run(text, free, says):
    model = learned_once(Experiment()).model
    found = foresee(model, tokenise(text, "word"), free=free)
    assert says in " ".join(header_of(build_prediction(found, "en"))["free"]["said"])


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_string_that_the_view_asks_for_is_there(lang):
    strings = section("stage", lang) | section("predict", lang)
    code = (MODULES / "language/predict.js").read_text("utf-8")
    asked = set(re.findall(r"strings\.(\w+)", code)) - {"toString"}
    rows = set(re.findall(r'"(row_\w+)"', code))
    assert asked | rows | {"number_p", "number_nats", "number_running"} <= set(strings)
    assert not {"unknown", "next", "after", "before", "first", "step"} & set(section("predict", lang))


@pytest.mark.parametrize(
    "value, shown",
    [(1.0, "1.00"), (12345.678, "12,345.68"), (1e9, "1.00 × 10⁹"), (math.inf, "∞"), (math.nan, "NaN")],
)
def test_a_perplexity_is_readable(value, shown):
    assert readable(value) == shown
