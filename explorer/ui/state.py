"""What a session holds: the experiment, mirrored in widgets and in the address.

The address is read when a session opens or when it changes under us (Back, an edited link), and
written after every run. Every value is checked again here: widgets are guarded in the browser only.
"""

import re
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from explorer.course.lessons import LESSONS, lead, opened
from explorer.course.places import HOME
from explorer.course.showing import NAMES, Showing, panels_of, showing_of
from explorer.data.corpora import TAUGHT, sentences_of
from explorer.experiment import TABLE, TYPES, Experiment, choice, written
from explorer.i18n import LANGUAGES, choose, t
from explorer.lab.learned import UNSAID, opening, settled, text_of
from explorer.limits import MAX_TEXT, MAX_URL_TEXT
from explorer.text import clean
from explorer.ui import brought
from explorer.ui.acting import acting
from explorer.ui.models import READS_MUCH, beside, called, is_there, remember, token_level_of

STAGE_KEY = "stage"
LATE_SECONDS = 1.0
"""How long after we wrote the address a run may still come with the one before."""

LATE_VIEW_SECONDS = 0.3
"""The same for another view of a lecture: back and forth is one key each."""

ROOM = "room"
"""The parameter of an address that names the room of a class."""

_CODE = re.compile(r"[A-Z0-9]{2,8}", re.ASCII)
_PLACE = ("step", "unit")
_NO_WIDGET = (*_PLACE, "card", "panels")
_VIEWS = ("view", "arch")
"""Fields whose options stand side by side as the views of a page; each view has a card that leads."""

_SENTENCES = ("text", "donor")


def key(name: str) -> str:
    """Returns the widget key of a field."""
    return f"field_{name}"


def language() -> str:
    """Returns the session's language: chosen, else asked for by the address, else the browser's."""
    session = st.session_state
    if session.get("lang") not in LANGUAGES:
        asked = st.query_params.get("lang")
        session["lang"] = asked if asked in LANGUAGES else choose(st.context.locale)
    return session["lang"]


def room() -> str:
    """Returns the code of the room that this session is in, empty for none."""
    session = st.session_state
    if "room" not in session:
        enter_room(st.query_params.get(ROOM, ""))
    return session["room"]


def enter_room(code: str) -> None:
    """Brings the session into a room; whether there is one, its browser finds out."""
    st.session_state["room"] = code.upper() if _CODE.fullmatch(code.upper()) else ""


def following() -> bool:
    """Returns whether this session follows the view of a room's lecturer."""
    return bool(room()) and st.session_state.get("room_following", False)


def follow(page: str, query: Mapping[str, str]) -> None:
    """Takes up the view of a room in the next run. For use as a component's callback."""
    st.session_state["followed"] = (page, dict(query))


def followed_page(known: Collection[str]) -> str | None:
    """Returns the page of a view that is to be taken up; one that there is not is dropped."""
    page, _ = st.session_state.get("followed") or (None, {})
    if page not in known:
        st.session_state.pop("followed", None)
        return None
    return page


def _take_up(query: Mapping[str, str]) -> None:
    """Makes a room's view the session's."""
    experiment, _ = Experiment().with_changes(query)
    _install(settled(experiment, UNSAID))
    st.session_state["acted"] = True


def showing() -> Showing:
    """Returns how the app is shown: as a lecture, with guesses first, with parts hidden or locked."""
    return st.session_state.get("showing", Showing())


def show() -> dict[str, Any] | None:
    """Returns which panels the stage draws and whether large; None for all of them, at their own size."""
    session = st.session_state
    panels = panels_of(session["page"] or HOME, session["experiment"], showing().on)
    return {"panels": list(panels), "large": showing().on} if panels or showing().on else None


def theme() -> str:
    """Returns the page's theme, `light` or `dark`, for figures that the server draws."""
    return "dark" if st.context.theme.type == "dark" else "light"


def current(page: str) -> Experiment:
    """Returns the experiment of this run and writes it into the address."""
    session = st.session_state
    session["notices"] = []
    if left := session.pop("left", None):
        notice("left", name=left)
    if later := session.pop("later", None):  # what a file brought, set before any widget is drawn
        apply(later)
    if followed := session.pop("followed", None):
        _take_up(followed[1])
    _forget_undrawn()
    query = st.query_params.to_dict()
    before = session.get("experiment")
    if before is None:
        _adopt(query)
    else:
        session["experiment"] = _collected(before)
        acted = session.pop("acted", False) or session["experiment"] != before
        leaves = _turned(query) or _led(query, page)  # whoever turns the page leaves the rest
        if (leaves or not acted) and _navigated(query, page):
            _adopt(query)
            session["arrived"] = True
    if session.get("page") not in (None, page):
        _stand(session["experiment"])
    session["page"], session["lang_before"] = page, language()
    experiment = session["experiment"] = _with_card(_with_model(session["experiment"], before, page), page)
    session["stood"] = experiment
    if any(len(getattr(experiment, name)) > MAX_URL_TEXT for name, kind in TYPES.items() if kind is str):
        notice("link_short")
    return experiment


