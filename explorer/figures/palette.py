"""Colours: one hue per role on every page, for light and dark, safe for colour-blind readers.

A hue never stands alone: the signal's letter is always beside it. Gates (0..1) run from the ground to
their hue; signed values run from brown through the ground to teal. Cells have hues of their own: an LSTM
beside a GRU is not taken for a forget gate beside an input gate.
"""

FONTS = '"Source Sans", "Noto Sans CJK KR", "Noto Sans KR", sans-serif'
"""The page's own face first; then one with Hangul."""

THEMES = ("light", "dark")

HUES: dict[str, dict[str, str]] = {
    "light": {
        "keep": "#0b63ae",
        "write": "#c2410c",
        "candidate": "#0f7b5f",
        "show": "#a8327f",
        "reset": "#8a6500",
        "c": "#5b3fc4",
        "normaliser": "#3f6212",
        "stabiliser": "#b0123f",
        "h": "#27303b",
        "x": "#5f6a79",
        "ink": "#27303b",
        "rnn": "#7a4a2b",
        "lstm": "#1b2a80",
        "gru": "#0a7f9e",
        "other": "#a143ea",
    },
    "dark": {
        "keep": "#62b5ff",
        "write": "#ff9158",
        "candidate": "#3fcfa6",
        "show": "#f08ccb",
        "reset": "#e6bf33",
        "c": "#b3a1ff",
        "normaliser": "#bef264",
        "stabiliser": "#fb5a78",
        "h": "#e8ecf1",
        "x": "#a3adba",
        "ink": "#e8ecf1",
        "rnn": "#b98058",
        "lstm": "#6f86ff",
        "gru": "#5fd8f5",
        "other": "#e131b1",
    },
}

GROUND = {"light": "#ffffff", "dark": "#12161c"}
EMPTY = {"light": "#f0f2f5", "dark": "#1d232c"}
GRID = {"light": "#dfe3e8", "dark": "#333c48"}

_SIGNED = {
    "light": ("#6b3d07", "#bf812d", "#e9cf9f", "#f5f5f3", "#9fd6cc", "#35978f", "#014a42"),
    "dark": ("#f7cf8d", "#c98a35", "#6d4a1b", "#1d232c", "#175a55", "#2fa397", "#a5f0e4"),
}

Scale = list[tuple[float, str]]


def gate_scale(hue: str, theme: str) -> Scale:
    """Returns the colour scale of a gate from 0 to 1."""
    return [(0.0, EMPTY[theme]), (1.0, HUES[theme][hue])]


def signed_scale(theme: str) -> Scale:
    """Returns the colour scale of signed values, its middle at zero."""
    colours = _SIGNED[theme]
    return [(k / (len(colours) - 1), colour) for k, colour in enumerate(colours)]


_MAGNITUDE = {
    "light": ("#f3f4f7", "#cfc9ec", "#8f80d6", "#5b3fc4", "#2b1a78"),
    "dark": ("#1d232c", "#3d3570", "#6a57c0", "#a08cf5", "#efeaff"),
}


def magnitude_scale(theme: str) -> Scale:
    """Returns the colour scale of a logarithm: from next to nothing to much."""
    colours = _MAGNITUDE[theme]
    return [(k / (len(colours) - 1), colour) for k, colour in enumerate(colours)]


def scale(role: str, hue: str, theme: str) -> Scale:
    """Returns the colour scale for a signal by its role."""
    return gate_scale(hue, theme) if role == "gate" else signed_scale(theme)
