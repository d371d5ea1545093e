"""Networks that come with the app: small language models, trained by `python -m explorer ship`.

assets/models/models.toml says what each learned; the weights of each cell stand beside it in a file.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from explorer.experiment import Experiment
from explorer.i18n import ASSETS
from explorer.training.store import Bundle, load_bundle

MODELS = ASSETS / "models"


@dataclass(frozen=True)
class Family:
    """The same data learned by several cells: lang and token level of its text, a text to start from.

    looked_at: what its units are compared with, and by which state. experiments holds one training for each
    cell, in the order to show.
    """

    name: str
    lang: str
    token_level: str
    text: str
    looked_at: Mapping[str, str]
    experiments: Mapping[str, Experiment]

    @property
    def cells(self) -> tuple[str, ...]:
        return tuple(self.experiments)

    def path(self, cell: str) -> Path:
        """Returns where the weights of a cell are."""
        return MODELS / f"{self.name}.{cell}.safetensors"


@cache
def families() -> dict[str, Family]:
    """Returns all shipped networks by name, in the order to show."""
    with (MODELS / "models.toml").open("rb") as file:
        return {name: _family(name, entry) for name, entry in tomllib.load(file).items()}


_OF_FAMILY = ("cells", "lang", "sample", "looked_at")
"""Entries that are no field of an experiment."""


def _family(name: str, entry: Mapping[str, object]) -> Family:
    cells, looked_at = entry["cells"], entry["looked_at"]
    assert isinstance(cells, dict) and isinstance(looked_at, dict)
    shared = {key: str(value) for key, value in entry.items() if key not in _OF_FAMILY}
    experiments = {}
    for cell, own in cells.items():
        changes = shared | {"cell": cell} | {key: str(value) for key, value in own.items()}
        experiments[cell], refused = Experiment().with_changes(changes)
        if refused:
            raise ValueError(f"{name}: {refused}")
    return Family(name, str(entry["lang"]), shared["units"], str(entry["sample"]), looked_at, experiments)


def load(name: str, cell: str) -> Bundle:
    """Returns a shipped network. Raises KeyError for one that there is not."""
    family = families()[name]
    if cell not in family.cells:
        raise KeyError(cell)
    return load_bundle(family.path(cell))