def _with_model(experiment: Experiment, before: Experiment | None, page: str) -> Experiment:
    """Where the stored model is not on this server, or has no such cell, says so and does without.

    A stored model reads tokens of its own kind. Where weights do not act, any cell may be looked at.
    """
    if experiment.weights != "model":
        return experiment
    if experiment.own and "weights" not in acting(page or HOME, experiment):
        cell = st.session_state[key("cell")] = experiment.usual_cell
        return replace(experiment, cell=cell)
    experiment = _with_own(experiment)
    if is_there(experiment):
        units = token_level_of(experiment)
        if units != experiment.token_level:
            same = before is not None and before.model == experiment.model and before.weights == "model"
            if same and not experiment.own:
                notice("model_units", units=t(f"option.units.{units}", language()))
            st.session_state[key("units")] = units
        return replace(experiment, units=units)
    gone = "own_model_gone" if experiment.own else "model_gone"
    notice(gone if experiment.model else "no_model")
    without = replace(experiment, weights="untrained").with_usual_cell()
    st.session_state[key("weights")], st.session_state[key("cell")] = without.weights, without.cell
    return without


def _with_own(experiment: Experiment) -> Experiment:
    """A network of a file has its cell; what it has not, is not asked of it."""
    found = brought.facts(experiment) or brought.facts(replace(experiment, stack=""))
    if found is None:
        return experiment
    stack = experiment.stack if experiment.stack == found.name else ""
    words, numbers = (
        name if brought.store().has(name) else "" for name in (experiment.words, experiment.numbers)
    )
    if (words, numbers) != (experiment.words, experiment.numbers):
        notice("own_gone")
    if not brought.reads(words, found):
        words = ""
    own: dict[str, Any] = {
        "cell": found.cell,
        "second": "",
        "stack": stack,
        "words": words,
        "numbers": numbers,
    }
    own["beside"] = experiment.beside if beside(replace(experiment, **own)) else ""
    if own["beside"] != experiment.beside:
        notice("beside_gone")
    missing = experiment.begin == "learned" or (experiment.begin == "cleared" and not found.starts)
    own |= {"begin": "zero" if missing else experiment.begin}
    own |= {"level": min(experiment.level, len(found.levels))}
    own |= {"way": experiment.way if found.ways > 1 else "forward"}
    for name, value in own.items():
        st.session_state[key(name)] = value
    return replace(experiment, **own)


def _with_card(experiment: Experiment, page: str) -> Experiment:
    """Opens a card that the page has: the named one, else the one that belongs to what is shown."""
    name = page or HOME
    if name not in LESSONS:
        return replace(experiment, card="")
    card = st.session_state[f"card_{name}"] = opened(name, experiment)
    return replace(experiment, card=card)


def take_lecture(text: str) -> None:
    """Makes a list of views the session's, without showing it. For use as a widget callback."""
    st.session_state["showing"] = replace(showing(), lecture=text, at=0)
    st.session_state["acted"] = True


def open_card(card: str) -> None:
    """Turns to a card of the page's lesson. For use as a widget callback."""
    st.session_state["experiment"] = replace(st.session_state["experiment"], card=card)
    st.session_state["acted"] = True


def elsewhere(experiment: Experiment, page: str) -> Experiment:
    """Returns the experiment as another page takes it up: at the card where the reader left that page."""
    card = st.session_state.get(f"card_{page or HOME}", "")
    return at_card(replace(experiment, card=card, panels=""), page)


def at_card(experiment: Experiment, page: str) -> Experiment:
    """Returns the experiment as an address of a page names it: with a card only if another would open there.

    A link and the page that it leads to write the same address, else Back would have a step too many.
    """
    name = page or HOME
    named = name in LESSONS and opened(name, experiment) != lead(name, experiment)
    return experiment if named else replace(experiment, card="")


def _navigated(query: Mapping[str, str], page: str) -> bool:
    """Returns whether the address changed under us: by Back, or by a link within the app.

    A run can start with an address that is older than our last writing; that is not a change.
    """
    session = st.session_state
    if query == session.get("query") or session.get("lang_before") != language():
        return False
    if session["page"] != page and not query:
        return False
    least = LATE_VIEW_SECONDS if _turned(query) else LATE_SECONDS
    late = time.monotonic() - session.get("query_at", 0.0) < least
    return not (late and query == session.get("query_before"))


