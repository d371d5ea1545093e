"""What the course learns for seconds, learned while a class comes in: later nobody waits for it."""

import threading
from functools import cache

from explorer.course.showing import CHOOSING
from explorer.course.stops import stops
from explorer.ui.architectures import feedforward
from explorer.ui.dynamics import cube

_LEARN = {("architectures", "feedforward"): feedforward.learn, ("dynamics", "cube"): cube.learn}
"""By page and view."""


@cache
def learn_ahead() -> threading.Thread:
    """Begins with it, once. The thread waits; the process aside learns, and gives way to the pages."""
    thread = threading.Thread(target=_learn, name="learn-ahead", daemon=True)
    thread.start()
    return thread


def _learn() -> None:
    for stop in stops():
        page, asked = stop.see.page, stop.see.experiment
        if page in CHOOSING and (learn := _LEARN.get((page, getattr(asked, CHOOSING[page])))):
            learn(asked)
