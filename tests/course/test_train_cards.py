"""The lesson on live training: every button is a race, every number is of a shipped result or a run here."""

import math
import re
from itertools import permutations
from urllib.parse import parse_qsl

import numpy as np
import pytest

from explorer.course.lessons import Show
from explorer.course.lessons import cards as read
from explorer.data.sources import ADDING_GOAL, source
from explorer.data.tasks import ADDING_BASELINE, SYMBOL_TASKS
from explorer.exact import fisher, interval
from explorer.experiment import TABLE, Experiment
from explorer.i18n import LANGUAGES
from explorer.limits import FLOAT32_MAX
from explorer.training.bands import Shipped, shipped_of
from explorer.training.learner import CHECK_EVERY, Learner
from explorer.training.race import preset_changes, preset_of, race_of
from explorer.training.results import NEAR
from tests.course.lesson_files import card, cards, pressed

IDS = [
    "race", "adding", "plateau", "first", "heatmap", "start", "bias", "length", "clipping", "seeds",
    "sentences",
]  # fmt: skip
PRESETS = {  # buttons that set a preset, by card and place
    ("race", 0): "adding_100",
    ("adding", 0): "adding_100",
    ("plateau", 0): "adding_100",
    ("first", 0): "adding_100",
    ("heatmap", 0): "adding_100",
    ("start", 0): "temporal_50",
    ("start", 1): "copy_40",
    ("bias", 0): "first_30",
    ("clipping", 0): "exploding",
    ("seeds", 0): "temporal_50",
    ("sentences", 0): "sentences",
}
VARIED = {  # buttons that set a preset but for these fields
    ("start", 2): ("temporal_50", {"racers", "budget"}),
    ("length", 0): ("adding_100", {"length", "budget"}),
    ("length", 1): ("adding_100", {"length", "budget"}),
    ("seeds", 1): ("temporal_50", {"race_seed"}),
    ("seeds", 2): ("temporal_50", {"race_seed"}),
    ("sentences", 1): ("agreement", {"grammar"}),
    ("sentences", 2): ("agreement", {"grammar"}),
}
NAMED = {name for name, entry in TABLE.items() if entry.group in ("train", "race")} - {"model"}
BUTTONS = [(c.id, at) for c in cards("train", "en") for at in range(len(c.queries))]
NUMBER = re.compile(r"(?:\d·)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|\d[\d,.]*\d|\d")
RNN, ORTHOGONAL, LSTM, GRU = "rnn", "rnn init=orthogonal rate=0.001", "lstm bias=fixed keep_bias=", "gru"


def shown(key: str, at: int) -> Experiment:
    """Returns the experiment after a card's button, counted from 0."""
    return pressed(card("train", key).queries[at])


def known(key: str, at: int) -> Shipped:
    """Returns what other seeds of a button's race did, as the page shows it."""
    found = shipped_of(race_of(shown(key, at)))
    assert found is not None and len(found.seeds) >= 10
    return found


def none_and_all(found: Shipped) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the counts of a racer that no seed passes with and of one that all pass with."""
    return (0, len(found.seeds)), (len(found.seeds),) * 2


def middle(found: Shipped, racer: str, step: int) -> float:
    """Returns the median over the seeds of a racer's metric after a step."""
    band = found.bands[racer]
    value = band["median"][band["step"].index(step)]
    assert value is not None
    return value


def learner(key: str, at: int, racer: int) -> Learner:
    """Returns a network of a button's race before its first step."""
    run = race_of(shown(key, at)).runs[racer]
    return Learner(run, source(run, run.grammar))


def advance(one: Learner, step: int) -> list[float]:
    """Trains up to a step; returns the losses on the way."""
    return [one.advance()[0] for _ in range(one.step, step)]


def at_baseline(error: float) -> bool:
    return abs(error - ADDING_BASELINE) <= NEAR * ADDING_BASELINE


def roughly(value: float) -> object:
    """A number told with one digit: half of that digit's place is its precision."""
    return pytest.approx(value, rel=0, abs=0.5 * 10 ** np.floor(np.log10(value)))


def tells(key: str, *numbers: object) -> None:
    """Asserts that a card tells these numbers in both languages."""
    for lang in LANGUAGES:
        said = next(c for c in cards("train", lang) if c.id == key).said
        told = set(NUMBER.findall(re.sub(r"(?<=\d)\{,\}(?=\d)", ",", said)))
        wanted = {f"{n:,}" if isinstance(n, int) else str(n) for n in numbers}
        assert wanted <= told, (lang, wanted - told)


# The format


