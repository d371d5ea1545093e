"""Figures that the server draws: once for a record, as long as they are looked at."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import plotly.graph_objects as go
import pytest

from explorer.ui import charts


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(charts, "_drawn", charts.OrderedDict())


def title_figure(record: object, lang: str) -> go.Figure:
    return go.Figure(layout={"title": {"text": f"{record} {lang}"}})


def test_a_record_is_drawn_once_in_each_language():
    record, equal = [1], [1]
    first = charts.drawn(title_figure, record, "en")
    assert charts.drawn(title_figure, record, "en") is first
    assert charts.drawn(title_figure, record, "ko").layout.title.text == "[1] ko"
    assert charts.drawn(title_figure, equal, "en") is not first


def test_a_class_that_asks_at_once_waits_for_one_drawing():
    record, count, drawn = [1], 8, []
    together = threading.Barrier(count)

    def slow_figure(record: object, lang: str) -> go.Figure:
        drawn.append(lang)
        time.sleep(0.1)
        return title_figure(record, lang)

    def ask() -> go.Figure:
        together.wait()
        return charts.drawn(slow_figure, record, "en")

    with ThreadPoolExecutor(count) as pool:
        first, *others = [asked.result() for asked in [pool.submit(ask) for _ in range(count)]]
    assert drawn == ["en"] and all(other is first for other in others) and not charts._turns


def test_a_drawing_that_failed_is_tried_again():
    record, tries = [1], []

    def figure(record: object) -> go.Figure:
        tries.append(record)
        if len(tries) == 1:
            raise ValueError("once")
        return go.Figure()

    with pytest.raises(ValueError):
        charts.drawn(figure, record)
    assert isinstance(charts.drawn(figure, record), go.Figure) and not charts._turns


def test_a_record_lives_as_long_as_its_figure():
    class Record:
        pass

    record = Record()
    there = weakref.ref(record)
    charts.drawn(title_figure, record, "en")
    del record
    gc.collect()
    assert there() is not None, "another record at its place in memory would get its figure"


def test_what_nobody_looks_at_is_given_up_first(monkeypatch):
    monkeypatch.setattr(charts, "KEPT", 2)
    one, two, three = [1], [2], [3]
    first, second = (charts.drawn(title_figure, record, "en") for record in (one, two))
    assert charts.drawn(title_figure, one, "en") is first
    charts.drawn(title_figure, three, "en")
    assert charts.drawn(title_figure, one, "en") is first
    assert charts.drawn(title_figure, two, "en") is not second
