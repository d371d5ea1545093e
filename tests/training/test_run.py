"""Carrying out races: same bits however it is carried out, events in order, divergence as a result."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from explorer.data.sources import source
from explorer.experiment import Experiment
from explorer.nn.model import RecurrentModel
from explorer.training.learner import CHECK_EVERY, Learner, loss_of
from explorer.training.race import race_of
from explorer.training.results import over, results, table, verdict
from explorer.training.run import Carried, InMemory, Wish, kept_steps, train

TINY = Experiment(length=8, size=6, batch=4, budget=60, racers="rnn;lstm bias=fixed keep_bias=1;gru")


def carried(experiment: Experiment, memory: InMemory | None = None) -> InMemory:
    memory = memory or InMemory()
    Carried(race_of(experiment), memory).run()
    return memory


def courses(memory: InMemory):
    return results(memory.events)


def test_the_same_race_has_the_same_bits():
    first, second = carried(TINY), carried(TINY)
    for a, b in zip(courses(first), courses(second), strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)
        np.testing.assert_array_equal(a.metric, b.metric)
    for name in first.store:
        for key, value in first.store[name].items():
            if key != "progress":  # it holds CPU seconds
                assert torch.equal(value, second.store[name][key])


def test_a_network_learns_the_same_alone_as_beside_others():
    beside = courses(carried(TINY))[1]
    alone = train(race_of(TINY).runs[1])
    np.testing.assert_allclose(alone.loss, beside.loss, rtol=1e-5)
    np.testing.assert_array_equal(alone.checks, beside.checks)


def test_a_step_is_what_plain_pytorch_does():
    """The same weights, batches and Adam in a loop written here, on nn.LSTM itself."""
    run = race_of(TINY).runs[1]
    learner = Learner(run, source(run))
    lstm, out = nn.LSTM(2, 6), nn.Linear(6, 1)
    lstm.load_state_dict(learner.model.rnn.state_dict())
    out.load_state_dict(learner.model.readout.state_dict())
    parameters = [*lstm.parameters(), *out.parameters()]
    adam = torch.optim.Adam(parameters, lr=run.rate)
    for step in range(20):
        batch = source(run).batch(step)
        loss = ((out(lstm(batch.x)[0][-1])[:, 0] - batch.target) ** 2).mean()
        adam.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(parameters, run.max_norm)
        adam.step()
        ours, our_norm = learner.advance()
        assert ours == pytest.approx(loss.item(), rel=1e-4)
        assert our_norm == pytest.approx(float(norm), rel=1e-3)


@pytest.mark.parametrize(
    "data",
    ["adding", "temporal_order", "copy", "first_symbol", "flip_flop", "series", "lecture", "agreement"],
)
@pytest.mark.parametrize("cell", ["rnn", "lstm_peephole", "gru_reset_before"])
def test_every_data_and_kind_of_cell_runs(data, cell):
    run = Experiment(cell=cell, data=data, length=12, hidden=4, batch=3, budget=2, grammar="ko")
    found = train(run)
    assert np.isfinite(found.loss).all() and len(found.loss) == 2


def test_before_learning_the_loss_of_sentences_is_that_of_a_uniform_guess():
    losses = [train(Experiment(data="lecture", hidden=16, seed=seed, budget=1)).loss[0] for seed in range(10)]
    data = source(Experiment(data="lecture"))
    assert np.mean(losses) == pytest.approx(np.log(data.outputs), rel=0.05)


def test_a_window_as_long_as_the_sequence_cuts_nothing():
    run = race_of(TINY).runs[2]
    whole, window = train(run), train(replace(run, truncate=8))
    np.testing.assert_array_equal(whole.loss, window.loss)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "lstm_coupled"])
@pytest.mark.parametrize("data", ["adding", "copy", "flip_flop", "series", "lecture"])
def test_truncated_bptt_is_autograd_with_the_state_cut(cell, data):
    run = Experiment(cell=cell, data=data, length=9, hidden=5, batch=3, truncate=4)
    learner = Learner(run, source(run))
    batch = learner.source.batch(0)
    learner._backward(batch)
    ours = {name: p.grad.clone() for name, p in learner.model.named_parameters()}
    learner.model.zero_grad()
    loss_of(cut_outputs(learner.model, batch.x, 4)[batch.first :], batch).backward()
    for name, p in learner.model.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, rtol=1e-4, atol=1e-6)


def cut_outputs(model: RecurrentModel, x: torch.Tensor, window: int) -> torch.Tensor:
    """Outputs of one graph in which the state, and nothing else, is detached every `window` steps."""
    embedded = x if model.embedding is None else model.embedding(x)
    state, outputs = None, []
    for t in range(len(x)):
        if t % window == 0 and state is not None:
            state = detach(state)
        output, state = model.rnn(embedded[t : t + 1], state)
        outputs.append(model.readout(output))
    return torch.cat(outputs)


def detach(state):
    if isinstance(state, torch.Tensor):
        return state.detach()
    return type(state)(detach(part) for part in state)


def test_resumed_is_as_if_never_stopped():
    whole = courses(carried(TINY))
    memory = Stopping(after=70)
    carried(TINY, memory)
    assert over(memory.events) == "stopped"
    memory.after = 10**9
    carried(TINY, memory)
    assert over(memory.events) == "done"
    for a, b in zip(whole, courses(memory), strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)
        np.testing.assert_array_equal(a.metric, b.metric)


class Stopping(InMemory):
    """Wishes the race to stop after so many looks at the wish, one a step."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after, self.looks = after, 0

    def wish(self) -> Wish:
        self.looks += 1
        return Wish("stop" if self.looks > self.after else "go")