def test_both_languages_have_the_same_cards_buttons_and_numbers():
    for at, (korean, english) in enumerate(zip(cards("train", "ko"), cards("train", "en"), strict=True)):
        assert korean.id == english.id == IDS[at]
        assert korean.number == english.number == at + 1
        assert korean.cells == english.cells == "all"
        assert [kind for kind, _, _ in korean.directives] == [kind for kind, _, _ in english.directives]
        assert korean.queries == english.queries
        many = [sorted(n for n in NUMBER.findall(c.said) if len(n) > 1) for c in (korean, english)]
        assert many[0] == many[1]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_card_is_short_and_asks_before_it_shows(lang):
    for c in cards("train", lang):
        kinds = [kind for kind, _, _ in c.directives]
        assert kinds[:2] == ["ask", "choices"] and set(kinds[2:]) == {"show"}
        assert lang != "en" or len(c.text.split()) <= 70
        assert "!" not in c.said and c.text.count("$") % 2 == 0 and c.text.count("**") % 2 == 0


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_app_reads_the_same_buttons(lang):
    for ours, theirs in zip(cards("train", lang), read("train", lang), strict=True):
        assert (ours.id, ours.title) == (theirs.key, theirs.title)
        shows = [dict(part.changes) for part in theirs.parts if isinstance(part, Show)]
        assert shows == [dict(parse_qsl(q, keep_blank_values=True)) for q in ours.queries]


# The buttons


@pytest.mark.parametrize("key, at", BUTTONS)
def test_a_button_names_all_that_its_race_depends_on(key, at):
    named = {name for name, _ in parse_qsl(card("train", key).queries[at], keep_blank_values=True)}
    texts = shown(key, at).data in ("lecture", "agreement")
    assert named == NAMED | ({"units"} if texts else set())


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("key, at", BUTTONS)
def test_a_button_leads_to_a_race_that_can_be_run(key, at, lang):
    race = race_of(shown(key, at), lang)
    assert 2 <= len(race.runs) == len(set(race.names))
    data = source(race.runs[0], race.runs[0].grammar)
    assert data.batch(0).x.shape[1] >= 3 and data.probe().x.shape[1] == 1


@pytest.mark.parametrize("key, at", BUTTONS)
def test_a_button_sets_the_preset_that_it_claims_to_be(key, at):
    experiment = shown(key, at)
    if (key, at) in PRESETS:
        assert preset_of(experiment) == PRESETS[key, at]
    else:
        name, varied = VARIED[key, at]
        named = dict(parse_qsl(card("train", key).queries[at], keep_blank_values=True))
        wanted = {n: v for n, v in preset_changes(name).items() if n != "card"}
        assert {n for n, v in wanted.items() if named[n] != v} == varied


# The claims, in the order of the cards


def test_the_racers_are_alike_but_for_their_cell_and_what_their_name_says():
    runs = race_of(shown("race", 0)).runs
    assert {(r.hidden, r.optimiser, r.rate, r.max_norm, r.seed) for r in runs} == {(32, "adam", 0.01, 1.0, 0)}
    batches = [source(run).batch(3).x for run in runs]
    assert all((x == batches[0]).all() for x in batches)
    counts = [learner("race", 0, k).parameters for k in range(3)]
    assert np.array(counts) / counts[0] == pytest.approx((1, 4, 3), rel=0.03)
    tells("race", *counts)


def test_without_memory_the_error_is_the_variance_of_two_numbers_and_with_one_of_them_half():
    data = source(race_of(shown("adding", 0)).runs[0])
    assert (len(data.labels), data.remember, data.goal) == (100, 99, ADDING_GOAL)
    batch = data.held_out()
    second = (batch.x[50:, :, 0] * batch.x[50:, :, 1]).sum(0)
    assert (batch.x[:50, :, 1].sum(0) == 1).all() and (batch.x[50:, :, 1].sum(0) == 1).all()
    assert float(((batch.target - 1) ** 2).mean()) == pytest.approx(1 / 6, rel=0.05)
    assert float(((batch.target - second - 0.5) ** 2).mean()) == pytest.approx(1 / 12, rel=0.05)
    tells("adding", f"{ADDING_BASELINE:.3f}", f"{ADDING_BASELINE / 2:.3f}", "0.01", "99", "100")


def test_the_plateau_is_reached_at_once_and_left_late():
    found = known("plateau", 0)
    assert all(at_baseline(middle(found, racer, CHECK_EVERY)) for racer in (RNN, LSTM + "1", GRU))
    before, later = (middle(found, LSTM + "1", step) for step in (1000, 1200))
    assert found.passed[LSTM + "1"] == none_and_all(found)[1] and before > 0.9 * ADDING_BASELINE > later
    tells("plateau", len(found.seeds), CHECK_EVERY, 1000, 1200, f"{before:.3f}", f"{later:.3f}")


