"""Lessons: both languages say the same; on the first page every button works and every claim holds.

The buttons and claims of the gradients lesson are in test_lesson_gradients.py.
"""

import re
from dataclasses import replace
from functools import cache
from itertools import product
from urllib.parse import parse_qsl

import numpy as np
import pytest

from explorer.cells import CELLS
from explorer.course.lessons import Show
from explorer.course.lessons import cards as read
from explorer.data.corpora import lecture_sentences
from explorer.experiment import TABLE, Experiment
from explorer.i18n import LANGUAGES
from explorer.lab.hand import by_hand, hand, network_of
from explorer.lab.starts import Start, felt
from explorer.lab.walk import ShownRun, Walk, walk
from explorer.text import tokenise
from tests.course import lesson_files
from tests.course.lesson_files import Card, cards, pressed, presses
from tests.helpers import as_shown, learned_once

ORDERS = {
    "step": [
        "recurrence", "unrolling", "shapes", "forget", "input", "candidate", "update", "output", "valve",
        "hand", "gru_update", "gru_reset", "map", "parameters", "variants", "transplant", "first_state",
        "rnn",
    ],
    "gradients": [
        "bptt", "arrows", "triangle", "vanishing", "hiding", "why", "exploding", "lstm", "sum", "paths",
        "gru", "training", "relu", "truncation", "forgetting",
    ],
    "train": [
        "race", "adding", "plateau", "first", "heatmap", "start", "bias", "length", "clipping", "seeds",
        "sentences",
    ],
    "architectures": [
        "order", "window", "length", "parallel", "mappings", "decoder", "attention", "longer", "layers",
        "backward", "output", "returns", "numpy", "stateful", "padding", "packing", "parts", "cost",
        "amount", "forecast",
    ],
    "language": [
        "language_model", "pairs", "padding", "every_step", "perplexity", "ambiguity", "teacher", "sampling",
        "generation", "fork", "cat", "levels", "unit", "cause", "memory",
    ],
    "dynamics": [
        "cube", "saddle", "halflife", "two_sides", "moments", "slow", "fixed", "born", "linear", "turning",
        "plane", "chaos", "line", "evidence", "network", "bracket",
    ],
}  # fmt: skip
WORDS = 70
NOTES = {"en": r"\b(the|of|our|lecture) notes\b|\bsets? of notes\b", "ko": "강의 자료|노트"}
NAMED = {  # what a button must set, so that it shows the same whatever was set before
    "text", "units", "weights", "hidden", "seed", "init", "gain", "bias", "notation", "step", "unit",
    "clamp", "zero", "by_hand", "begin", "swap", "second", "carry",
}  # fmt: skip
NAMED_WITH = {
    "clamp": {"clamp_value", "clamp_unit", "clamp_from", "clamp_to", "holds"},
    "swap": {"swap_with"},
    "carry": {"donor", "donor_step", "into"},
}


def card(key: str) -> Card:
    return lesson_files.card("step", key)


@cache
def walked(experiment: Experiment, lang: str = "en") -> Walk:
    display = experiment.display(lang)
    second = None
    if experiment.second:
        second = learned_once(replace(experiment, cell=experiment.second).model_part())
    found = walk(display.meant(experiment), learned_once(experiment.model_part()), second)
    return as_shown(found, display.notation)


def button(key: str, at: int, cell: str = "lstm") -> Walk:
    """Returns the walk of a card's button, counted from 0, for a reader who was at a cell."""
    return walked(pressed(card(key).queries[at], cell))


def gate(run: ShownRun, symbol: str, unit: int) -> np.ndarray:
    """Returns one unit's gate or candidate (T,), unit from 1."""
    return run.trace.gate[symbol][:, unit - 1]


def likeliest(run: ShownRun, step: int) -> str:
    return run.names[run.top_ids[step - 1, 0]]


def marks(run: ShownRun) -> list[int]:
    return [step for step, token in enumerate(run.tokens, 1) if token.marked]


