"""The stage: stepping through a run in the browser. Payload here, plain ES modules by page in js/."""

import hashlib
from functools import cache
from pathlib import Path

import plotly

from explorer.stage import library

MODULES = Path(__file__).parent / "js"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def files() -> dict[str, Path]:
    """Returns the modules and their style sheets by their path below js/."""
    there = (path for path in MODULES.rglob("*") if path.suffix in (".js", ".css"))
    return {path.relative_to(MODULES).as_posix(): path for path in sorted(there)}


@cache
def version() -> str:
    """Returns a name for the modules' content, so that browsers may keep them for ever."""
    digest = hashlib.sha1(plotly.__version__.encode() + Path(library.__file__).read_bytes())
    for name, path in files().items():
        digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
