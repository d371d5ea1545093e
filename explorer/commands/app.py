"""The verb app: `streamlit run` on the app that comes with the package, from any folder.

Streamlit reads the configuration in the folder of the script it runs, so that it is always this app's.
"""

import argparse
import sys
from importlib import import_module
from pathlib import Path
from runpy import run_module

from explorer.commands.options import SPOKEN, Option, UsageError, Verb
from explorer.commands.own import ALONG, PREFIX, SEQUENCE, VOCABULARY, reading
from explorer.i18n import ROOT
from explorer.lab.files import given


def run_app(chosen: argparse.Namespace) -> int:
    """Serves the app until it is stopped. What is not an option here is one of `streamlit run`."""
    for package in ("streamlit", "plotly", "loky", "threadpoolctl"):
        import_module(package)
    own = {name: raw for name in ("model", *ALONG) if (raw := getattr(chosen, name))}
    if own and not chosen.model:
        raise UsageError(f"--{next(iter(own))} has no place without --model.")
    passed = []
    for name, raw in own.items():
        passed += [f"--{name}", raw if name == "prefix" else str(Path(raw).absolute())]
    if own:
        along = (chosen.prefix, chosen.vocabulary, chosen.sequence)
        reading(chosen, lambda: given(chosen.model, *along), f"--model {chosen.model!r}")
    sys.argv = ["streamlit", "run", str(ROOT / "app.py"), *chosen.rest, *(["--", *passed] if own else [])]
    run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


MODEL = Option(
    "--model",
    {
        "metavar": "FILE",
        "help": "open on this network: PyTorch, safetensors, Keras, ONNX, NumPy; of any size",
    },
)
VERB = Verb(
    run_app,
    "start the app; takes the options of `streamlit run`, as --server.port 8600",
    (MODEL, PREFIX, VOCABULARY, SEQUENCE, SPOKEN),
    passes_on=True,
)
