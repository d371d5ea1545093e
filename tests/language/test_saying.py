"""A saying against torch, against `language.generate`, and against what the lecture shows."""

import json

import numpy as np
import pytest
import torch

from explorer import Experiment, trace
from explorer.__main__ import main
from explorer.data.corpora import lecture_sentences
from explorer.data.grammar import END
from explorer.labels import UNKNOWN
from explorer.language.sampling import generate
from explorer.language.saying import forks, opening, saying
from explorer.limits import WINDOW
from explorer.nn.model import RecurrentModel
from explorer.text import Refused, tokenise
from explorer.ui.language.generate import ASKED_ON, learned_changes
from tests.helpers import largest, learned_once, word_model

WORDS = (UNKNOWN, "the", "fat", "cat", "sat", ".")
CELLS = ("rnn", "lstm", "gru")


def asked(**changes: str) -> Experiment:
    experiment, refused = Experiment().with_changes(changes)
    assert not refused
    return experiment


def lecture(experiment: Experiment):
    return saying(experiment, learned_once(experiment.model_part()).model)


def small(**changes: str):
    return saying(asked(prompt="the fat", **changes), word_model("gru", WORDS).double())


@pytest.mark.parametrize("sentence", lecture_sentences())
@pytest.mark.parametrize("cell", CELLS)
def test_the_lectures_sentences_are_said_as_the_lecture_shows(cell, sentence):
    first, *rest = sentence.split()
    assert lecture(asked(cell=cell, **learned_changes("lecture", first, len(rest)))).text == sentence


def test_other_seeds_say_them_too():
    for seed in range(1, 4):
        for sentence in lecture_sentences():
            first, *rest = sentence.split()
            assert (
                lecture(asked(seed=str(seed), **learned_changes("lecture", first, len(rest)))).text
                == sentence
            )


@pytest.mark.parametrize("cell", CELLS)
def test_asked_for_more_it_goes_on_and_an_end_token_is_the_cure(cell):
    sentence = lecture_sentences()[2]
    more = learned_changes("lecture", sentence.split()[0], ASKED_ON)
    without = lecture(asked(cell=cell, **more))
    assert without.text.startswith(sentence) and len(without.said) == ASKED_ON
    assert not without.stopped_by_end and END not in without.said
    cured = lecture(asked(cell=cell, ending="on", **more))
    assert cured.text == f"{sentence} {END}" and cured.stopped_by_end


def test_the_trace_on_the_stage_is_the_generation():
    for model in (word_model("lstm", WORDS).double(), word_model("gru", WORDS, num_layers=2).double()):
        said = generate(model, ("the", "cat"), 12, seed=5)
        whole = trace(model, said.prompt + said.tokens)
        for layer, of in enumerate(whole.layers):
            states = np.stack([step.state[0][layer] for step in said.steps])
            assert largest(states, of.h[2 : 2 + len(states)]) < 1e-12


def test_what_may_come_is_torchs_softmax_and_what_was_drawn_from():
    model = word_model("gru", WORDS).double()
    settings = {"temperature": 1.7, "top_k": 3, "top_p": 0.9}
    found = small(tokens="9", draw="4", **{name: str(value) for name, value in settings.items()})
    said = generate(model, ("the", "fat"), 9, seed=4, **settings)
    assert found.said == said.tokens
    ids = torch.tensor(model.encode(("the", "fat", *said.tokens)))
    own = torch.softmax(model(ids[:, None])[:, 0], -1).detach().numpy()
    for at, ahead in enumerate(found.ahead):
        assert largest(ahead.own, own[at, ahead.ids]) < 1e-12
        assert ahead.own_entropy == pytest.approx(-(own[at] * np.log(own[at])).sum(), abs=1e-12)
        assert ahead.next == (ids[at + 1] if at + 1 < len(ids) else None)
        if 1 <= at <= 9:
            assert largest(ahead.p, said.steps[at - 1].p[ahead.ids]) == 0
            assert ahead.entropy == said.steps[at - 1].entropy
            kept = {int(k) for k, why in zip(ahead.ids, ahead.cut, strict=True) if not why}
            assert kept == set(np.flatnonzero(said.steps[at - 1].p).tolist())
    assert found.ahead[0].p is None
    assert found.ahead[10].p is not None  # what would come next is there though nothing was drawn


def test_why_a_token_cannot_come():
    cut = {
        why
        for settings in ({"top_k": "2"}, {"top_p": "0.3"})
        for ahead in small(temperature="1", **settings).ahead
        for why in ahead.cut
    }
    assert cut == {"", "never", "top_k", "top_p"}
    greedy = small(temperature="0", top_k="1").ahead[3]
    assert sorted(greedy.p) == [0, 0, 0, 0, 0, 1] and set(greedy.cut) <= {"", "never"}