class Single(InMemory):
    """Paused from the start, with single steps asked for."""

    def __init__(self, singles: int) -> None:
        super().__init__()
        self.asked = Wish("pause", singles)


def test_a_single_step_is_one_step_of_every_racer():
    memory = carried(TINY, Single(3))
    assert [course.step for course in courses(memory)] == [3, 3, 3]
    assert memory.events[-1] == {"kind": "paused", "singles": 3} and over(memory.events) == ""


def test_single_steps_that_spend_the_budget_end_the_race():
    memory = carried(replace(TINY, budget=3), Single(5))
    assert [(course.step, course.status) for course in courses(memory)] == 3 * [(3, "spent")]
    assert over(memory.events) == "done"


class Pausing(Stopping):
    """Pauses after so many looks at the wish."""

    def wish(self) -> Wish:
        return replace(super().wish(), command="pause") if self.looks >= self.after else super().wish()


@pytest.mark.parametrize("steps", [1, 33, 75])
def test_a_paused_race_keeps_all_that_going_on_needs_and_no_snapshot_more(steps):
    whole = carried(TINY)
    memory = carried(TINY, Pausing(steps))
    assert memory.events[-1]["kind"] == "paused"
    memory.after = 10**9
    carried(TINY, memory)
    assert over(memory.events) == "done" and memory.store.keys() == whole.store.keys()
    for a, b in zip(courses(whole), courses(memory), strict=True):
        np.testing.assert_array_equal(a.loss, b.loss)
        np.testing.assert_array_equal(a.metric, b.metric)
        assert (a.status, a.step) == (b.status, b.step)


def test_divergence_is_a_result_and_the_others_go_on():
    experiment = replace(
        TINY, racers="rnn_relu init=identity gain=5 max_norm=0 optimiser=sgd rate=9;rnn", length=60, budget=30
    )
    memory = carried(experiment)
    burst, other = courses(memory)
    assert burst.status == "diverged" and not np.isfinite(burst.loss[-1] + burst.norm[-1])
    assert other.status == "spent" and other.step == 30
    assert over(memory.events) == "done"
    run = train(race_of(experiment).runs[0])
    assert run.status == "diverged" and not run.passed
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


def test_kept_steps_grow_and_every_check_is_looked_into():
    kept = list(kept_steps(2500))
    assert kept[:7] == [0, 1, 2, 4, 8, 16, 25] and len(kept) < 50
    assert all(b / a >= 1.15 for a, b in itertools.pairwise(kept[6:]))
    memory = carried(TINY)
    looked = {e["step"] for e in memory.events if e["kind"] == "look" and e["racer"] == 0}
    assert {0, CHECK_EVERY, 2 * CHECK_EVERY} <= looked


def test_the_look_is_the_gradient_that_autograd_finds():
    run = race_of(TINY).runs[1]
    learner = Learner(run, source(run))
    for _ in range(5):
        learner.advance()
    found = learner.probe()
    batch = source(run).probe()
    model = learner.model.double()
    h, c = (torch.zeros(1, 6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    states, cell = [h], nn.LSTMCell(2, 6, dtype=torch.float64)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in model.rnn.state_dict().items()})
    for x in batch.x.double():
        h, c = cell(x, (h, c))
        h.retain_grad()
        states.append(h)
    loss = (model.readout(h)[0, 0] - float(batch.target[0])) ** 2
    gradients = torch.autograd.grad(loss, states, allow_unused=True)
    assert found.norm == pytest.approx([float(g.norm()) for g in gradients], rel=1e-9)


@pytest.mark.parametrize("data", ["agreement", "lecture", "copy"])
def test_the_look_into_a_text_is_at_what_needs_memory(data):
    """Central differences on the loss of the judged tokens, of a text's last, or of all that is asked."""
    run = Experiment(cell="gru", data=data, length=8, hidden=5, seed=1)
    learner = Learner(run, source(run))
    batch = learner.source.probe()
    asked = batch.target[:, 0] >= 0
    if batch.judged is not None:
        asked = batch.judged[:, 0]
    elif learner.source.vocabulary:
        asked = torch.arange(len(asked)) == int(torch.nonzero(asked)[-1])
    model = learner.model.double()
    x = model.embedding(batch.x) if model.embedding else batch.x.double()

    def loss(h1: torch.Tensor) -> float:
        """The loss with the state after the first step given."""
        logits = model.readout(model.rnn(x[1:], h1[None, None])[0])[:, 0]
        return float(F.cross_entropy(logits[asked[1:]], batch.target[1:, 0][asked[1:]]))

    with torch.no_grad():
        h1 = model.rnn(x[:1])[0][0, 0]
        pushes = 1e-5 * torch.eye(5, dtype=torch.float64)
        slopes = [(loss(h1 + push) - loss(h1 - push)) / 2e-5 for push in pushes]
    assert learner.probe().norm[1] == pytest.approx(np.linalg.norm(slopes), rel=1e-4)


def test_a_course_as_columns_has_its_metric_where_it_was_measured():
    course = courses(carried(TINY))[0]
    columns = table(course, source(race_of(TINY).runs[0]))
    measured = [k for k, v in zip(columns["step"], columns["metric"], strict=True) if v == v]
    assert measured == course.checks.tolist() and len(columns["loss"]) == course.step


def test_the_verdict_follows_from_the_numbers():
    memory = carried(replace(TINY, budget=25))
    said = verdict(courses(memory), source(race_of(TINY).runs[0]))
    assert {kind for kind, _ in said} <= {"baseline", "short", "passed", "both_first", "split"}
    assert {values["name"] for _, values in said if "name" in values} == set(race_of(TINY).names)