def _turned(query: Mapping[str, str]) -> bool:
    """Returns whether the address is that of another view of the lecture, or leaves it."""
    return query.get("at") != showing().to_query().get("at")


def _led(query: Mapping[str, str], page: str) -> bool:
    """Returns whether a link turned the page to a place of its own, not to the session as it stood.

    Whoever follows two links in haste has widgets that show what was before the first: Streamlit takes that
    for a choice of the reader's.
    """
    session = st.session_state
    return session["page"] != page and query != address(elsewhere(session["stood"], page))


def _adopt(query: Mapping[str, str]) -> None:
    """Takes the experiment from the address; what cannot be taken is said, not hidden.

    An address that names anything shows the same in every language; one that names nothing opens on
    sentences in the reader's.
    """
    asked = {name: raw for name, raw in query.items() if name not in ("lang", ROOM, *NAMES)}
    if ROOM in query:
        enter_room(query[ROOM])
    st.session_state["showing"], unsaid = showing_of(query)
    for name in unsaid:
        notice("refused", name=t(f"showing.{name}", language()), raw=query[name][:80])
    plain = set(query) <= {"lang", ROOM}
    experiment, refused = (_opening(_asked_language(query)) if plain else Experiment()).with_changes(asked)
    for refusal in refused:
        known = refusal.name in TABLE
        label = t(f"field.{refusal.name}", language()) if known else refusal.name[:40]
        notice("refused" if known else "unknown_field", name=label, raw=refusal.raw[:80])
    if query.get("lang") in LANGUAGES:
        st.session_state["lang"] = query["lang"]
    elif "lang" in query:
        notice("refused", name=t("app.language", language()), raw=query["lang"][:80])
    _install(experiment if plain else settled(experiment, UNSAID))


def _opening(lang: str) -> Experiment:
    """What an address that names nothing opens on: the network that the server was started with, if any."""
    started = brought.started_with()
    return Experiment().with_changes(started.changes)[0] if started else opening(lang)


def _asked_language(query: Mapping[str, str]) -> str:
    return query["lang"] if query.get("lang") in LANGUAGES else language()


def _install(experiment: Experiment) -> None:
    """Makes an experiment the session's: in the record, in the widgets that there are, on the stage.

    A widget that is yet to come takes its value when it is drawn: Streamlit goes through the whole session
    for each widget that it draws.
    """
    session = st.session_state
    session["experiment"] = experiment
    _stand(experiment)
    for name in TABLE:
        if name not in _NO_WIDGET and key(name) in session:
            session[key(name)] = _shown(experiment, name)


def _stand(experiment: Experiment) -> None:
    """Wishes the stage to stand where the experiment does."""
    session = st.session_state
    session["wish"] = session.get("wish", 0) + 1
    session["standing"] = (experiment.step, experiment.unit)


def _shown(experiment: Experiment, name: str) -> Any:
    value = getattr(experiment, name)
    if name == "text":
        return text_of(experiment)
    if name == "donor":
        return value or sentences_of(experiment.weights)[1]
    return value


def seed_widget(name: str, experiment: Experiment) -> str:
    """Gives a field's widget its value if it has none, and returns its key; call before drawing it."""
    st.session_state.setdefault(key(name), _shown(experiment, name))
    st.session_state.setdefault("drawing", set()).add(name)
    return key(name)


def _forget_undrawn() -> None:
    """Leaves values to those fields that have a widget.

    Where a widget goes, Streamlit brings back what was set before it came: of an older experiment, it would
    pass for the reader's own choice.
    """
    session = st.session_state
    drawn = session.get("drawn", set()) | session.get("drawing", set())  # a run may have been cut short
    for name in TABLE:
        if name not in drawn:
            session.pop(key(name), None)


def apply(changes: Mapping[str, str]) -> None:
    """Sets fields from strings, as a lesson's button does; locked ones stay. For use as a widget callback."""
    free = {name: raw for name, raw in changes.items() if name not in showing().lock}
    before = st.session_state["experiment"]
    experiment, _ = before.with_changes(free)
    if before.own and not experiment.own:
        _leave(before)
    _install(experiment)
    st.session_state["acted"] = True


OF_STORED = ("weights", "model", "cell", "stack", "words", "numbers", "beside", "text", "level", "way")
"""Fields that stand as they did where a reader comes back to a stored network."""


def _leave(before: Experiment) -> None:
    """Keeps a network out of a file in the list as it stands, and says in the next run that it was left."""
    name = called(before.model) or t("own.of_link", language())
    remember(before.model, name, {field: written(getattr(before, field)) for field in OF_STORED})
    st.session_state["left"] = name


