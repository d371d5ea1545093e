"""The stage: stepping through a run in the browser. Payload here, plain ES modules in js/."""

import hashlib
from functools import cache
from pathlib import Path

import plotly

MODULES = Path(__file__).parent / "js"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


@cache
def version() -> str:
    """Returns a name for the modules' content, so that browsers may keep them for ever."""
    digest = hashlib.sha1(plotly.__version__.encode())
    for path in sorted(MODULES.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
