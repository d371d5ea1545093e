"""The lesson on architectures: every button works, and every claim is what the figure shows."""

import re
from functools import cache
from urllib.parse import parse_qsl

import numpy as np
import pytest
import torch
from torch import nn

from explorer.architectures import amount, bottleneck, cost, deep, feedforward, forecast, mappings
from explorer.architectures.packing import LENGTHS, packing
from explorer.architectures.shapes import Sizes, run
from explorer.architectures.states import BATCH_STEPS, SEEDS, border, last_states, numpy_cell, paddings
from explorer.cells import CELLS
from explorer.data.corpora import lecture_sentences
from explorer.data.exercises import undecided
from explorer.data.sources import source
from explorer.experiment import MAPPINGS, TABLE, Experiment
from explorer.i18n import LANGUAGES
from explorer.limits import EMBEDDING
from explorer.stage.charts import CELL_WITHOUT, PARTS
from explorer.training.bands import Shipped, shipped_of
from explorer.training.race import preset_changes, race_of
from tests.course.lesson_files import card, cards, pressed, presses
from tests.helpers import compared_once, mapped_once, tagged_once

SHAPES = {
    "rows", "steps", "inputs", "outputs", "depth", "directions", "returns", "state", "first", "ask", "cell",
    "seed",
}  # fmt: skip
NAMED = {  # all that a view's figures depend on, and where the cursor stands
    "feedforward": {"cell", "seed"},
    "mappings": {"mapping", "grammar", "attend", "cell", "seed", "text", "notation", "start", "step", "unit"},
    "deep": {"grammar", "cell", "seed", "depth", "directions", "text", "step"},
    "shapes": SHAPES,
    "variants": {"without"},
    "cost": {"hidden"},
    "amount": set(),
    "forecast": {"series", "cell", "seed"},
}
PRESSES = sorted({query for _, query, _ in presses("architectures")})
NUMBER = re.compile(r"(?:\d·)?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|\d[\d,.]*\d|\d")


def shown(key: str, at: int = 0) -> Experiment:
    """Returns the experiment after a card's button, counted from 0."""
    return pressed(card("architectures", key).queries[at])


def tells(key: str, *numbers: int | str, langs: tuple[str, ...] = LANGUAGES) -> None:
    """Asserts that a card tells these numbers."""
    for lang in langs:
        said = next(c for c in cards("architectures", lang) if c.id == key).said
        told = set(NUMBER.findall(said))
        wanted = {f"{n:,}" if isinstance(n, int) else n for n in numbers}
        assert wanted <= told, (lang, wanted - told)


def percent(share: float) -> int:
    return round(100 * share)


def compared(key: str, at: int = 0) -> feedforward.Compared:
    experiment = shown(key, at)
    assert experiment.arch == "feedforward"
    return compared_once(experiment.cell, experiment.seed)


@cache
def _mapped(mapping: str, cell: str, lang: str, seed: int, attend: str, text: str) -> mappings.Reading:
    network = mapped_once(mapping, cell, lang, seed, *([attend] if attend else []))
    return mappings.read(network, text)


def mapped(key: str, at: int, lang: str) -> mappings.Reading:
    """Returns what the network of a button makes of the button's text, for a reader of a language."""
    experiment = shown(key, at)
    assert experiment.arch == "mappings"
    chosen = experiment.mapping, experiment.cell, lang, experiment.seed, experiment.attend
    return _mapped(*chosen, experiment.text)


def tagger(key: str, at: int, lang: str, seed: int = 0) -> deep.Tagger:
    """Returns the network of a button; seed is added to the button's, as the figure does."""
    experiment = shown(key, at)
    assert experiment.arch == "deep"
    both = experiment.directions == "both"
    return tagged_once(experiment.cell, lang, experiment.depth, both, experiment.seed + seed)


def tagged(key: str, at: int, lang: str) -> tuple[deep.TaggedText, deep.Tagging]:
    """Returns the first sentence of the view and what the network of a button makes of it."""
    network = tagger(key, at, lang)
    assert shown(key, at).text == ""
    sentence = deep.sentence_of(deep.offered(lang)[0], lang, network.model)
    assert sentence is not None
    return sentence, deep.read(network, sentence.words)


def sizes(key: str, at: int = 0) -> Sizes:
    experiment = shown(key, at)
    assert experiment.arch == "shapes"
    return Sizes.of(experiment)