def test_a_fork_changes_nothing_before_it():
    plain = small(tokens="12", draw="3")
    other = next(k for k in range(1, 6) if WORDS[k] != plain.said[4])
    forked = small(tokens="12", draw="3", forced=f"5:{other}")
    assert forked.said[:4] == plain.said[:4] and forked.said[4] == WORDS[other]
    assert forked.forced == {5: other}
    assert largest(forked.run.trace.h[:6], plain.run.trace.h[:6]) == 0
    taken = int(np.flatnonzero(forked.ahead[5].ids == other)[0])
    assert forked.probability[4] == forked.ahead[5].p[taken]


@pytest.mark.parametrize("raw", ["1:2;", "1:2;1:3", "a:1", "1", "٣:1", "1:2,3:4", "-1:2", "1:123456"])
def test_forks_are_parsed_strictly(raw):
    with pytest.raises(ValueError):
        forks(raw)
    found = small(forced=raw)
    assert [sentence for sentence, _ in found.problems] == ["forced_form"]
    assert found.said == small().said and not found.forced


def test_forks_of_another_model_are_left_out_and_said():
    assert forks("12:45;20:3") == {12: 45, 20: 3}
    found = small(tokens="8", forced="2:3;3:6;9:1;0:1")
    assert found.forced == {2: 3}
    (problem,) = found.problems
    assert problem == ("forced_left", {"which": "3:6; 9:1; 0:1", "steps": 8, "known": 6})


def test_the_window_holds_64_steps_wherever_it_starts():
    whole = small(tokens="200")
    later = small(tokens="200", start="100")
    assert (whole.start, later.start, small(tokens="200", start="900").start) == (1, 100, 202 - WINDOW + 1)
    assert later.said == whole.said and len(later.ahead) == later.run.trace.steps == WINDOW
    assert later.run.trace.first_step == 100
    assert later.ahead[0].next == WORDS.index(whole.said[98])


@pytest.mark.parametrize("units, count", [("word", 1), ("char", 10), ("jamo", 10)])
def test_without_a_prompt_the_text_opens_it(units, count):
    assert opening(asked(units=units)) == tokenise(lecture_sentences()[0], units)[:count]


def test_what_is_odd_about_a_prompt_is_said():
    def said(prompt: str) -> dict:
        return dict(lecture(asked(prompt=prompt, tokens="3")).problems)

    assert said("가는 말이") == {}
    assert said("가는 zebra") == {"unknown_some": {"tokens": "zebra"}}
    assert set(said("<b>zebra</b>")) == {"unknown_all"}
    assert said(" ".join(["말이"] * 7)) == {"long_prompt": {"tokens": 7, "longest": 6}}


def exploding(rate: float) -> RecurrentModel:
    model = word_model("rnn_relu", WORDS).double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(0.0 if "bias" in name else 1.0)
        model.rnn.weight_hh_l0.copy_(rate * torch.eye(16, dtype=torch.float64))
    return model


def test_a_network_that_explodes_says_what_it_can():
    found = saying(asked(prompt="the", tokens="40"), exploding(1e30))
    (problem,) = found.problems
    assert problem == ("exploded_at", {"step": len(found.said) + 1})
    assert 5 < len(found.said) < 15
    assert found.ahead[-1] is None and found.ahead[-2] is not None
    with pytest.raises(Refused) as refused:
        saying(asked(prompt=" ".join(["the"] * 20)), exploding(1e30))
    assert refused.value.sentence == "exploded"


def test_a_network_of_two_directions_is_refused():
    with pytest.raises(Refused) as refused:
        saying(asked(), word_model("gru", WORDS, bidirectional=True).double())
    assert refused.value.sentence == "both_directions"


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": "0.8", "tokens": "30"},
        {"temperature": "1.5", "top_k": "4", "top_p": "0.8", "units": "jamo", "tokens": "20"},
        {"temperature": "0", "cell": "gru", "tokens": "6"},
    ],
)
def test_the_command_says_the_same(capsys, settings):
    prompt = lecture_sentences()[2].split()[0]
    found = lecture(asked(prompt=prompt, seed="1", draw="1", **settings))
    flags = [part for name, value in settings.items() for part in (f"--{name.replace('_', '-')}", value)]
    assert main(("generate", "--json", "--prompt", prompt, "--seed", "1", *flags)) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["text"] == found.text
    assert record["tokens"] == list(found.said)
    assert record["probabilities"] == found.probability.tolist()
    assert record["model_probabilities"] == found.own.tolist()
