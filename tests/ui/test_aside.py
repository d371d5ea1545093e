"""Work in a process beside the server: what it gives, what it raises, what happens when it is killed."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pytest
import streamlit as st

from explorer.course.stops import stops
from explorer.data.unusable import Unusable
from explorer.dynamics.portrait import branches
from explorer.experiment import Experiment
from explorer.lab.learned import learn
from explorer.ui import compute
from explorer.ui.aside import Aside, aside
from explorer.ui.room import ahead
from tests.pages.app import opened, short_training


@pytest.fixture(scope="module")
def beside() -> Iterator[Aside]:
    one = Aside()
    one.open()
    yield one
    one.close()


def _killed_once(seen: str) -> int:
    if not Path(seen).exists():
        Path(seen).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def _refuses() -> None:
    raise Unusable("too_short", length=3)


def test_it_works_elsewhere_and_gives_way_to_the_server(beside: Aside):
    assert beside(os.getpid) != os.getpid()
    assert beside(os.nice, 0) > os.nice(0)


def test_the_numbers_are_those_that_are_found_here(beside: Aside):
    asked = compute.needed(Experiment(cell="rnn", weights="lecture", units="char").model_part())
    here, there = learn(asked), beside(learn, asked)
    assert here.fit.steps == there.fit.steps
    for one, other in zip(here.model.parameters(), there.model.parameters(), strict=True):
        assert np.array_equal(one.detach().numpy(), other.detach().numpy())
    lines, others = branches("rnn", 0.0), beside(branches, "rnn", 0.0)
    assert np.array_equal(lines.h, others.h)


def test_what_it_raises_arrives(beside: Aside):
    with pytest.raises(Unusable) as refused:
        beside(_refuses)
    assert refused.value.sentence == "too_short" and refused.value.values == {"length": 3}


def test_work_whose_process_was_killed_is_done_once_more(beside: Aside, tmp_path: Path):
    before = beside(os.getpid)
    assert beside(_killed_once, str(tmp_path / "seen")) not in (before, os.getpid())
    assert beside(os.getpid) != before


def test_where_it_is_not_open_the_work_is_done_here():
    assert Aside()(os.getpid) == os.getpid() == aside(os.getpid)


LONG = {
    ("architectures", ""): {"compare", "timed"},
    ("architectures", "arch=mappings&mapping=encoder_decoder"): {"fit"},
    ("architectures", "arch=deep"): {"fit", "prices"},
    ("architectures", "arch=forecast"): {"forecast"},
    ("architectures", "arch=cost"): {"costs"},
    ("dynamics", ""): {"learn_cube"},
    ("dynamics", "scene=evidence"): {"fit"},
    ("dynamics", "scene=portrait&small=one&cell=rnn"): {"branches"},
    ("dynamics", "scene=network&weights=marked"): {"learn", "network"},
    ("step", "weights=marked&by_hand=on"): {"learn"},
    ("step", "weights=lecture&units=jamo"): {"learn"},
    ("step", "weights=lecture"): set(),
    ("language", "view=units&weights=model&model=brackets&cell=lstm&units=char"): {"units_in"},
}
"""What a view learns or searches for seconds."""


@pytest.fixture(scope="module")
def short() -> Iterator[None]:
    with short_training():
        yield


@pytest.mark.parametrize(("page", "query"), LONG, ids=lambda part: part or "as it opens")
def test_what_takes_seconds_is_done_aside(
    page: str, query: str, short: None, monkeypatch: pytest.MonkeyPatch
):
    given = set()

    def call(_: Aside, function: Callable[..., object], *args: object) -> object:
        given.add(function.__name__)
        return function(*args)

    monkeypatch.setattr(Aside, "__call__", call)
    opened(page=page, **dict(parse_qsl(query)))
    assert given == LONG[page, query]


def test_while_a_class_comes_in_the_course_is_learned(short: None, monkeypatch: pytest.MonkeyPatch):
    given = list[str]()

    def call(_: Aside, function: Callable[..., object], *args: object) -> object:
        given.append(function.__name__)
        return function(*args)

    monkeypatch.setattr(Aside, "__call__", call)
    st.cache_resource.clear()
    ahead._learn()
    assert sorted(given) == ["compare", "learn_cube"]
    for stop in stops():
        opened(page=stop.see.page, **stop.see.experiment.to_query())
    assert sorted(set(given[2:]) - {"timed"}) == []  # the time is measured while somebody looks