@cache
def parts() -> Shipped:
    """Returns what many seeds of every LSTM of the view did, as the page shows it."""
    experiment, refused = Experiment().with_changes(preset_changes(PARTS))
    assert not refused
    found = shipped_of(race_of(experiment))
    assert found is not None and len(found.seeds) >= 10
    return found


def of_cell(cell: str) -> str:
    """Returns the one racer of a cell."""
    (name,) = [name for name in parts().passed if name.split()[0] == cell]
    return name


# The buttons


@pytest.mark.parametrize("query", PRESSES)
def test_a_button_names_all_that_its_figure_depends_on(query):
    named = {name for name, _ in parse_qsl(query, keep_blank_values=True)}
    assert named == {"arch"} | NAMED[pressed(query).arch] <= set(TABLE)


def test_every_view_has_a_card_and_every_field_of_the_page_is_named_somewhere():
    assert {pressed(query).arch for query in PRESSES} == set(NAMED) == set(TABLE["arch"].options or ())
    of_page = {name for name, entry in TABLE.items() if entry.group == "architecture"}
    assert of_page == {"arch"} | (set().union(*NAMED.values()) & of_page)


def test_the_empty_text_gives_way_to_an_example_in_the_readers_language():
    own = [mapped("decoder", 0, lang).text for lang in LANGUAGES]
    assert own[0] != own[1]
    for lang in LANGUAGES:
        for at in range(len(MAPPINGS)):
            found = mapped("mappings", at, lang)
            assert found.problems == () and found.text not in ("", lecture_sentences()[0])
            assert shown("mappings", at).step <= found.columns[-1].step


# The claims, in the order of the cards


def test_without_order_the_first_of_two_letters_is_a_guess():
    found = compared("order")
    assert percent(found.window[0]) == percent(feedforward.best_of_window(1)) == 58
    assert found.unordered == pytest.approx(0.5, abs=0.03)
    tells("order", feedforward.LENGTH, percent(found.window[0]))


def test_the_present_letter_tells_where_it_is_one_of_the_two():
    x, first = feedforward.sequences(12, 4_000, torch.Generator().manual_seed(1))
    last = x[-1].argmax(-1)
    assert (first[last == 0] == 1).all() and (first[last == 1] == 0).all()
    assert first[last > 1].float().mean() == pytest.approx(0.5, abs=0.03)


def test_added_up_both_orders_are_one_input():
    network = feedforward.Unordered(torch.Generator().manual_seed(0))
    x, _ = feedforward.sequences(12, 50, torch.Generator().manual_seed(1))
    turned = x[torch.randperm(12, generator=torch.Generator().manual_seed(2))]
    assert torch.allclose(network(x), network(turned), atol=1e-6)


def test_a_window_must_be_as_wide_as_the_sequence():
    found = compared("window")
    six, ten, twelve = (feedforward.WINDOWS.index(w) for w in (6, 10, 12))
    assert [percent(found.best[k]) for k in (six, ten, twelve)] == [89, 99, 100]
    assert found.window == pytest.approx(found.best, abs=0.03)
    assert found.recurrent > 0.99 and (found.best[:twelve] < 1).all()
    tells("window", 12, 6, 89, 10, 99, 100)


def test_any_length_is_read_and_not_any_known():
    gru, lstm = compared("length", 0), compared("length", 1)
    assert (gru.cell, lstm.cell) == ("gru", "lstm")
    short, learned, long = (feedforward.LENGTHS.index(n) for n in (4, feedforward.LENGTH, 48))
    assert percent(gru.recurrent) == percent(gru.by_length[learned]) == 100
    assert gru.by_length[long] == pytest.approx(0.6, abs=0.05)
    assert gru.by_length[short] == pytest.approx(0.7, abs=0.05)
    assert percent(lstm.by_length[short]) == 100 and percent(lstm.by_length[long]) == 32
    for seed in (1, 2):
        assert compared_once("lstm", seed).by_length[long] == pytest.approx(0.5, abs=0.08)
    tells("length", 12, 48, 4, 60, 70, 100, 32, 5)


def test_over_48_letters_the_lstms_answer_turns_round():
    seed = shown("length", 1).seed
    network = feedforward.fitted("lstm", seed)
    x, first = feedforward.sequences(48, 20_000, torch.Generator().manual_seed(1))
    early = (x[:12, :, :2].sum((0, 2)) == 2).nonzero().flatten()
    with torch.no_grad():
        said = network.model.readout(network.model.rnn(x[:, early])[0]).argmax(-1)  # (T, rows)
    right = (said == first[early]).double().mean(1)
    assert len(early) > 1_000 and percent(right[11].item()) == 100 and right[-1] < 0.05