def test_the_grus_gradient_grows_while_its_error_stands_still():
    gru = learner("plateau", 0, 2)
    assert gru.probe().norm[1] == roughly(5e-21)
    advance(gru, 50)
    assert gru.probe().norm[0] == roughly(1e-5)  # told in the card on the heatmap
    advance(gru, 100)
    assert gru.probe().norm[1] == pytest.approx(3e-4, rel=0.5)
    assert gru.check() == pytest.approx(0.163, abs=0.002) and at_baseline(gru.check())


def test_the_gru_is_first_in_steps_and_neither_in_seconds():
    found = known("first", 0)
    gru, lstm = found.steps[GRU].median, found.steps[LSTM + "1"].median
    none, every = none_and_all(found)
    assert found.passed == {RNN: none, LSTM + "1": every, GRU: every}
    assert gru < lstm
    seconds = [found.seconds[racer] for racer in (GRU, LSTM + "1")]
    assert all(one.low < other.median < one.high for one, other in permutations(seconds))
    cost = (found.seconds[GRU].median / gru) / (found.seconds[LSTM + "1"].median / lstm)
    assert cost == pytest.approx(4, abs=0.5)
    tells("first", round(gru), round(lstm), len(found.seeds), math.ceil(100 * interval(*none)[1]))


def test_before_training_the_far_past_is_dark_in_all_three():
    norms = [learner("heatmap", 0, k).probe().norm for k in range(3)]
    assert norms[0][1] == roughly(8e-21) and norms[2][1] == roughly(5e-21)
    assert norms[1][1] == roughly(2e-9) and norms[1][1] < 1e-8 * norms[1][100]


def test_the_lstms_gradient_wakes_within_50_steps_as_its_error_falls():
    lstm = learner("heatmap", 0, 1)
    for step in (200, 400, 600, 650):
        advance(lstm, step)
        assert np.log10(lstm.probe().norm[0]) == pytest.approx(-10, abs=0.5)
    assert lstm.check() == pytest.approx(0.164, abs=0.002)
    advance(lstm, 700)
    assert lstm.probe().norm[0] == pytest.approx(0.4, rel=0.5)
    assert lstm.check() == pytest.approx(0.106, rel=0.25)


def test_the_plain_rnn_passes_from_another_start_at_another_rate():
    order, copy = known("start", 0), known("start", 1)
    for found in (order, copy):
        passed, seeds = found.passed[ORTHOGONAL]
        assert found.passed[RNN] == (0, seeds) and fisher(0, seeds, passed, seeds) < 0.001
        tells("start", passed, seeds)
    assert copy.steps[ORTHOGONAL].median < copy.steps[LSTM + "4"].median
    assert copy.most[ORTHOGONAL] > copy.most[LSTM + "4"]
    for racer in (ORTHOGONAL, LSTM + "4"):
        tells("start", int(copy.steps[racer].median), copy.most[racer][0], SYMBOL_TASKS["copy"].all)
    runs = race_of(shown("start", 0)).runs
    assert (runs[1].init, runs[1].rate, runs[0].init, runs[0].rate) == ("orthogonal", 0.001, "default", 0.01)
    assert (runs[0].length, race_of(shown("start", 1)).runs[0].length) == (50, 40)


def test_either_change_alone_does_not_pass_in_that_race():
    runs = race_of(shown("start", 2)).runs
    assert [(run.init, run.rate, run.budget) for run in runs] == [
        ("orthogonal", 0.01, 400),
        ("default", 0.001, 400),
        ("orthogonal", 0.001, 400),
    ]
    for racer in (0, 1):
        one = learner("start", 2, racer)
        for step in (200, 400):
            advance(one, step)
            assert not one.passed(one.check())


def test_one_lstm_fails_where_the_other_passes():
    found = known("bias", 0)
    one, three = LSTM + "1", LSTM + "3"
    passed, seeds = found.passed[three]
    assert found.passed[one] == (0, seeds) and fisher(0, seeds, passed, seeds) < 0.001
    assert found.steps[one].low == found.most[one][0] == 1500
    assert middle(found, one, 1500) == pytest.approx(0.25, abs=0.01)
    runs = race_of(shown("bias", 0)).runs
    assert [run.cell for run in runs] == ["lstm", "lstm"] and source(runs[0]).remember == 29
    opened = [1 / (1 + np.exp(-b)) for b in (1, 3)]
    tells("bias", "1,500", "25", int(found.steps[three].median), passed, seeds, *(f"{f:.2f}" for f in opened))
    assert [f**29 for f in opened] == [roughly(1e-4), pytest.approx(0.24, abs=0.005)]


