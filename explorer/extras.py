"""What the package needs besides NumPy and PyTorch, and which extra brings it."""

from collections.abc import Iterator
from contextlib import contextmanager

EXTRAS = {
    "h5py": "files",
    "onnx": "files",
    "regex": "train",
    "safetensors": "train",
    "loky": "app",
    "plotly": "app",
    "latex2mathml": "app",
    "segno": "app",
    "streamlit": "app",
    "threadpoolctl": "app",
    "anywidget": "notebook",
    "ipywidgets": "notebook",
    "distributed": "cluster",
}
"""Package that is imported, and the smallest extra that brings it."""


class Missing(ModuleNotFoundError):  # noqa: N818
    """A package that an extra brings and that is not installed, in one sentence."""


@contextmanager
def needed() -> Iterator[None]:
    """Raises Missing, which names the extra, where a package of an extra cannot be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        raise Missing(sentence(package), name=package) from None


def sentence(package: str) -> str:
    """Returns which package is missing, and what installs it."""
    return f"This needs the package {package}; `pip install 'rnn-explorer[{EXTRAS[package]}]'` brings it."