def test_the_same_weights_take_any_length_and_a_window_takes_its_own():
    generator = torch.Generator().manual_seed(0)
    window, recurrent = feedforward.Window(12, generator), feedforward.Recurrent("gru", generator)
    x, _ = feedforward.sequences(4, 2, generator)
    assert recurrent(x).shape == (2, 2)
    with pytest.raises(RuntimeError):
        window(x)


def test_one_step_after_another_takes_longer_for_as_many_multiplications():
    hidden, longest = feedforward.TIMED_HIDDEN, feedforward.TIMED_LENGTHS[-1]
    ratios = []
    for at, cell in enumerate(("gru", "lstm")):
        assert shown("parallel", at).cell == cell
        dense = nn.Linear(2 * hidden, len(CELLS[cell].blocks) * hidden)
        assert cost.multiplications(cell, hidden, hidden) == dense.weight.numel()
        taken = [
            feedforward.timed(cell, [longest]) for _ in range(3)
        ]  # the quickest: a busy machine is no matter
        quick = [
            min(min(of[0].taken) for of in kind)
            for kind in ([t.recurrent for t in taken], [t.apart for t in taken])
        ]
        ratios.append(quick[0] / quick[1])
    assert ratios[0] > 2 * ratios[1] > 2
    tells("parallel", longest, longest - 1)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_mapping_is_when_something_comes_in_and_which_outputs_count(lang):
    def ways(at: int) -> tuple[list[bool], list[bool]]:
        columns = mapped("mappings", at, lang).columns
        comes_in = [column.token is not None and column.token.original != "<bos>" for column in columns]
        return comes_in, [column.said is not None and column.counts for column in columns]

    found = dict(zip(MAPPINGS, map(ways, range(len(MAPPINGS))), strict=True))
    assert [shown("mappings", at).mapping for at in range(len(MAPPINGS))] == list(MAPPINGS)
    assert found["one_one"] == ([True], [True])
    comes_in, counts = found["one_many"]
    assert comes_in == [True, *[False] * (len(counts) - 1)] and all(counts) and len(counts) > 1
    comes_in, counts = found["many_one"]
    assert all(comes_in) and counts == [*[False] * (len(counts) - 1), True] and len(counts) > 1
    assert all(found["many_many"][0]) and all(found["many_many"][1])
    reading = mapped("mappings", MAPPINGS.index("encoder_decoder"), lang)
    assert reading.handed
    assert [c.said is not None for c in reading.columns] == [
        column.step > reading.handed for column in reading.columns
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_step_from_a_state_of_zeros_uses_no_recurrent_weight(lang):
    layer = mapped("mappings", 0, lang).parts[0].run.only
    assert layer is not None and (layer.h[0] == 0).all() and layer.c is not None and (layer.c[0] == 0).all()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_all_of_a_sentence_passes_through_64_numbers(lang):
    reading = mapped("decoder", 0, lang)
    encoder, decoder = reading.network.models
    assert reading.handed == len(reading.parts[0].given.tokens) == 7
    assert shown("decoder").step == 8 == reading.parts[1].first
    assert encoder.hidden_size == decoder.hidden_size == 32 and "c" in CELLS[encoder.cell].states
    before, after = (part.run.only for part in reading.parts)
    assert before and after and before.c is not None and after.c is not None
    assert np.array_equal(after.h[0], before.h[-1]) and np.array_equal(after.c[0], before.c[-1])
    assert before.h[-1].size + before.c[-1].size == 64
    said = [column.said.best for column in reading.columns if column.said]
    heard = [token.label for token in reading.parts[1].given.tokens]
    assert heard[1:] == said[:-1]  # its own words
    score = reading.network.scores[0]
    assert (score.what, score.total) == ("sentences", 200) and score.right > 180
    tells("decoder", 7, 14, 64, 32, 200)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_attention_reads_the_word_that_is_translated(lang):
    reading = mapped("attention", 0, lang)
    step, weights = shown("attention").step, reading.parts[1].attention
    assert step == 9 and reading.handed == 7 and weights is not None and weights.shape[1] == 7
    said = next(column.said for column in reading.columns if column.step == step)
    assert said is not None and said.best == {"en": "개", "ko": "small"}[lang]
    read = [token.label for token in reading.parts[0].given.tokens]
    of_word = read.index({"en": "dog", "ko": "작은"}[lang])
    row = weights[step - reading.parts[1].first]
    assert row.argmax() == of_word and row[of_word] > 0.9
    tells("attention", "0.9", 9)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_one_state_is_handed_over_and_attention_sees_all(lang):
    kinds = [shown("attention", at).attend for at in range(3)]
    assert kinds == ["additive", "dot", ""]
    for at in (0, 2):
        reading, hidden = mapped("attention", at, lang), 32
        assert reading.handed == 7 and reading.network.models[0].hidden_size == hidden
        assert (reading.network.attention is not None) == bool(kinds[at])
        assert reading.network.scores[0].right > 180
    assert (7 * hidden, 14 * hidden) == (224, 448)
    tells("attention", 7, 14, 32, 224, 448, 64)


def test_attention_carries_longer_sentences_and_weights_do_not():
    found = bottleneck.shipped()
    at_four = {one.key: found.solved(one.key, 4) for one in bottleneck.CONTESTANTS}
    assert at_four == {"none": (0, 10), "larger": (0, 10), "dot": (10, 10), "additive": (10, 10)}
    clear = bottleneck.apart(found)
    assert [n for n in bottleneck.CLAUSES if clear["dot", n] and clear["additive", n]] == [2, 3, 4]
    for one in bottleneck.CONTESTANTS:
        assert found.solved(one.key, 5) == (0, 10) and found.solved(one.key, 1) == (10, 10)
    source, _ = bottleneck.sentences(1, 5, held_out=True, generator=torch.Generator().manual_seed(0))
    assert len(source) == 39 and 5 not in bottleneck.LEARNED
    weights = {one.key: found.of(one.key)[0].weights for one in bottleneck.CONTESTANTS}
    assert weights["larger"] > max(weights["dot"], weights["additive"])
    tells("longer", 64, 39, 31, 10, 0)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_depth_does_not_know_the_next_word(lang):
    assert [shown("layers", at).depth for at in (0, 1)] == [1, 3]
    for at in (0, 1):
        assert tagger("layers", at, lang).score.undecided == 0.5
        sentence, reading = tagged("layers", at, lang)
        assert sentence.undecided
        for t in range(1, len(sentence.words)):  # nothing up to step t moves with the word after it
            assert (reading.change[t - 1, :, :, :t] == 0).all()
    counts = [sum(p.numel() for p in tagger("layers", at, lang).model.parameters()) for at in (0, 1)]
    layer = nn.LSTM(16, 16)
    assert counts[1] - counts[0] == 2 * sum(p.numel() for p in layer.parameters()) == 2 * 2176
    assert deep.HIDDEN_SIZE == deep.SIZE == 16
    tells("layers", 16, 2176)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_backward_state_knows_the_next_word_and_the_forward_one_does_not(lang):
    (_, one), (_, both), (_, stack) = (tagged("backward", at, lang) for at in range(3))
    step = shown("backward", 1).step
    assert step == 2
    at_step = [reading.change[step - 1, :, :, step - 1] for reading in (one, both, stack)]
    assert (at_step[0] == 0).all()
    forward, backward = at_step[1].T
    assert (forward == 0).all() and (backward > 0.01).all()
    assert [(row.layer, row.reverse) for row in stack.rows] == [(0, False), (0, True), (1, False), (1, True)]
    assert (at_step[2][:, 0] == 0).all() and (at_step[2][:, 1:] > 0.001).all()
    scores = [[tagger("backward", at, lang, k).score.undecided for k in range(deep.SEEDS)] for at in (0, 1)]
    assert set(scores[0]) == {0.5} and scores[1] == [1.0] * deep.SEEDS
    tells("backward", 100, 50, 3, 2)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_words_that_are_counted_have_their_tag_from_the_next_one(lang):
    sentence, _ = tagged("backward", 0, lang)
    assert sentence.undecided == undecided(sentence.words, lang) != ()


def test_h_n_has_every_layer_and_direction_and_output_the_top_one():
    both = sizes("output", 0)
    assert (both.batch, both.hidden_size, both.layers, both.both, both.batch_first) == (32, 8, 2, True, True)
    assert run(both).agrees and run(both).shapes["h_n"] == (4, 32, 8)
    tells("output", 4, 32, 8)
    for experiment in (shown("output", 0), shown("output", 1)):
        assert experiment.ask == "output"
        deep_ones = experiment.depth, experiment.directions == "both"
        found = last_states(experiment.cell, *deep_ones, experiment.seed)
        last = len(found.output)
        if deep_ones == (2, True):
            assert set(found.same) == {(last, 0, 2), (1, 1, 3)}  # backward: at step 1
        else:
            assert deep_ones == (1, False) and found.same == ((last, 0, 0),)
    assert (last, 0, 1) in last_states("lstm", 2, False, 0).same  # one direction, whatever the depth


def test_keras_returns_one_thing_unless_asked():
    last, every, states = (sizes("returns", at) for at in range(3))
    for found in (last, every, states):
        assert (found.batch, found.steps, found.inputs, found.hidden_size) == (1, 4, 5, 3) and run(
            found
        ).agrees
    assert [x.shape for x in last.returned] == [(1, 3)] and [x.shape for x in every.returned] == [(1, 4, 3)]
    assert [(x.name, x.shape) for x in states.returned] == [("y", (1, 3)), ("h", (1, 3)), ("c", (1, 3))]
    assert [len(Sizes(cell, 1, 4, 5, 3, state=True).returned) for cell in ("rnn", "gru")] == [2, 2]
    assert all(f"({', '.join(map(str, x))})" in _said("returns") for x in ((1, 4, 5), (1, 3), (1, 4, 3)))


def _said(key: str) -> str:
    korean, english = (next(c for c in cards("architectures", lang) if c.id == key) for lang in ("ko", "en"))
    assert all(part in korean.said for part in re.findall(r"\([\d, ]+\)", english.said))
    return english.said


def test_positive_weights_saturate_and_the_radius_decides_nothing():
    experiment = shown("numpy")
    found, centred = numpy_cell(experiment.seed, 0.0), numpy_cell(experiment.seed, 0.5)
    assert (experiment.steps, experiment.inputs, experiment.outputs) == (10, 4, 8)
    assert found.states.shape == (10, 8) and (found.states[1:] >= 0.999).all() and found.states.max() < 1
    assert (np.median(found.states[1:]) > 0.9999) and abs(centred.states).max() < 0.9
    assert f"{found.radius:.2f}" == "4.61" and f"{found.norm:.0e}" == "2e-32"
    assert f"{centred.radius:.2f}" == "0.88" and f"{centred.norm:.2f}" == "0.27"
    tells("numpy", "4.61", "2·10⁻³²", "0.88", "0.27", 10, 4, 8)


def test_a_large_radius_leaves_nothing_with_any_seed():
    every = [numpy_cell(seed, 0.0) for seed in range(SEEDS)]
    assert all(cell.radius > 3 and cell.norm < 1e-20 for cell in every)


def test_the_state_crosses_the_border_and_the_gradient_does_not():
    experiment = shown("stateful")
    assert experiment.ask == "stateful"
    found = border(experiment.cell, experiment.seed)
    assert BATCH_STEPS == 10 and len(found.carried) == 20
    assert np.array_equal(found.carried[:10], found.reset[:10])
    assert f"{found.carried[10]:.2f}" == "0.37" and f"{found.reset[10]:.2f}" == "0.22"
    assert found.carried[-1] == pytest.approx(found.reset[-1], abs=0.001)
    assert (found.stopped[:10] == 0).all() and (found.whole[:10] > 0).all()
    assert np.allclose(found.stopped[10:], found.whole[10:])
    tells("stateful", "0.37", "0.22", 11, 20, 10)


def test_pads_after_the_words_do_more_harm_and_a_mask_none():
    experiment = shown("padding")
    found = {(p.before, p.masked): p for p in paddings(experiment.cell, experiment.seed)}
    assert percent(found[True, False].off) == 6 and percent(found[False, False].off) == 26
    assert found[True, True].off < 1e-12 and found[False, True].off < 1e-12
    assert found[True, False].norm[4] > 0.2 and (found[True, True].norm[:5] == 0).all()
    for cell in ("rnn", "gru"):  # not of this cell alone
        before, _, after, _ = paddings(cell, experiment.seed)
        assert after.off > 3 * before.off
    tells("padding", 26, 6, 0)


def test_unpacked_the_backward_words_and_the_forward_end_are_wrong():
    experiment = shown("packing")
    assert experiment.ask == "packing" and LENGTHS == (5, 3, 6)
    found = packing(experiment.cell, experiment.seed)
    words = found.place >= 0
    assert (found.read, found.padded) == (14, 18)
    assert found.forward[:, :-1][words].max() < 1e-6 and found.backward[0].max() < 1e-6
    assert found.backward[1:, :-1][words[1:]].min() > 0.01
    assert percent(np.nanmax(found.backward)) == 70
    assert sorted(map(percent, found.forward[:, -1])) == [0, 37, 59]
    tells("packing", 5, 3, 6, 70, 37, 59, 14, 18)


def test_without_the_input_gate_it_is_slower_and_not_unable():
    found = parts()
    queries = [shown("parts", at).without for at in range(4)]
    assert queries == ["i", "f", "o", "tanh"]
    racer = {part: of_cell(CELL_WITHOUT[part]) for part in ("", *queries)}
    seeds = len(found.seeds)
    assert {found.passed[name] for name in racer.values()} == {(seeds, seeds)}
    median = {part: int(found.steps[name].median) for part, name in racer.items()}
    assert median["i"] > 2 * median[""] and median["tanh"] < median[""]
    changes = preset_changes(PARTS)
    assert (changes["data"], changes["length"]) == ("adding", "30")
    slowest = max(found.most[racer[part]][0] for part in queries)
    assert slowest < int(changes["budget"]) / 2
    told = (median[part] for part in ("", "i", "f", "tanh"))
    tells("parts", seeds, slowest, int(changes["budget"]), 30, 28, *told)


def test_of_30_numbers_28_are_not_marked():
    experiment, _ = Experiment().with_changes(preset_changes(PARTS))
    batch = source(race_of(experiment).runs[0]).held_out()
    assert batch.x.shape[0] == 30 and (batch.x[:, :, 1].sum(0) == 2).all()


def test_the_gru_computes_less_and_took_longer():
    hidden = shown("cost").hidden
    found = {c.cell: c for c in cost.costs(EMBEDDING, hidden)}
    lstm, gru = found["lstm"], found["gru"]
    assert (EMBEDDING, hidden) == (16, 16)
    assert [len(CELLS[cell].blocks) for cell in ("gru", "lstm")] == [3, 4]
    assert 4 * gru.parameters == 3 * lstm.parameters and 4 * gru.multiplications == 3 * lstm.multiplications
    assert sum(p.numel() for p in nn.GRU(16, 16).parameters()) == gru.parameters
    tells("cost", 16, gru.parameters, lstm.parameters, gru.multiplications, lstm.multiplications)
    assert gru.forward.median > lstm.forward.median and gru.training.median > lstm.training.median


def test_neither_law_of_the_notes_was_found():
    found = amount.shipped()
    lstm, gru, kept, _ = amount.RIVALS
    by_kind = {(c.match, c.what, c.first): c for c in amount.comparisons(found)}
    assert (by_kind["units", "cell", lstm].better, by_kind["units", "cell", kept].better) == (lstm, "")
    for match in found.matches:
        assert by_kind[match, "cell", lstm].better != gru
    for count in found.counts:  # with more sentences no fewer solve it, but for chance
        hits, seeds = found.solved(gru, "units", count)
        assert hits <= found.solved(lstm, "units", count)[0] or seeds < 10
    at_500 = [found.solved(name, "units", 500) for name in amount.RIVALS]
    tells("amount", 500, amount.BASE.length, 90, *(hits for hits, _ in at_500), at_500[0][1])
    assert amount.BASE.length == 8 and amount.SOLVED == 0.9


def test_on_a_walk_the_forecast_lags_and_on_a_sine_it_does_not():
    walk, sine = (forecast.forecast(forecast.chosen(shown("forecast", at))) for at in (0, 1))
    assert (walk.kind, sine.kind) == ("walk", "sine")
    assert walk.lags and not sine.lags
    assert -0.2 < walk.scores.skill < 0.05 and walk.best == 0.0
    assert sine.scores.skill > 0.98 and sine.best == 1.0
    slope = np.polyfit(walk.pairs[:, 0], walk.pairs[:, 2], 1)[0]
    assert slope == pytest.approx(1.0, abs=0.15)  # the forecast of a walk is its last value
    tells("forecast", "0.98")