def choose_weights(changes: Mapping[str, str]) -> None:
    """Sets the fields of weights that were chosen in the list. For use in a widget callback."""
    apply(changes)
    st.session_state.pop("left", None)


def take_text(typed: str) -> None:
    """Makes what was typed the text, from its first step on; the next run says what is wrong with it."""
    apply({"step": "1"})
    st.session_state[seed_widget("text", st.session_state["experiment"])] = typed


def reset_group(*groups: str) -> None:
    """Sets all fields of some groups back to their defaults. For use as a widget callback."""
    default = opening(language())
    names = [name for name in TABLE if choice(name).group in groups]
    current_one = st.session_state["experiment"]
    _install(replace(current_one, **{name: getattr(default, name) for name in names}))
    st.session_state["acted"] = True


def _collected(before: Experiment) -> Experiment:
    session = st.session_state
    raw = {name: session[key(name)] for name in TABLE if key(name) in session and name not in _NO_WIDGET}
    changes = {name: written(v) for name, v in raw.items()}
    for name in _SENTENCES:
        if name in changes:
            changes[name] = _sentence(name, changes[name], before)
    place = _rest()
    experiment, refused = before.with_changes(changes | place)
    for refusal in refused:
        notice("refused", name=t(f"field.{refusal.name}", language()), raw=refusal.raw[:80])
    turned = any(getattr(experiment, name) != getattr(before, name) for name in _VIEWS)
    return replace(_lent(before, experiment), card="") if turned else experiment


def _lent(before: Experiment, experiment: Experiment) -> Experiment:
    """Lends the view `units` a network that has read enough, where the page's own has three sentences.

    Whoever leaves the view with it has their own again.
    """
    session = st.session_state
    own = session.get("lent_instead_of")
    if experiment.view == "units" and experiment.weights in TAUGHT and not experiment.text:
        session["lent_instead_of"] = {name: written(getattr(experiment, name)) for name in READS_MUCH}
        changes = READS_MUCH
    elif (
        own
        and before.view == "units"
        and all(written(getattr(before, n)) == v for n, v in READS_MUCH.items())
    ):
        changes = session.pop("lent_instead_of")
    else:
        return experiment
    experiment, _ = experiment.with_changes(changes)
    _install(experiment)
    return experiment


def _sentence(name: str, raw: str, before: Experiment) -> str:
    """Returns the field's value for what stands in its widget; an empty sentence means the example."""
    example = text_of(replace(before, text="")) if name == "text" else sentences_of(before.weights)[1]
    if len(raw) > MAX_TEXT:
        notice("cut", limit=f"{MAX_TEXT:,}")
    text = clean(raw[:MAX_TEXT])
    if not text:
        notice("empty")
        st.session_state[key(name)] = example
    return "" if text == example else text


def _rest() -> dict[str, str]:
    """Returns step and unit where the user rests on the stage, once for each rest."""
    session = st.session_state
    place = (session.get(STAGE_KEY) or {}).get("place")
    if not isinstance(place, Mapping) or place == session.get("rested"):
        return {}
    session["rested"] = dict(place)
    return {name: str(place[name]) for name in _PLACE if isinstance(place.get(name), int | float)}


def notice(sentence: str, **values: Any) -> None:
    """Adds a sentence for the user, from the locale's `notice` table."""
    st.session_state["notices"].append((sentence, values))


def address(experiment: Experiment, shown: Showing | None = None) -> dict[str, str]:
    """Returns the parameters of a link that reproduces the view, shown as it is here or otherwise."""
    return around(named(experiment, language()), shown)


def named(experiment: Experiment, lang: str) -> dict[str, str]:
    """Returns the parameters that a link to a view names, as a reader of a language is given it.

    It never names nothing: see `_adopt`. What the reader's language decides is said: see `settled`.
    """
    experiment = settled(experiment, lang)
    return experiment.to_query() or {"weights": experiment.weights}


def around(named: Mapping[str, str], shown: Showing | None = None) -> dict[str, str]:
    """Returns the parameters of a link with those that say how this session is shown, and where it is."""
    query = {**named, **(showing() if shown is None else shown).to_query()}
    if language() != choose(st.context.locale):
        query["lang"] = language()
    if room():
        query[ROOM] = room()
    return query


def finish(experiment: Experiment) -> None:
    """Writes the experiment into the address, so that a link reproduces the view."""
    session = st.session_state
    session["drawn"] = session.pop("drawing", set())
    query = address(at_card(experiment, session["page"]))
    # A link to the page it stands on leaves the browser's address as it was: it is told in any case.
    if session.pop("arrived", False) or query != st.query_params.to_dict():
        st.query_params.from_dict(query)
    if query != session.get("query"):
        session["query_before"] = session.get("query", query)
        session["query"], session["query_at"] = query, time.monotonic()