@pytest.mark.parametrize("racer, step", [(0, 975), (1, 250), (2, 125)])
def test_every_cell_passes_with_10_numbers(racer, step):
    one = learner("length", 0, racer)
    early, late = (round(step * share / CHECK_EVERY) * CHECK_EVERY for share in (0.7, 1.3))
    advance(one, early - CHECK_EVERY)
    assert not one.passed(one.check()) and one.source.remember == 9
    while not one.passed(one.check()):
        advance(one, one.step + CHECK_EVERY)
        assert one.step <= late
    tells("length", step)


def test_the_plain_rnn_does_not_pass_with_20():
    rnn = learner("length", 1, 0)
    assert (rnn.experiment.length, rnn.experiment.budget, rnn.source.remember) == (20, 1500, 19)
    for step in (500, 1000, 1500):
        advance(rnn, step)
        assert not rnn.passed(rnn.check())


def test_clipping_saves_the_run_and_teaches_nothing():
    found, race = known("clipping", 0), race_of(shown("clipping", 0))
    free, clipped, third = race.names
    none, _ = none_and_all(found)
    assert found.passed[free] == none and found.most[free][0] == 2  # it ended there: it diverged
    assert found.passed[clipped] == none and found.steps[clipped].low == found.most[clipped][0] == 1000
    passed, seeds = found.passed[third]
    assert fisher(passed, seeds, *none) < 0.001
    tells("clipping", int(found.steps[third].median), passed, seeds, "1,000", "12,500", "1.1")
    assert [run.optimiser for run in race.runs] == ["sgd", "sgd", "adam"]
    assert [run.gain for run in race.runs] == [1.1, 1.1, 1.0] and abs(1.1**99 - 12_500) < 50
    assert [run.max_norm for run in race.runs] == [0, 1, 1]
    assert race.runs[0].data == shown("race", 0).data and race.runs[0].length == shown("race", 0).length


def test_the_first_gradient_is_long_and_without_clipping_the_second_step_is_no_number():
    free, clipped = (learner("clipping", 0, k) for k in (0, 1))
    assert free.advance()[1] == roughly(3e9) and not np.isfinite(free.advance()[0])
    for _ in range(10):
        loss, norm = clipped.advance()
        assert np.isfinite(loss) and 1 < norm < FLOAT32_MAX


def test_one_race_turns_the_order_of_other_seeds():
    found = known("seeds", 0)
    medians = [int(found.steps[racer].median) for racer in (LSTM + "2", GRU, ORTHOGONAL)]
    assert medians == sorted(medians) and min(found.passed[r][0] for r in (ORTHOGONAL, GRU)) > 0.8 * len(
        found.seeds
    )
    tells("seeds", *medians, len(found.seeds))
    assert shown("seeds", 0).race_seed not in found.seeds
    assert [shown("seeds", at).race_seed for at in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("racer, passes", [(1, True), (2, False), (3, False)])
def test_with_seed_0_the_orthogonal_rnn_passes_first(racer, passes):
    one = learner("seeds", 0, racer)
    assert one.experiment.init == ("orthogonal" if passes else "default")
    advance(one, 275)
    if passes:
        assert not one.passed(one.check())
    advance(one, 300)
    assert one.passed(one.check()) == passes


def test_the_lectures_sentences_do_not_separate_the_cells():
    found = known("sentences", 0)
    assert set(found.passed.values()) == {none_and_all(found)[1]}
    assert {steps for steps, _ in found.most.values()} == {CHECK_EVERY}
    tells("sentences", CHECK_EVERY, len(found.seeds))


def test_agreement_over_12_words_separates_them():
    found = known("sentences", 1)
    rnn, lstm, gru = found.passed.values()
    assert fisher(*rnn, *lstm) < 0.01 > fisher(*rnn, *gru) and fisher(*lstm, *gru) == pytest.approx(
        0.002, abs=5e-4
    )
    tells("sentences", rnn[0], lstm[0], gru[0], rnn[1])
    runs = race_of(shown("sentences", 1)).runs
    assert [run.cell for run in runs] == ["rnn", "lstm", "gru"] and runs[0].budget == 2000


@pytest.mark.parametrize("at, grammar", [(1, "en"), (2, "ko")])
def test_the_loss_falls_and_the_word_that_counts_is_guessed(at, grammar):
    rnn = learner("sentences", at, 0)
    assert rnn.experiment.grammar == grammar and rnn.source.remember == 12 and rnn.source.chance == 0.5
    losses = advance(rnn, 300)
    assert (losses[0], np.mean(losses[-CHECK_EVERY:])) == pytest.approx((3.7, 1.2), abs=0.1)
    assert rnn.check() == pytest.approx(0.5, abs=0.02)
