"""The lesson on language models: every button works, and every claim is what the figure shows."""

import math
import re
from functools import cache
from itertools import pairwise
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch

from explorer.data.corpora import examples, lecture_sentences
from explorer.data.grammar import END
from explorer.data.pairs import Pairs, pairs_of
from explorer.data.tales import words as words_of
from explorer.experiment import TABLE, Experiment
from explorer.figures.counts import share
from explorer.i18n import LANGUAGES
from explorer.lab.learned import learn, new_tokens
from explorer.labels import UNKNOWN
from explorer.language.branches import branches
from explorer.language.correlation import Track
from explorer.language.probing import Memory, finding, memories
from explorer.language.saying import Ahead, Saying, saying
from explorer.language.scoring import Foresight, foresee, text_with_end
from explorer.language.units import Units, units_in
from explorer.nn.model import RecurrentModel
from explorer.nn.tracing import trace
from explorer.text import tokenise
from explorer.training.shipped import families, load
from tests.course.lesson_files import card, cards, pressed, presses

NAMED = {  # whatever the view, what is read and by which network, and where the cursor stands
    "view", "cell", "text", "units", "weights", "hidden", "seed", "init", "gain", "bias", "notation",
    "moment", "start", "step", "unit",
}  # fmt: skip
NAMED_IN = {
    "pairs": {"ending", "case", "punctuation"},
    "predict": {"ending", "free"},
    "generate": {"ending", "prompt", "tokens", "temperature", "top_k", "top_p", "draw", "forced"},
    "units": {"ending", "feature", "shade"},
    "memory": {"ending", "shade"},
}
PRESSES = [pytest.param(query, id=label) for label, query, _ in presses("language")]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


def shown(key: str, at: int = 0) -> Experiment:
    """Returns the experiment after a card's button, counted from 0."""
    return pressed(card("language", key).queries[at])


@cache
def network(model_part: Experiment) -> RecurrentModel:
    if model_part.weights == "model":
        return load(model_part.model, model_part.cell).model.double().eval()
    assert model_part.bias == "default"  # else the notation would matter
    return learn(model_part).model


def paired(key: str, at: int = 0) -> Pairs:
    experiment = shown(key, at)
    assert experiment.view == "pairs"
    return pairs_of(experiment)


@cache
def _foreseen(experiment: Experiment) -> Foresight:
    model = network(experiment.model_part())
    tokens = text_with_end(experiment, model)
    return foresee(model, tokens, free=experiment.free, start=experiment.start)


def foreseen(key: str, at: int = 0) -> Foresight:
    experiment = shown(key, at)
    assert experiment.view == "predict"
    return _foreseen(experiment)


def likeliest(found: Foresight, step: int, count: int = 1) -> list[tuple[str, int]]:
    """Returns the most probable next tokens after a step, from 1, and their probabilities in percent."""
    ids, p = found.top[step - 1, :count], found.top_p[step - 1, :count]
    return [(found.vocabulary[k], round(100 * value)) for k, value in zip(ids, p.tolist(), strict=True)]


def said(key: str, at: int = 0) -> Saying:
    experiment = shown(key, at)
    assert experiment.view == "generate"
    return saying(experiment, network(experiment.model_part()))


def ahead(key: str, at: int = 0) -> Ahead:
    """Returns what may come after the step where a button leads."""
    found = said(key, at)
    coming = found.ahead[found.experiment.step - 1]
    assert coming is not None and coming.p is not None
    return coming


@cache
def _units(experiment: Experiment) -> Units:
    run = load(experiment.model, experiment.cell).experiment
    return units_in(experiment, network(experiment.model_part()), run)


def of_units(key: str, at: int = 0) -> tuple[Units, Track, int]:
    """Returns what the units do, the feature that is looked for, and the chosen unit from 0."""
    experiment = shown(key, at)
    assert experiment.view == "units"
    found = _units(experiment)
    track = found.track(experiment.feature)
    assert track is not None
    return found, track, experiment.unit - 1


def remembered(key: str, at: int) -> Memory:
    experiment = shown(key, at)
    assert experiment.view == "memory"
    (found,) = memories(network(experiment.model_part()), None, experiment.token_level)
    return found


def tells(key: str, *numbers: float | str) -> None:
    """Asserts that a card tells these numbers in both languages."""
    for lang in LANGUAGES:
        text = next(c for c in cards("language", lang) if c.id == key).said
        told = set(NUMBER.findall(text))
        wanted = {str(n) for n in numbers}
        assert wanted <= told, (lang, wanted - told)


# The buttons


