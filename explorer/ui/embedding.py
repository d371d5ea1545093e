"""`?embed=1`: a figure alone, for slides and course pages. A page of its own: no session, no socket."""

import os
from dataclasses import dataclass
from functools import cache, lru_cache

import anyio
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from explorer.course.places import HOME
from explorer.experiment import Experiment
from explorer.i18n import LANGUAGES, choose
from explorer.lab.learned import UNSAID, Learned, opening, settled
from explorer.nn.threads import one_thread
from explorer.stage import export
from explorer.stage.views import BESIDE, VIEWS, Networks, NoStageError, Pair, title_of, view_key
from explorer.training.events import Event
from explorer.training.folder import events_in
from explorer.training.race import Race
from explorer.ui import board, compute
from explorer.ui.acting import acting
from explorer.ui.models import is_there

FRAMES = "EXPLORER_FRAMES"
"""Variable that names the sites that may show an embedded stage, beside this server itself."""

AT_ONCE = 2
"""Views that are carried out at once for pages elsewhere: the class in the app comes first."""


@dataclass(frozen=True)
class _OfServer(Networks):
    """The networks of this server, those that were trained or brought here too."""

    def learned(self, experiment: Experiment) -> Learned:
        return compute.learned(experiment.model_part())

    def beside(self, experiment: Experiment) -> Pair | None:
        return compute.beside(experiment)

    def there(self, experiment: Experiment) -> bool:
        return is_there(experiment)

    def events(self, race: Race) -> list[Event]:
        """Returns what this server knows of a race; nothing of one that nobody has started."""
        folder = board.jobs().folder(race.key)
        return [] if folder is None else events_in(folder)

    def trained_on(self, experiment: Experiment) -> Experiment | None:
        return compute.trained_on(experiment)


def ancestors() -> str:
    """Returns who may frame an embedded stage, as a content security policy writes it."""
    named = os.environ.get(FRAMES, "").replace(";", " ").replace(",", " ").split()
    return " ".join(["'self'", *named])


def is_embedded(path: str, query: bytes) -> bool:
    """Returns whether an address asks for the figure alone."""
    return b"embed=1" in query.split(b"&") and (path.strip("/") or HOME) in {
        key.split("/")[0] for key in VIEWS
    }


async def embedded(request: Request, folder: str) -> Response | None:
    """Returns the figure alone; None for a page without a view, or a view with nothing to show."""
    query = dict(request.query_params)
    lang = query.get("lang", "")
    if lang not in LANGUAGES:
        lang = choose(request.headers.get("accept-language", "").split(",")[0])
    asked = {name: raw for name, raw in query.items() if name not in BESIDE}
    experiment = settled(Experiment().with_changes(asked)[0], UNSAID) if asked else opening(lang)
    page = request.url.path.strip("/") or HOME
    if view_key(page, experiment) not in VIEWS:
        return None
    try:
        payload = await anyio.to_thread.run_sync(payload_of, page, experiment, lang, limiter=_limiter())
    except (NoStageError, KeyError):
        return None
    place = experiment.step, experiment.unit
    return HTMLResponse(export.framed(payload, title_of(page, experiment, lang), folder, *place))


@cache
def _limiter() -> anyio.CapacityLimiter:
    return anyio.CapacityLimiter(AT_ONCE)


def payload_of(page: str, experiment: Experiment, lang: str) -> bytes:
    """Returns the payload of a view, with the networks of this server. Raises NoStageError, KeyError."""
    if page in ("train", "clinic"):  # as far as its race has come
        return _drawn(page, experiment, lang)
    if "weights" not in acting(page, experiment):
        return _built(page, experiment, lang, 0)
    if not is_there(experiment):
        raise NoStageError(experiment.model)
    return _built(page, experiment, lang, compute.kept_so_far(experiment))


@lru_cache(maxsize=32)
def _built(page: str, experiment: Experiment, lang: str, kept: int) -> bytes:
    return _drawn(page, experiment, lang)


def _drawn(page: str, experiment: Experiment, lang: str) -> bytes:
    with one_thread():  # in whichever thread of the server
        return VIEWS[view_key(page, experiment)](experiment, lang, _OfServer())
