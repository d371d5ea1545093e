"""Files that visitors bring: read, kept, and made what the page shows. What is refused is said."""

from explorer.data.unusable import Unusable
from explorer.experiment import LAST_MOMENT, Experiment
from explorer.figures.signals import cell_name
from explorer.formats.apart import opened_apart
from explorer.formats.numbers import read_numbers
from explorer.formats.vocabulary import level_of, names_of, read_vocabulary
from explorer.i18n import t
from explorer.lab.files import first_ids
from explorer.lab.own import Facts, fitting_text
from explorer.limits import MAX_UPLOAD_MODEL, MAX_UPLOAD_NETWORK
from explorer.text import Refused
from explorer.training.store import is_kept, load_bundle
from explorer.ui import compute, models
from explorer.ui.board import jobs
from explorer.ui.brought import facts, store
from explorer.ui.visitors import of_session

_PLACE = {"step": "1", "unit": "1", "start": "1", "level": "1", "way": "forward", "stack": "", "numbers": ""}
_UNCHANGED = {
    "clamp": "",
    "zero": "0",
    "swap": "0",
    "carry": "",
    "second": "",
    "beside": "",
    "prompt": "",
    "forced": "",
}


def owner() -> str:
    """Returns who this visitor is, for its share of what is kept."""
    return of_session() or "nobody"


def take_network(raw: bytes, name: str, lang: str) -> dict[str, str]:
    """Keeps the network of a file, ours or anybody's, and returns the fields that show it. Raises Refused.

    name: what the file is called, for the list of this session alone.
    """
    if len(raw) > MAX_UPLOAD_NETWORK:
        size = -(-len(raw) * 10 // 2**20) / 10
        raise Refused("file_large", size=size, limit=MAX_UPLOAD_NETWORK // 2**20)
    if is_kept(raw) and len(raw) <= MAX_UPLOAD_MODEL:
        return _take_bundle(raw, lang)
    key = store().take_network(raw, opened_apart(raw), owner())
    return opened(key, name)


def opened(key: str, name: str) -> dict[str, str]:
    """Returns the fields that show a network which is kept, and puts it into this session's list."""
    changes = {"weights": "model", "model": key, "words": "", "text": "", **_PLACE, **_UNCHANGED}
    asked, _ = Experiment().with_changes(changes)
    found = facts(asked)
    assert found is not None
    changes["cell"] = found.cell
    changes["text"] = first_ids(found.vocabulary)
    models.remember(key, name, changes)
    models.call(key, name)
    return changes


def _take_bundle(raw: bytes, lang: str) -> dict[str, str]:
    """A network that this app kept: with its vocabulary, or the task whose numbers it reads."""
    bundle = load_bundle(raw)
    run = bundle.experiment
    try:
        data = compute.source_of(run)
        numbers = data.inputs == bundle.model.rnn.input_size and not data.vocabulary
    except Unusable:
        numbers = False
    if not bundle.model.vocabulary and not numbers:  # its task is none of this page's: it reads any numbers
        key = store().take_network(raw, opened_apart(raw), owner())
        return opened(key, t("own.of_bundle", lang))
    try:
        key = f"{jobs().adopt(bundle, raw, owner())}.0"
    except OSError as error:
        raise Refused("disk") from error
    own = {"cell": run.cell, "units": run.token_level, "moment": str(LAST_MOMENT), **_PLACE, **_UNCHANGED}
    label = models.label_of(cell_name(run.cell, lang), run.data, "loaded", lang)
    models.remember(key, label, own)
    return {"weights": "model", "model": key, "words": "", **own}


def take_words(raw: bytes, found: Facts, name: str = "") -> dict[str, str]:
    """Keeps a vocabulary, and returns the fields that read a text by it. Raises Refused."""
    tokens = read_vocabulary(raw)
    names = names_of(tokens, found.vocabulary)
    key = store().take_words(raw, tokens, owner())
    models.call(key, name)
    return {
        "words": key,
        "text": fitting_text(names, level_of(names)),
        "step": "1",
        "start": "1",
        **_UNCHANGED,
    }


def take_numbers(raw: bytes, found: Facts, name: str = "") -> dict[str, str]:
    """Keeps a sequence of numbers, and returns the fields that read it. Raises Refused."""
    numbers = read_numbers(raw, found.inputs)
    key = store().take_numbers(raw, numbers, owner())
    models.call(key, name)
    return {"numbers": key, "step": "1", "start": "1", **_UNCHANGED}