@pytest.mark.parametrize("query", PRESSES)
def test_a_button_names_all_that_its_figure_depends_on(query):
    named = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    experiment = pressed(query)
    wanted = NAMED | NAMED_IN[experiment.view]
    if experiment.weights == "model":
        wanted |= {"model"}
    if new_tokens(experiment):
        wanted |= {"unknown"}
    assert wanted == named <= set(TABLE)
    assert experiment.bias != "fixed"  # else keep_bias would matter


def test_every_field_of_the_page_is_named_where_it_matters():
    of_page = {name for name, entry in TABLE.items() if entry.group == "language"}
    named = set().union(NAMED, *NAMED_IN.values())
    assert of_page - named == {"pattern"}  # no button looks for a string
    assert {shown(c.id, at).view for c in cards("language", "en") for at in range(len(c.queries))} == set(
        NAMED_IN
    )


@pytest.mark.parametrize("query", PRESSES)
def test_a_button_leads_to_a_figure_without_problems(query):
    experiment = pressed(query)
    if experiment.weights == "model":
        family = families()[experiment.model]
        assert experiment.cell in family.cells
        assert (experiment.token_level, experiment.text) == (family.token_level, family.text)
    match experiment.view:
        case "pairs":
            found = pairs_of(experiment)
            assert found.problem is None and experiment.step <= found.prefixes.rows
        case "predict":
            found = _foreseen(experiment)
            assert found.bad_step is None and experiment.step <= found.steps
        case "generate":
            found = saying(experiment, network(experiment.model_part()))
            assert found.problems == () and experiment.step <= found.total
        case "units":
            found = _units(experiment)
            assert found.first_bad is None and found.track(experiment.feature) is not None
            assert experiment.step <= found.own and experiment.unit <= found.hidden_size
        case "memory":
            assert experiment.step <= 12 and experiment.shade == "h"


# The claims, in the order of the cards


def test_after_every_token_there_is_a_distribution_even_after_the_last():
    last, first = foreseen("language_model", 0), foreseen("language_model", 1)
    assert last.tokens == tokenise(lecture_sentences()[0], "word") and last.tokens[-1] == "있다"
    words = {word for sentence in lecture_sentences() for word in sentence.split()}
    assert len(words) == 11 and set(last.vocabulary) == {UNKNOWN, *words} and last.V == 12
    assert (shown("language_model", 0).step, shown("language_model", 1).step) == (5, 1)
    assert likeliest(last, 5, 3) == [("있는", 30), ("있다", 24), ("뛰고", 20)]
    assert math.isnan(last.p[4])  # the text ends here
    assert likeliest(first, 1) == [("있는", 95)]
    tells("language_model", 12, 11, 30, 24, 20, 95)


def test_every_beginning_of_a_sentence_is_a_pair():
    plain, ended = paired("pairs", 0), paired("pairs", 1)
    lengths = [len(line) for line in plain.lines]
    assert lengths == [5, 3, 6] and plain.prefixes.rows == sum(lengths) - len(lengths) == 11
    assert ended.prefixes.rows == sum(lengths) == 14 and {line[-1] for line in ended.lines} == {END}
    assert ended.prefixes.place(shown("pairs", 1).step)[0] == 0  # from row 4 the next one asks for the end
    tells("pairs", 5, 3, 6, 11, 14)


def test_rows_are_padded_in_front_and_targets_are_one_hot():
    found = paired("padding", 0)
    x, y = found.prefixes.padded()
    assert x.shape == (11, 5) == found.shapes(16, 16)["last"]["x"]
    assert sorted({int((row > 0).sum()) for row in x}) == [1, 2, 3, 4, 5] and (x[:, -1] > 0).all()
    vocabulary = found.vocabulary
    assert vocabulary.size == 12 and vocabulary.ids["말이"] == 1 and vocabulary.counts[0] == 4
    assert x[0].tolist() == [0, 0, 0, 0, 2] == [0, 0, 0, 0, vocabulary.ids["경마장에"]]
    assert y[0] == 3 == vocabulary.ids["있는"]
    assert found.shapes(16, 16)["last"]["one_hot"] == (11, 12)
    assert shown("padding", 1).step == 11 and (x[10] > 0).all() and (x[:10] == 0).any(1).all()


def test_one_vector_out_or_one_at_every_step():
    shapes = paired("every_step").shapes(16, shown("every_step").hidden)
    windows = paired("every_step").windows
    assert windows is not None and (windows.rows, windows.length) == (4, 10)
    assert shapes["each"]["dense"] == (4, 10, 21) and shapes["last"]["dense"] == (11, 12)
    dense = torch.nn.Linear(16, 8)
    assert dense(torch.zeros(32, 10, 16)).shape == (32, 10, 8) and dense.weight.shape == (8, 16)


