"""Views of charts alone: what each draws, ready to be taken away as what stands on the stage is.

The pages draw the same figures one by one, among words and choices; a test holds the two against each other.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from explorer.architectures import amount, cost, feedforward, forecast, packing, states
from explorer.architectures.shapes import Sizes
from explorer.data.sources import source
from explorer.data.unusable import Unusable
from explorer.dynamics import portrait
from explorer.experiment import Experiment
from explorer.figures import dynamics as spaces
from explorer.figures.amount import amount_figure
from explorer.figures.cost import cost_figure
from explorer.figures.feedforward import length_figure, time_figure, window_figure
from explorer.figures.forecast import follows_figure, forecast_figure, lag_figure
from explorer.figures.packing import grid_of_packing, packing_figure
from explorer.figures.palette import THEMES
from explorer.figures.shapes import grid_figure
from explorer.figures.states import border_figure, ends_figure, numpy_figure, padding_figure, radius_figure
from explorer.figures.variants import variants_figure
from explorer.i18n import t
from explorer.limits import EMBEDDING
from explorer.stage.payload import header_for, pack
from explorer.training.bands import shipped_of
from explorer.training.race import preset_changes, race_of


class NoStageError(ValueError):
    """A view that cannot be carried out alone, or one whose choices leave nothing to show."""


@dataclass(frozen=True)
class Chart:
    """One figure: draw(*given, lang, theme). clocked: the number of its first trace that a clock measured."""

    draw: Callable[..., Any]
    given: tuple[Any, ...]
    clocked: int | None = None


@dataclass(frozen=True)
class Charts:
    """The figures of a view by name, in the order of the page; numbers: what else it found, by name."""

    figures: Mapping[str, Chart]
    numbers: Mapping[str, Any] = field(default_factory=dict)


def build_charts(charts: Charts, lang: str) -> bytes:
    """Returns the payload of charts: every figure in both themes, its numbers in it."""
    figures = [
        {"name": name, "clocked": chart.clocked}
        | {theme: _plain(chart.draw(*chart.given, lang, theme)) for theme in THEMES}
        for name, chart in charts.figures.items()
    ]
    numbers = {name: np.asarray(value).tolist() for name, value in charts.numbers.items()}
    nothing = {"tokens": [], "steps": 0, "units": 0, "arrays": {}, "lines": []}
    return pack(header_for("charts", lang, [nothing], figures=figures, numbers=numbers), [])


def _plain(figure: Any) -> dict[str, Any]:
    """A figure as plain JSON: its arrays are lists, what is not finite is null."""
    return json.loads(json.dumps(_listed(figure.to_plotly_json()), allow_nan=False))


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "bdata" in value:
            return _listed(_unpacked(value))
        return {name: _listed(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_listed(one) for one in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _unpacked(packed: Mapping[str, Any]) -> np.ndarray:
    """An array out of Plotly's base64."""
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), packed["dtype"])
    return flat.reshape([int(size) for size in str(packed.get("shape", flat.size)).split(",")])


def feedforward_charts(found: feedforward.Compared, taken: feedforward.Timed, cell: str) -> Charts:
    """Returns right answers by window and by length, and the time by length."""
    return Charts(
        {
            "by_window": Chart(window_figure, (found,)),
            "by_length": Chart(length_figure, (found,)),
            "by_time": Chart(time_figure, (taken, cell), clocked=1),
        }
    )


def _feedforward(experiment: Experiment, lang: str) -> Charts:
    cell = experiment.cell
    return feedforward_charts(feedforward.compare(cell, experiment.seed), feedforward.timed(cell), cell)


def cost_charts(found: Sequence[cost.Cost]) -> Charts:
    """Returns bars of weights, multiplications and times: of these last a clock measured the bars."""
    return Charts({"cost": Chart(cost_figure, (found,), clocked=5)})


def _cost(experiment: Experiment, lang: str) -> Charts:
    return cost_charts(cost.costs(EMBEDDING, experiment.hidden))


def forecast_charts(found: Sequence[forecast.Forecast]) -> Charts:
    """Returns a series' forecast by the first seed's network, and the skill of every seed's."""
    first = (found[0],)
    return Charts(
        {
            "forecast": Chart(forecast_figure, first),
            "lag": Chart(lag_figure, first),
            "follows": Chart(follows_figure, first),
        },
        {
            "skill": [one.scores.skill for one in found],
            "free_skill": [one.scores.free_skill for one in found],
        },
    )


def _forecast(experiment: Experiment, lang: str) -> Charts:
    try:
        return forecast_charts([forecast.forecast(run) for run in forecast_runs(experiment)])
    except Unusable as refused:
        raise NoStageError(str(refused)) from refused