def largest(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the largest |a - b| of each row: the columns of a heatmap."""
    return np.abs(a - b).max(1)


CARDS = [pytest.param(name, at, id=f"{name}-{key}") for name in ORDERS for at, key in enumerate(ORDERS[name])]
PRESSES = [pytest.param(query, cell, id=label) for label, query, cell in presses("step")]
NUMBER = re.compile(r"−?\d[\d,]*\.\d+|\d,\d+|(?:\d·)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")

# The format, of every lesson


@pytest.mark.parametrize("name", ORDERS)
def test_cards_stand_in_the_lectures_order_and_are_numbered(name):
    for lang in LANGUAGES:
        assert [c.id for c in cards(name, lang)] == ORDERS[name]
        assert [c.number for c in cards(name, lang)] == list(range(1, len(ORDERS[name]) + 1))


@pytest.mark.parametrize("name, at", CARDS)
def test_both_languages_have_the_same_cells_directives_and_numbers(name, at):
    korean, english = (cards(name, lang)[at] for lang in ("ko", "en"))
    assert korean.cells == english.cells
    assert [kind for kind, _, _ in korean.directives] == [kind for kind, _, _ in english.directives]
    assert korean.queries == english.queries
    drawn = [[d for d in c.directives if d[0] in ("equations", "table")] for c in (korean, english)]
    assert drawn[0] == drawn[1]
    numbers = [sorted(NUMBER.findall(c.said)) for c in (korean, english)]
    assert numbers[0] == numbers[1]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name, at", CARDS)
def test_text_is_plain_markdown_in_a_calm_voice(name, at, lang):
    c = cards(name, lang)[at]
    said = re.sub(r"`<(eos|unk)>`", "", c.said)  # tokens of their own, as code
    for bad in (r"<\w", r"\]\(", r"!", r"^#", r"^[-*] ", r"https?:"):
        assert not re.search(bad, said, re.MULTILINE), bad
    assert c.text.count("$") % 2 == 0 and c.text.count("**") % 2 == 0
    assert not re.search(r"[).]\*\*\w", c.text), "Markdown does not close this bold"
    assert lang != "en" or len(c.text.split()) <= WORDS


@pytest.mark.parametrize("name, at", CARDS)
def test_cells_and_symbols_are_of_the_registry(name, at):
    c = cards(name, "en")[at]
    assert set(c.cells.split(",")) <= {"all", *CELLS, *(spec.family for spec in CELLS.values())}
    symbols = {symbol for key in c.shown_for for symbol, _ in CELLS[key].equations}
    for kind, left, _ in c.directives:
        if kind == "equations":
            assert left == "all" or set(left.split()) <= symbols
        if kind == "table":
            assert left in ("shapes", "parameters")


@pytest.mark.parametrize("name, at", CARDS)
def test_a_question_stands_before_the_buttons_that_answer_it(name, at):
    kinds = [kind for kind, _, _ in cards(name, "en")[at].directives]
    assert kinds.count("ask") == 1 and kinds.index("ask") < kinds.index("show")


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name, at", CARDS)
def test_a_card_speaks_of_the_notes_only_where_it_is_folded_away(name, at, lang):
    c = cards(name, lang)[at]
    kinds = [kind for kind, _, _ in c.directives]
    assert "notes" not in kinds[:-1]
    rest = [part for kind, *parts in c.directives if kind != "notes" for part in parts]
    assert not re.search(NOTES[lang], " ".join([c.title, c.text, *rest]))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", ORDERS)
def test_the_app_reads_the_same_cards(name, lang):
    for ours, theirs in zip(cards(name, lang), read(name, lang), strict=True):
        assert (ours.id, ours.title) == (theirs.key, theirs.title)
        assert ours.cells == ",".join(theirs.cells)
        shows = [part.changes for part in theirs.parts if isinstance(part, Show)]
        assert shows == [tuple(parse_qsl(q, keep_blank_values=True)) for q in ours.queries]
        folded = [part[1] for part in theirs.parts if isinstance(part, tuple) and part[0] == "notes"]
        assert folded == [left for kind, left, _ in ours.directives if kind == "notes"]


@pytest.mark.parametrize("name", ORDERS)
def test_a_button_keeps_the_reader_on_a_card_that_concerns_the_cell(name):
    for _, query, cell in presses(name):
        owner = next(c for c in cards(name, "en") if query in c.queries)
        assert pressed(query, cell or "lstm").cell in owner.shown_for


# The buttons of the first page


@pytest.mark.parametrize("query, cell", PRESSES)
def test_a_button_names_all_that_its_picture_depends_on(query, cell):
    named = dict(parse_qsl(query, keep_blank_values=True))
    wanted = set(NAMED)
    for field, others in NAMED_WITH.items():
        wanted |= others if named[field] not in ("", "0") else set()
    assert wanted <= set(named) <= set(TABLE)


QUERIES = {name: [(q, cell) for label, q, cell in presses("step") if label.split("-")[0] == name]
           for name in ORDERS["step"]}  # fmt: skip


@pytest.mark.parametrize("key", [key for key in QUERIES if QUERIES[key]])
def test_a_cards_buttons_lead_to_pictures_without_problems(key):
    """In both languages, whose readers see their own notation."""
    for (query, cell), lang in product(QUERIES[key], LANGUAGES):
        experiment = pressed(query, cell or "lstm")
        lecture = [CELLS[key].lecture for key in (experiment.cell, experiment.second) if key]
        if lang == "ko" and (experiment.notation != "auto" or not any(lecture)):
            continue  # the same picture
        shown = walked(experiment, lang)
        run = shown.runs[-1]
        assert shown.problems == ()
        assert experiment.step <= run.trace.steps and experiment.unit <= experiment.hidden
        assert not experiment.clamp or experiment.clamp in CELLS[experiment.cell].activations
        assert "c" not in experiment.carry or "c" in CELLS[experiment.cell].states
        plain_adding = experiment.weights == "marked" and experiment.cell == "rnn"  # see the rnn card
        for fit in shown.fits[1 if plain_adding else 0 :]:
            assert fit is None or fit.passed


# The claims, in the order of the cards


@pytest.mark.parametrize("cell", CELLS)
def test_a_replaced_word_changes_only_its_step_and_those_after(cell):
    before, after = button("recurrence", 0, cell).runs
    moved = largest(before.trace.h, after.trace.h)[1:]
    assert (moved[:2] == 0).all() and (moved[2:] > 0.3).all()
    assert [t.label for t in before.tokens[3:]] == [t.label for t in after.tokens[3:]]


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_word_twice_meets_two_states_and_two_futures(cell):
    for at, step, follows in ((0, 2, "고와야"), (1, 5, "곱다")):
        shown = button("unrolling", at, cell)
        assert shown.experiment.step == step
        assert shown.runs[0].tokens[step - 1].label == "말이"
        assert likeliest(shown.runs[0], step) == follows
    trace = shown.runs[0].trace
    assert np.array_equal(trace.x[1], trace.x[4])
    assert largest(trace.h[[2]], trace.h[[5]]) > 1


@pytest.mark.parametrize("cell", CELLS)
def test_a_longer_sentence_adds_columns_and_no_weights(cell):
    three, six = (button("shapes", at, cell).runs[0].trace for at in (0, 1))
    assert (three.steps, six.steps) == (3, 6)
    assert {k: v.shape for k, v in three.weights.arrays().items()} == {
        k: v.shape for k, v in six.weights.arrays().items()
    }
    assert three.h.shape[1] == six.h.shape[1] == 16


def test_unit_3_keeps_and_unit_14_deletes():
    trace = button("forget", 0).runs[0].trace
    assert [button("forget", at).experiment.unit for at in (0, 1)] == [3, 14]
    f, i, g = (trace.gate[symbol][2] for symbol in "fig")
    c, kept, deleted = trace.c, 2, 13
    assert f[kept] == pytest.approx(1.00, abs=0.01) and f[deleted] == pytest.approx(0.00, abs=0.01)
    assert c[2, kept] == pytest.approx(1.16, abs=0.01) and f[kept] * c[2, kept] > 1.14
    assert i[kept] * g[kept] == pytest.approx(0.62, abs=0.01)
    assert c[2, deleted] == pytest.approx(0.99, abs=0.01)
    assert c[3, deleted] == pytest.approx(-0.98, abs=0.01)


def test_the_input_gate_has_one_value_per_unit():
    shown = button("input", 0)
    column = shown.runs[0].trace.gate["i"][2]
    assert column.shape == (16,)
    assert column.argmin() == shown.experiment.unit - 1 == 3
    assert column.min() == pytest.approx(0.32, abs=0.01) and column.max() > 0.99


def test_the_candidate_offers_and_the_input_gate_lets_a_tenth_through():
    shown = button("candidate", 0)
    at = shown.experiment.step - 1, shown.experiment.unit - 1
    i, g = (shown.runs[0].trace.gate[s][at] for s in "ig")
    assert (g, i, i * g) == pytest.approx((-0.59, 0.10, -0.06), abs=0.01)
    assert shown.runs[0].trace.gate["g"].min() < -0.9  # no valve: it has a sign


def test_the_cell_state_stays_where_f_is_1_and_i_is_0():
    shown = button("update", 0)
    trace = shown.runs[1].trace
    assert (trace.gate["f"][2:] == 1).all() and (trace.gate["i"][2:] == 0).all()
    assert shown.error <= 1e-12 and shown.changed == ("clamps",)
    assert (trace.c[3:] == trace.c[2]).all()
    assert (largest(trace.h[3:], trace.h[2:-1]) > 0.1).all()


def test_let_go_after_step_4_the_cell_state_moves_again():
    trace = button("update", 1).runs[1].trace
    assert (trace.c[3:5] == trace.c[2]).all() and (trace.gate["i"][4] > 0).all()
    assert np.abs(trace.c[5] - trace.c[4]).max() > 0.1


def test_with_f_alone_at_1_the_cell_state_goes_on_adding():
    trace = button("update", 2).runs[1].trace
    written = trace.gate["i"] * trace.gate["g"]
    assert np.allclose(trace.c[3:] - trace.c[2:-1], written[2:])
    assert (np.diff(np.linalg.norm(trace.c, axis=1)) > 0).all()


def test_a_closed_output_gate_silences_h_while_c_goes_on():
    run = button("output", 0).runs[1]
    assert (run.trace.h[3:] == 0).all()
    assert np.ptp(run.top_probabilities[2:], axis=0).max() < 1e-12
    assert len({likeliest(run, step) for step in (3, 4, 5)}) == 1
    assert (np.linalg.norm(run.trace.c[3:], axis=1) > 3).all()
    assert (largest(run.trace.c[3:], run.trace.c[2:-1]) > 0.5).all()


def test_the_lectures_sentences_hardly_close_the_input_gate():
    values = np.concatenate(
        [
            walked(Experiment(text=sentence)).runs[0].trace.gate["i"].ravel()
            for sentence in lecture_sentences()
        ]
    )
    assert (values < 0.1).mean() == pytest.approx(0.02, abs=0.005)


def test_the_gate_opens_at_the_marks_and_what_was_written_stays():
    shown = button("valve", 0)
    run, unit = shown.runs[0], shown.experiment.unit
    assert marks(run) == [6, 14] and unit == 3 and shown.experiment.step in marks(run)
    i, at_marks = gate(run, "i", unit), np.isin(np.arange(1, 21), marks(run))
    assert i[at_marks].min() > 0.6 and i[~at_marks].max() < 0.15
    assert gate(run, "f", unit).min() > 0.85


def test_the_sum_depends_on_that_gate_and_on_the_marked_numbers_alone():
    before, opened = button("valve", 1).runs
    assert before.value[-1] == pytest.approx(1.57, abs=0.02)
    assert opened.value[-1] == pytest.approx(2.72, abs=0.05)
    assert button("valve", 1).target == pytest.approx(1.55, abs=0.005)
    (_, unmarked), (_, marked) = button("valve", 2).runs, button("valve", 3).runs
    assert abs(unmarked.value[-1] - before.value[-1]) < 0.02
    assert before.value[-1] - marked.value[-1] > 0.5
    assert not unmarked.tokens[9].marked and marked.tokens[5].marked


def test_z_held_at_1_keeps_in_pytorchs_notation_and_replaces_in_the_lectures():
    kept, replaced = (button("gru_update", at).runs[1].trace for at in (0, 1))
    assert (kept.gate["z"][2:] == 1).all() and (replaced.gate["z"][2:] == 1).all()
    assert (kept.h[3:] == kept.h[2]).all()
    assert np.array_equal(replaced.h[3:], replaced.gate["n"][2:])
    assert (largest(replaced.h[3:], replaced.h[2:-1]) > 0.5).all()


def test_the_notation_changes_z_and_leaves_h():
    pytorch, lecture = (
        walked(Experiment(cell="gru", notation=notation)).runs[0] for notation in ("pytorch", "lecture")
    )
    assert np.array_equal(pytorch.trace.h, lecture.trace.h)
    assert np.allclose(pytorch.trace.gate["z"], 1 - lecture.trace.gate["z"])


def test_the_update_gate_replaces_at_the_marks():
    shown = button("gru_update", 2)
    run, unit = shown.runs[0], shown.experiment.unit
    assert (
        marks(run) == [1, 13] and run.trace.only.notation == "lecture" and shown.experiment.step in marks(run)
    )
    z, at_marks = gate(run, "z", unit), np.isin(np.arange(1, 21), marks(run))
    assert z[at_marks].min() > 0.7 and z[~at_marks].max() < 0.2


def test_without_reset_the_past_still_goes_through_z():
    shown = button("gru_reset", 0)
    before, after = shown.runs
    trace, unit = after.trace, shown.experiment.unit
    assert np.allclose(trace.gate["n"][2:], np.tanh(trace.weights.project(trace.x[2:])["n"]))  # no h in it
    assert gate(after, "z", unit)[2] == pytest.approx(0.97, abs=0.01)
    assert likeliest(before, 3) == likeliest(after, 3) == "뛰고"


def test_reset_before_and_after_are_two_cells():
    after, before = (run.trace for run in button("gru_reset", 1).runs)
    assert all(
        np.array_equal(array, before.weights.arrays()[k]) for k, array in after.weights.arrays().items()
    )
    assert np.allclose(after.gate["r"][0], before.gate["r"][0])
    assert np.allclose(after.gate["z"][0], before.gate["z"][0])
    assert np.abs(after.gate["n"][0] - before.gate["n"][0]).max() > 0.05


def test_the_lstms_gates_are_free_of_each_other_and_the_grus_shares_are_not():
    shown = button("map", 0)
    lstm, gru = (run.trace for run in shown.runs)
    step, unit = shown.experiment.step, shown.experiment.unit - 1
    assert lstm.gate["f"][step - 1, unit] > 0.95 and lstm.gate["i"][step - 1, unit] > 0.95
    assert lstm.c[step - 1, unit] == pytest.approx(-0.99, abs=0.01)
    assert lstm.c[step, unit] == pytest.approx(-1.96, abs=0.01)
    assert gru.c is None and np.abs(gru.h).max() < 1


def test_weights_are_1_to_3_to_4():
    rnn, gru, lstm = (CELLS[key] for key in ("rnn", "gru", "lstm"))
    for biases, block in ((2, 16 + 16 + 2), (1, 16 + 16 + 1)):
        assert [s.parameters(16, 16, biases) for s in (rnn, gru, lstm)] == [16 * block * k for k in (1, 3, 4)]
    assert [s.parameters(16, 16) for s in (rnn, gru, lstm)] == [544, 1632, 2176]
    assert (rnn.parameters(10, 3, biases=1), rnn.parameters(10, 3)) == (42, 45)
    shown = button("parameters", 0).runs[0].trace.weights
    assert (shown.input_size, shown.hidden_size) == (16, 16)


def test_the_variants_are_what_the_card_says():
    peephole, coupled = (button("variants", at).runs[0].trace for at in (0, 1))
    assert peephole.weights.peepholes.size == 3 * 16
    assert CELLS["lstm_peephole"].parameters(16, 16) - CELLS["lstm"].parameters(16, 16) == 3 * 16
    assert np.allclose(coupled.gate["f"] + coupled.gate["i"], 1)
    without, with_gate = (np.linalg.norm(run.trace.c, axis=1)[1:] for run in button("variants", 2).runs)
    assert (np.diff(without) > 0).all() and without[[0, -1]] == pytest.approx((3.6, 10.3), abs=0.05)
    assert (np.diff(with_gate) > 0).any() and (np.diff(with_gate) < 0).any()
    assert with_gate[-1] == pytest.approx(4.7, abs=0.05)


def test_a_transplanted_state_brings_its_own_next_word():
    for shown in (button("transplant", 0), button("transplant", 4)):
        own, *_, whole = shown.outcomes
        assert (own.labels[0], whole.labels[0]) == ("뛰고", "고와야")
        assert likeliest(shown.runs[1], 3) == "고와야"
        assert shown.runs[1].tokens[2].label == "말이"
    donor = pressed(card("transplant").queries[0]).donor
    assert donor == lecture_sentences()[2] and tokenise(donor, "word")[0] == "가는"


def test_c_alone_turns_the_prediction_at_seed_0_and_h_alone_at_seed_6():
    assert _alone(button("transplant", 0)) == {"h": "뛰고", "c": "고와야"}
    assert _alone(button("transplant", 3)) == {"h": "고와야", "c": "뛰고"}
    for at, follows in ((1, "뛰고"), (2, "고와야")):
        assert likeliest(button("transplant", at).runs[1], 3) == follows


def _alone(shown: Walk) -> dict[str, str]:
    return {o.carry: o.labels[0] for o in shown.outcomes if len(o.carry) == 1}


def test_by_hand_the_sum_is_exact_and_the_learned_gates_are_not():
    experiment = pressed(card("hand").queries[0])
    asked = network_of(experiment)
    assert asked.model_part() == replace(experiment, card="").model_part()
    found = hand(asked, learned_once(asked.model_part()))
    marked = found.marked.astype(float)
    _, h = by_hand({"f": np.ones(20), "i": marked, "o": np.ones(20)}, found.numbers)
    assert h[-1] == pytest.approx(found.target, abs=1e-12) and found.target == pytest.approx(1.55, abs=0.005)
    assert found.unit == 3 and found.said == pytest.approx(1.12, abs=0.005)
    assert found.learned["i"][found.marked] == pytest.approx((0.75, 0.67), abs=0.005)
    assert found.answer == pytest.approx(1.57, abs=0.005)


def test_a_carried_start_spoils_the_sum_and_a_learned_one_does_not():
    carried, learned = (button("first_state", at) for at in (0, 1))
    assert carried.runs[0].value[-1] == pytest.approx(1.57, abs=0.005)
    assert carried.runs[1].value[-1] == pytest.approx(1.97, abs=0.005)
    assert learned.runs[1].value[-1] == pytest.approx(learned.target, abs=0.02)
    assert carried.target == pytest.approx(1.55, abs=0.005)
    assert carried.error <= 1e-12 and learned.error <= 1e-12


def test_a_random_start_fades_and_stays_where_f_is_near_1():
    sentence, fresh = (_starts("first_state", at)["random"] for at in (2, 3))
    assert 25 <= sentence.gone("c") <= 35 and sentence.factor("c") < 0.9
    assert fresh.gone("c") is None and fresh.factor("c") > 0.95


def _starts(key: str, at: int) -> dict[str, Start]:
    experiment = pressed(card(key).queries[at])
    return {s.kind: s for s in felt(experiment, learned_once(experiment.model_part())).starts}


def test_tanh_has_a_ceiling_and_relu_has_none():
    tanh, relu = (run.trace for run in button("rnn", 0).runs)
    assert np.linalg.norm(tanh.h, axis=1).max() < 4 and np.abs(tanh.h).max() < 1
    assert np.linalg.norm(relu.h, axis=1).max() > 15
    assert relu.h.min() == 0


def test_from_orthogonal_weights_relu_learns_the_marked_numbers_and_tanh_does_not():
    tanh, relu = button("rnn", 1).fits
    assert relu.passed and not tanh.passed and tanh.steps == 1500
    assert tanh.loss > 0.02


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_knows_the_lectures_sentences(cell):
    for sentence in lecture_sentences():
        run = walked(Experiment(cell=cell, text=sentence)).runs[0]
        assert np.nanmin(run.following[1:]) > 0.8
