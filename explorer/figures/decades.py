"""Powers of ten on an axis: no range is left, zeros and explosions get a mark and no gap.

Plotly's own log axis drops 0, Inf and whatever is past float64; a product of 200 Jacobians is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer.figures.palette import HUES
from explorer.figures.signals import line
from explorer.i18n import raised, t

MAX_MARKERS = 40
"""With more steps than this lines go without markers."""


def powers(values: np.ndarray) -> np.ndarray:
    """Returns log10 of sizes: -inf for 0, inf and NaN as they are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.asarray(values, np.float64))


def ten_to(power: float) -> str:
    """Returns 10 to a power as people write it."""
    if not np.isfinite(power):
        return "0" if power < 0 else "∞" if power > 0 else "NaN"
    if -3.0 <= power <= 4.0:
        return f"{10.0**power:.3g}"
    exponent = int(np.floor(power))
    return raised(f"{10.0 ** (power - exponent):.1f}e{exponent:d}")


@dataclass(frozen=True)
class Decades:
    """A range of powers of ten. What is 0 stands at its foot, what is not finite at its top."""

    low: float
    high: float

    @classmethod
    def over(cls, arrays: Iterable[np.ndarray]) -> "Decades":
        """Returns the range of all finite powers, at least one decade, with room for the marks."""
        joined = np.concatenate([np.ravel(a) for a in arrays])
        finite = joined[np.isfinite(joined)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (-1.0, 0.0)
        low, high = (low, high) if high - low >= 1.0 else (low - 0.5, high + 0.5)
        room = 0.12 * (high - low)
        low = np.floor(low) if low - np.floor(low) < room else low  # a tick at the end, where one is near
        high = np.ceil(high) if np.ceil(high) - high < room else high
        foot = room if np.isneginf(joined).any() else 0.0
        top = room if (np.isnan(joined) | np.isposinf(joined)).any() else 0.0
        return cls(float(low - foot), float(high + top))

    def place(self, power: np.ndarray) -> np.ndarray:
        """Returns where a power is drawn."""
        return np.clip(np.nan_to_num(power, nan=self.high, posinf=self.high, neginf=self.low), self.low, None)

    def axis(self) -> dict:
        """Returns the y axis: few ticks, at whole powers."""
        span = self.high - self.low
        every = next((n for n in (1, 2, 5, 10, 20, 50, 100, 200) if span / n <= 6.0), 500)
        first = int(np.ceil(self.low / every)) * every
        at = list(range(first, int(np.floor(self.high)) + 1, every))
        pad = 0.06 * span
        return {
            "range": [self.low - pad, self.high + pad],
            "tickvals": at,
            "ticktext": [_whole_power(n) for n in at],
        }

    def draw(
        self,
        figure: go.Figure,
        x: Sequence[int],
        power: np.ndarray,
        name: str,
        hue: str,
        theme: str,
        dash: str = "solid",
        place: dict | None = None,
        legend: bool = True,
        markers: bool = True,
    ) -> None:
        """Draws a line that passes through its marks: it has no gap."""
        style = line(hue, theme, dash)
        if not markers or len(x) > MAX_MARKERS:
            style["mode"] = "lines"
        figure.add_scatter(
            x=list(x),
            y=self.place(power),
            name=name,
            legendgroup=name,
            showlegend=legend,
            text=[ten_to(p) for p in power.tolist()],
            hovertemplate="%{x}: %{text}",
            **style,
            **(place or {}),
        )

    def mark(
        self, figure: go.Figure, x: Sequence[int], power: np.ndarray, lang: str, theme: str, **place: int
    ) -> None:
        """Marks each power that is 0 with a triangle at the foot, each not finite with a cross on top."""
        for bad, key, symbol in (
            (np.isneginf(power), "zero", "triangle-down"),
            (np.isnan(power) | np.isposinf(power), "infinite", "x-thin"),
        ):
            if bad.any():
                where = [at for at, one in zip(x, bad.tolist(), strict=True) if one]
                marks(figure, where, self.place(power[bad]), f"analysis.{key}", symbol, lang, theme, **place)


def marks(
    figure: go.Figure,
    x: Sequence[float],
    y: Sequence[float] | np.ndarray,
    key: str,
    symbol: str,
    lang: str,
    theme: str,
    **place: int,
) -> None:
    """Draws marks in ink with one entry in the legend, however many panels have them."""
    name = t(key, lang)
    figure.add_scatter(
        x=list(x),
        y=list(y),
        name=name,
        legendgroup=name,
        showlegend=not any(trace.name == name for trace in figure.data),
        legendrank=2000,
        mode="markers",
        hovertemplate="%{x}",
        marker={
            "symbol": symbol,
            "size": 10 if len(x) <= MAX_MARKERS else 6,
            "color": HUES[theme]["ink"],
            "line": {"width": 2, "color": HUES[theme]["ink"]},
        },
        **place,
    )


def _whole_power(n: int) -> str:
    return {0: "1", 1: "10"}.get(n) or f"10<sup>{n:d}</sup>".replace("-", "−")