def test_perplexity_counts_choices_and_may_pass_V():
    untrained, trained, reverse = (foreseen("perplexity", at) for at in range(3))
    for found in (untrained, trained, reverse):
        mean = found.score.nats.mean()
        assert found.score.perplexity == pytest.approx(np.exp(mean)) and found.V == 12
    assert untrained.tokens == trained.tokens == reverse.tokens[::-1]
    assert f"{untrained.score.perplexity:.1f}" == "11.4"
    assert f"{trained.score.perplexity:.2f}" == "1.06"
    assert f"{reverse.score.perplexity:.0f}" == "59"
    tells("perplexity", 12, 11.4, 1.06, 59)


def test_only_the_state_tells_what_follows_an_ambiguous_word():
    follow = {b for s in lecture_sentences() for a, b in pairwise(s.split()) if a == "말이"}
    assert follow == {"뛰고", "법이다", "고와야", "곱다"}
    after = [
        likeliest(foreseen("ambiguity", at), shown("ambiguity", at).step)[0]
        for at in range(len(card("language", "ambiguity").queries))
    ]
    assert after == [("말이", 98), ("고와야", 90), ("곱다", 93), ("법이다", 72)]
    tokens = foreseen("ambiguity", 1).tokens
    assert tokens[1] == tokens[4] == "말이" and foreseen("ambiguity", 3).tokens[0] == "말이"
    assert not any(sentence.startswith("말이") for sentence in lecture_sentences())
    tells("ambiguity", 98, 90, 93, 72)


def test_an_early_error_feeds_on_itself_when_running_free():
    run = foreseen("teacher", 0).run
    assert " ".join(run.tokens) == "그의 말이 뛰고 있다" not in lecture_sentences()
    assert run.start == 1 and run.parts == 3 == shown("teacher", 0).step
    assert run.forced == ("말이", "법이다", "있다") and run.free == ("그의", "말이", "법이다", "법이다")
    assert likeliest(foreseen("teacher", 0), 3) == [("있다", 74)]
    tells("teacher", 74)


def test_a_tale_that_runs_free_becomes_another_one():
    run = foreseen("teacher", 1).run
    assert run.start == 10 and run.parts is not None and run.parts > 10
    apart = [a != b for a, b in zip(run.tokens[10:], run.free[10:], strict=True)]
    wrong = [a != b for a, b in zip(run.tokens[1:], run.forced, strict=True)]
    assert sum(apart) > 30 and sum(wrong[9:]) < 10
    assert shown("teacher", 1).step == run.parts
    words = {word.strip('".,?') for word in "".join(run.free).split(" ")[:-1]}
    assert len(words) > 5 and words <= words_of("en")
    tells("teacher", 10, 30)


def test_temperature_flattens_and_keeps_the_order():
    one, five, top_k, top_p = (ahead("sampling", at) for at in range(4))
    names = said("sampling", 0).names
    assert said("sampling", 0).tokens[1].label == "말이" and shown("sampling", 0).step == 2
    assert [names[k] for k in one.ids[:2]] == ["고와야", "곱다"]
    assert f"{100 * one.p[0]:.0f}" == f"{100 * one.own[0]:.0f}" == "90"
    assert np.array_equal(one.ids[:10], five.ids[:10]) and (np.diff(five.p[:9]) <= 0).all()
    assert f"{100 * five.p[0]:.0f}" == "24"
    assert (f"{one.entropy:.2f}", f"{five.entropy:.2f}") == ("0.44", "2.24")
    assert [f"{100 * p:.1f}" for p in top_k.p[:2]] == ["95.1", "4.9"] and top_k.p[:2].sum() == pytest.approx(
        1
    )
    assert top_p.p[0] == 1.0 and set(top_p.cut[1:]) <= {"top_p", "never"}
    tells("sampling", 90, 24, 0.44, 2.24, 95, 4.9, 0.9, 5)


@pytest.mark.parametrize("key, at", [("generation", 3), ("cat", 1)])
def test_temperature_0_takes_the_most_probable_one(key, at):
    assert shown(key, at).temperature == 0
    coming = ahead(key, at)
    assert coming.p is not None and coming.p[0] == 1.0 and coming.own[0] < 1


def test_the_sentences_come_out_and_the_rest_has_no_end():
    for at, sentence in enumerate(lecture_sentences()):
        assert said("generation", at).text == sentence
        assert shown("generation", at).tokens == len(sentence.split()) - 1 == (4, 2, 5)[at]
    on = said("generation", 3)
    assert shown("generation", 3).tokens == 10
    assert on.said == (*lecture_sentences()[2].split()[1:], *["곱다"] * 5) and not on.stopped_by_end
    assert (on.own[5:] > 0.5).all()
    ended = said("generation", 4)
    assert ended.said == (*lecture_sentences()[2].split()[1:], END) and ended.stopped_by_end
    assert len(ended.said) == 6
    tells("generation", 4, 2, 5, 10, 50, 6)


