"""Which of the shared choices act on a page and its view: only those are drawn, with what they act on.

What a page does not draw is kept: the experiment, in the session and in the address, holds every choice.
"""

from explorer.course.showing import stage_of
from explorer.data.corpora import TAUGHT
from explorer.experiment import Experiment
from explorer.training.race import WRITTEN

START: tuple[str, ...] = ("seed", "init", "gain", "bias", "keep_bias")
"""How the weights of a network that is learned here start."""

NETWORK: tuple[str, ...] = ("cell", "text", "units", "weights", "hidden", *START, "unknown")
"""What a network is, and the sentence that it reads."""

WALK: tuple[str, ...] = (*NETWORK, "start", "notation")

SHEET: tuple[str, ...] = (*(name for name in NETWORK if name != "cell"), "notation")
"""A sheet has one step of each of two cells."""

_VIEWS: dict[tuple[str, str], tuple[str, ...]] = {
    ("language", "pairs"): ("cell", "text", "units", "hidden", "start"),
    ("language", "memory"): tuple(name for name in NETWORK if name != "text"),
    ("language", "units"): NETWORK,
    ("language", "predict"): (*NETWORK, "start"),
    ("language", "generate"): WALK,
    ("architectures", "feedforward"): ("cell", "seed"),
    ("architectures", "mappings"): ("cell", "seed", "start", "notation"),
    ("architectures", "deep"): ("cell", "seed"),
    ("architectures", "shapes"): ("cell",),
    ("architectures", "cost"): ("hidden",),
    ("architectures", "forecast"): ("cell", "seed"),
    ("dynamics", "cube"): ("cell", *START),
    ("dynamics", "portrait"): ("cell",),
    ("dynamics", "network"): NETWORK,
    ("dynamics", "evidence"): ("cell", "seed"),
}
"""What acts on a view; nothing on one that is not named. Some have a field of their own for the sentence."""


def acting(page: str, experiment: Experiment, reads_text: bool = True) -> tuple[str, ...]:
    """Returns the names of the shared choices that act on a page as it stands.

    reads_text: whether the network that is chosen reads text.
    """
    if page in ("step", "gradients"):
        names = WALK
    elif page == "worksheet":
        names = SHEET
    elif page == "train":
        names = _of_race(experiment)
    else:
        names = _VIEWS.get((page, stage_of(page, experiment)), ()) + _of_question(page, experiment)
    if "weights" in names:
        names = tuple(name for name in names if _acts(name, experiment, reads_text))
    return names


def _of_question(page: str, experiment: Experiment) -> tuple[str, ...]:
    """What the further questions of a view ask for."""
    shapes = page == "architectures" and experiment.arch == "shapes" and experiment.ask not in ("", "dense")
    chaos = page == "dynamics" and experiment.scene == "portrait" and experiment.small == "many"
    return ("seed",) if shapes or chaos else ()


def _of_race(experiment: Experiment) -> tuple[str, ...]:
    text = ("text",) if experiment.data == "yours" else ()
    units = ("units",) if experiment.data in WRITTEN else ()
    return (*text, *units)


def _acts(name: str, experiment: Experiment, reads_text: bool) -> bool:
    """Whether a choice acts on the kind of weights that is chosen."""
    kind = experiment.weights
    if name == "cell":
        return not experiment.own
    if name == "text":
        return kind != "marked" and reads_text
    if name == "units":
        return kind not in ("marked", "model")
    if name in ("hidden", *START):
        return kind != "model"
    return name != "unknown" or kind in TAUGHT
