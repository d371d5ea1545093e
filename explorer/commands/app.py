"""The verb app: `streamlit run` on the app that comes with the package, from any folder.

Streamlit reads the configuration in the folder of the script it runs, so that it is always this app's.
"""

import argparse
import sys
from importlib import import_module
from runpy import run_module

from explorer.commands.options import Verb
from explorer.i18n import ROOT


def run_app(chosen: argparse.Namespace) -> int:
    """Serves the app until it is stopped. What is not an option here is one of `streamlit run`."""
    for package in ("streamlit", "plotly", "loky", "threadpoolctl"):
        import_module(package)
    sys.argv = ["streamlit", "run", str(ROOT / "app.py"), *chosen.rest]
    run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


VERB = Verb(
    run_app, "start the app; takes the options of `streamlit run`, as --server.port 8600", (), passes_on=True
)