def test_a_beginning_of_any_length_is_in_16_numbers():
    sentence = examples("en")[-1][0]
    found, on = foreseen("cat", 0), said("cat", 1)
    assert " ".join(found.tokens) == sentence and shown("cat", 0).weights == "yours"
    assert " ".join(found.tokens[:3]) == "What will the" and likeliest(found, 3) == [("fat", 95)]
    assert shown("cat", 0).step == 3 and on.text == sentence
    assert on.run.trace.h.shape == (on.total + 1, 16)
    tells("cat", 95, 16)


def test_smaller_tokens_are_seldom_unknown():
    for at, (unit, unknown, tokens, V) in enumerate(
        [("word", 1, 3, 12), ("char", 1, 9, 21), ("jamo", 0, 19, 26)]
    ):
        found = foreseen("levels", at)
        assert shown("levels", at).units == unit and len(found.tokens) == tokens and found.V == V
        assert found.score.known.count(False) == unknown
        assert [found.tokens[k] for k in range(tokens) if not found.score.known[k]] == (
            {"word": ["말은"], "char": ["은"], "jamo": []}[unit]
        )
        tells("levels", unknown, tokens, V)
    assert 45 < foreseen("levels", 3).V < 60 and all(foreseen("levels", 3).score.known)
    tells("levels", 50)


def test_several_units_follow_the_depth_of_the_brackets():
    found, track, unit = of_units("unit")
    assert shown("unit").shade == "c" and found.cell == "lstm" and unit == track.best("c")
    sizes = np.sort(np.abs(track.r["c"]))[::-1]
    assert sizes[0] == pytest.approx(0.7, abs=0.05) and (sizes[:3] > 0.6).all()
    assert track.chance["c"] < 0.25
    tells("unit", unit + 1, 0.7, 0.6, 0.25)


def test_of_two_correlated_units_one_is_needed():
    found, track, needed = of_units("cause", 0)
    _, _, idle = of_units("cause", 1)
    r, lost = np.abs(track.r["c"]), found.lost(track)
    assert needed != idle and abs(r[needed] - r[idle]) < 0.05 and r[idle] > 0.6
    averaged = found.lost(track, "mean")
    assert (f"{lost[needed, 0]:.1f}", f"{averaged[needed, 0]:.1f}") == ("2.1", "1.6")
    assert abs(lost[needed, 1]) < 0.3 and abs(averaged[needed, 1]) < 0.3
    assert (np.abs(lost[idle]) < 0.1).all() and (np.abs(averaged[idle]) < 0.1).all()
    seven = 6
    assert (f"{lost[seven, 0]:.1f}", f"{averaged[seven, 0]:.1f}") == ("2.6", "0.6")
    tells("cause", needed + 1, idle + 1, 2.1, 1.6, 0.3, 0.1, seven + 1, 2.6, 0.6)


def test_what_has_vanished_may_be_known():
    found = remembered("memory", 0)
    reading, step = found.readings["h"], shown("memory", 0).step
    assert (step, found.steps) == (1, 12)
    model = network(shown("memory", 0).model_part())
    assert np.array_equal(model.layer_weights()[0][0].w_hh, 5 * np.eye(16))
    h = trace(model, found.ids.tolist()).layers[0].h
    assert (np.abs(h[-1]) > 0.99).all()
    assert f"{100 * reading.accuracy[-1, 0]:.0f}" == "99" and found.baseline[0] < 0.1
    assert reading.norm[-1, 0] == pytest.approx(6e-15, rel=0, abs=5e-16)
    tells("memory", 99, 12, 5)


def test_what_is_forgotten_may_have_a_gradient():
    found = finding(remembered("memory", 1), "h")
    assert found.verdict == "hardly_arrives" and found.distance == 6 == 12 - shown("memory", 1).step
    assert f"{100 * found.shrunk:.0f}" == "8"
    assert (f"{100 * found.accuracy:.0f}", f"{100 * found.baseline:.0f}") == ("14", "9")
    tested = remembered("memory", 1).tested
    told = NUMBER.findall(share(round(found.accuracy * tested), tested, "en"))
    assert told[0] == "14" and len(told) == 3
    tells("memory", 8, 9, *told)


def test_branches_part_where_the_choice_is_read_and_gradients_before():
    experiment = shown("fork", 0)
    model = network(experiment.model_part())
    found = branches(experiment, model)
    assert found is not None and found.first == 1 and found.fork == found.parted == 3
    assert (found.apart[:2] == 0).all() and (found.apart[2:] > 0.1).all()
    assert (found.chosen.gradient[:2] != found.other.gradient[:2]).all()
    assert found.chosen.tokens[2] == "뛰고" and found.other.tokens[:3] == ("가는", "말이", "고와야")
    assert branches(shown("fork", 1), model) is None
    tells("fork", 1, 2, 3)
