"""A network out of a file of one's own, with the vocabulary or the sequence that comes along: any size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from explorer.experiment import OWN, Experiment
from explorer.formats.networks import Network, networks_in
from explorer.formats.numbers import read_numbers
from explorer.formats.opening import inspect_file
from explorer.formats.source import bytes_of
from explorer.formats.vocabulary import level_of, names_of, read_vocabulary
from explorer.i18n import Refused
from explorer.lab.learned import Learned
from explorer.lab.own import EXAMPLE_IDS, digest, fitting_text, own
from explorer.training.store import Bundle, is_kept, load_bundle


@dataclass(frozen=True, eq=False)
class Given:
    """A file's network and what it reads: names of its tokens and the level of a text, or numbers (T, D)."""

    file: Path
    network: Network
    names: tuple[str, ...] | None = None
    level: str = "word"
    numbers: np.ndarray | None = None

    def learned(self) -> Learned:
        return own(self.network, self.names, self.numbers)

    def text(self) -> str:
        """Returns a text to start from; none for a network of numbers."""
        if self.names is not None:
            return fitting_text(self.names, self.level)
        return first_ids(self.network.vocabulary_size)

    def experiment(self, experiment: Experiment) -> dict[str, str]:
        """Returns the fields of an experiment that has this network, with its own text where it has none."""
        model = experiment.model if experiment.own else OWN + digest(self.file.read_bytes())
        fields = {"weights": "model", "model": model, "cell": self.network.layers.cell}
        return fields | {"units": self.level, "text": experiment.text or self.text()}


def kept_fields(bundle: Bundle, experiment: Experiment) -> dict[str, str]:
    """Returns the fields of an experiment that has a network of this app, with a text that it knows."""
    run, names = bundle.experiment, bundle.model.vocabulary
    text = experiment.text or run.text or (fitting_text(names, run.token_level) if names else "")
    return {"weights": "model", "cell": run.cell, "units": run.token_level, "text": text}


def first_ids(count: int) -> str:
    """Returns a text of the first tokens of a vocabulary without names."""
    return " ".join(map(str, range(min(count, EXAMPLE_IDS))))


def given(
    file: Path | str, name: str | None = None, vocabulary: str | None = None, sequence: str | None = None
) -> Given:
    """Returns the network of a file, with what comes along. Raises Refused, Missing.

    name: which of its networks; without it the only one, or layers that stand on each other.
    """
    file = Path(file)
    network = _named(networks_in(inspect_file(file)), name)
    if vocabulary is not None:
        if not network.vocabulary_size:
            raise Refused("words_unread")
        names = names_of(read_vocabulary(bytes_of(vocabulary)), network.vocabulary_size)
        return Given(file, network, names, level_of(names))
    if sequence is None:
        return Given(file, network, *_kept_with(file))
    if network.vocabulary_size:
        raise Refused("numbers_unread")
    numbers = read_numbers(bytes_of(sequence), network.layers.input_size)
    return Given(file, network, numbers=numbers)


def _kept_with(file: Path) -> tuple[tuple[str, ...] | None, str]:
    """Returns the tokens and their level that a network of this app was kept with; none of any other."""
    if not is_kept(file):
        return None, "word"
    bundle = load_bundle(file, uploaded=False)
    return bundle.model.vocabulary, bundle.experiment.token_level


def _named(networks: Sequence[Network], name: str | None) -> Network:
    if not networks:
        raise Refused("no_layers")
    if name is not None:
        exact = [one for one in networks if one.layers.name == name]
        ending = [one for one in networks if one.layers.name.endswith((f".{name}", f"/{name}"))]
        if len(found := exact or ending) != 1:
            raise Refused("no_such_layer", names=_listed(networks))
        return found[0]
    first = networks[0]
    if len(networks) > 1 and len(networks) != 1 + len(first.below):
        raise Refused("which_layer", count=len(networks), names=_listed(networks))
    return first


def _listed(networks: Sequence[Network]) -> str:
    return ", ".join(one.layers.name or "top" for one in networks)
