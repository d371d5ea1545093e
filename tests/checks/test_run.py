"""Each topic passes as the house stands, and notices what is broken in it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.cells import CELLS
from explorer.checks.coverage import TOPICS
from explorer.checks.run import check_topic
from explorer.gradients.bptt import LayerFlow, direct_path
from explorer.i18n import LANGUAGES, section
from explorer.nn import interventions, running
from explorer.nn.initialise import initialise

BY_KEY = {topic.key: topic for topic in TOPICS}
MEASURED = [topic for topic in TOPICS if topic.module != "cells"]


def found(key: str) -> float:
    return check_topic(BY_KEY[key]).difference


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("topic", MEASURED, ids=lambda topic: topic.key)
def test_a_topic_passes(topic):
    check = check_topic(topic)
    assert check.ok and not check.problem and check.difference < topic.tolerance / 5


def test_every_page_that_computes_is_covered_and_every_topic_has_a_name():
    assert {page for topic in TOPICS for page in topic.pages} == {
        "step", "gradients", "train", "language", "architectures", "dynamics", "glossary",
    }  # fmt: skip
    for lang in LANGUAGES:
        assert set(section("verified", lang)) >= set(BY_KEY)
    assert len(BY_KEY) == len(TOPICS)


def test_what_cannot_be_checked_has_failed(monkeypatch):
    monkeypatch.setattr("explorer.checks.way_back.direct_path", None)
    check = check_topic(BY_KEY["paths"])
    assert not check.ok and np.isnan(check.difference) and "TypeError" in check.problem


def doubled(flow):
    path = direct_path(flow)
    return None if path is None else 2.0 * path


def test_a_direct_path_that_is_doubled_or_enters_by_the_peephole_fails(monkeypatch):
    monkeypatch.setattr("explorer.checks.way_back.direct_path", doubled)
    assert found("paths") > 0.01
    monkeypatch.undo()
    monkeypatch.setattr("explorer.gradients.bptt._shown", lambda flow, memory: flow.local[f"h/{memory}"])
    assert found("paths") > 0.01


def test_a_share_without_its_reset_factor_fails(monkeypatch):
    spec = CELLS["gru"]

    def back(local, weights, totals):
        right = spec.back(local, weights, totals)
        return replace(right, rec=right.rec | {"n": right.pre["n"]})

    monkeypatch.setitem(CELLS, "gru", replace(spec, back=back))
    assert found("shares") > 0.01


def test_what_a_step_adds_without_its_source_fails(monkeypatch):
    right = LayerFlow.weight_norms
    monkeypatch.setattr(LayerFlow, "weight_norms", lambda flow: {s: 1.01 * a for s, a in right(flow).items()})
    assert found("weights") > 0.001


def test_a_reversed_layer_that_is_read_forwards_fails(monkeypatch):
    right = running.run_layer
    monkeypatch.setattr(running, "run_layer", lambda *args, **own: right(*args, **(own | {"reverse": False})))
    assert found("stacks") > 0.01


@pytest.mark.parametrize("late", ["clamps", "zeros"])
def test_a_change_a_step_late_fails(late, monkeypatch):
    def touch_at(step, changes, states):
        kind = interventions.Clamp if late == "clamps" else interventions.ZeroUnit
        moved = [replace(c, start=c.start + 1) if isinstance(c, kind) else c for c in changes]
        return interventions.touch_at(step, moved, states)

    monkeypatch.setattr(running, "touch_at", touch_at)
    assert found("changes") > 0.01


def test_a_keep_bias_of_the_wrong_sign_fails(monkeypatch):
    def wrong(model, generator, *, keep_bias=1.0, **options):
        initialise(model, generator, keep_bias=-keep_bias, **options)

    monkeypatch.setattr("explorer.checks.networks.initialise", wrong)
    assert not check_topic(BY_KEY["starts"]).ok