def forecast_runs(experiment: Experiment) -> list[Experiment]:
    """Returns what is learned for a forecast: the same training with one seed after the other."""
    run = forecast.chosen(experiment)
    return [replace(run, seed=(run.seed + k) % 10_000) for k in range(forecast.SEEDS)]


def _amount(experiment: Experiment, lang: str) -> Charts:
    found = amount.shipped()
    return Charts({name: Chart(amount_figure, (found, name)) for name in ("solved", "nats")})


PARTS = "parts"
"""The preset whose racers are an LSTM and those with a part switched off."""

CELL_WITHOUT = {
    "": "lstm",
    "f": "lstm_no_forget",
    "i": "lstm_no_input",
    "o": "lstm_no_output",
    "tanh": "lstm_no_squash",
}


def _variants(experiment: Experiment, lang: str) -> Charts:
    race = race_of(experiment.with_changes(preset_changes(PARTS))[0], lang)
    known, data = shipped_of(race), source(race.runs[0], race.runs[0].grammar)
    if known is None:
        raise NoStageError("no result is stored of this race")
    chosen = [run.cell for run in race.runs].index(CELL_WITHOUT[experiment.without])
    return Charts({"variants": Chart(variants_figure, (race, known, chosen, data.baseline, data.goal))})


def _shapes(experiment: Experiment, lang: str) -> Charts:
    sizes = Sizes.of(experiment)
    shapes = {f"shape_{x.name}": x.shape for x in sizes.tensors}
    shapes |= {f"shape_{w.name}": w.shape for w in sizes.weights}
    asked = _ASKED[experiment.ask](experiment, sizes, lang) if experiment.ask in _ASKED else {}
    return Charts({**asked, "grid": Chart(grid_figure, (sizes,))}, shapes)


def _ends(experiment: Experiment, sizes: Sizes, lang: str) -> dict[str, Chart]:
    found = states.last_states(experiment.cell, sizes.layers, sizes.both, experiment.seed)
    return {"ends": Chart(ends_figure, (found,))}


def _by_numpy(experiment: Experiment, sizes: Sizes, lang: str) -> dict[str, Chart]:
    cells = tuple(states.numpy_cell(experiment.seed, shift) for shift in states.SHIFTS)
    every = [[states.numpy_cell(seed, shift) for seed in range(states.SEEDS)] for shift in states.SHIFTS]
    return {"numpy": Chart(numpy_figure, (cells,)), "radius": Chart(radius_figure, (every, cells))}


def _border(experiment: Experiment, sizes: Sizes, lang: str) -> dict[str, Chart]:
    return {"border": Chart(border_figure, (states.border(experiment.cell, experiment.seed),))}


def _padding(experiment: Experiment, sizes: Sizes, lang: str) -> dict[str, Chart]:
    return {"padding": Chart(padding_figure, (states.paddings(experiment.cell, experiment.seed),))}


def _packing(experiment: Experiment, sizes: Sizes, lang: str) -> dict[str, Chart]:
    found = packing.packing(experiment.cell, experiment.seed)
    sentences = t("packing.batch", lang).split(" / ")
    return {
        "packing": Chart(grid_of_packing, (found, sentences)),
        "packing_off": Chart(packing_figure, (found,)),
    }


_ASKED = {
    "output": _ends,
    "cell": _by_numpy,
    "stateful": _border,
    "padding": _padding,
    "packing": _packing,
}
"""What a further question about shapes draws; the one on dense layers draws nothing."""


def _portrait(experiment: Experiment, lang: str) -> Charts:
    pull, lean = experiment.pull, experiment.lean
    if experiment.small == "many":
        return Charts({"chaos": Chart(spaces.chaos_figure, (portrait.many(pull, experiment.seed),))})
    units = portrait.units_of(experiment.cell, experiment.small)
    if not units:
        raise NoStageError(f"one unit of {experiment.cell} has more numbers than a plane")
    turn = experiment.turn if units == 2 else 0
    found = portrait.portrait(portrait.by_hand(experiment.cell, units, pull, turn, lean))
    figures = {"portrait": Chart(spaces.line_figure if found.size == 1 else spaces.plane_figure, (found,))}
    if units == 1:
        row = portrait.branches(experiment.cell, lean)
        figures["branches"] = Chart(spaces.branches_figure, (row, pull))
    return Charts(figures, {"h": found.layer.h, "exponent": found.exponent})


CHARTS: dict[str, Callable[[Experiment, str], Charts]] = {
    "architectures/feedforward": _feedforward,
    "architectures/shapes": _shapes,
    "architectures/variants": _variants,
    "architectures/cost": _cost,
    "architectures/amount": _amount,
    "architectures/forecast": _forecast,
    "dynamics/portrait": _portrait,
}
"""The views of charts alone, by page and what is chosen on it."""

OF_EVERY_CELL = ("architectures/variants", "architectures/cost", "architectures/amount")
"""Those that are not about the cell that is chosen."""
