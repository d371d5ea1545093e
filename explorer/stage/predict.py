"""The payload of a text foreseen: what may come after each step, how surprising the text is, a free run."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from explorer.figures.prediction import distance_figure, perplexity_figure, surprise_figure
from explorer.i18n import raised, section, t
from explorer.lab.learned import Token
from explorer.labels import label
from explorer.language.scoring import Foresight
from explorer.stage.payload import Numbers, figure_of, header_for, pack


def build_prediction(found: Foresight, lang: str) -> bytes:
    """Returns the payload of a text foreseen in a language.

    Arrays by shown step: p, nats and rank of the true next token, running the perplexity up to it,
    top_p, distance of the two runs' states; surprise is the nats of the step's own token. truth are the
    next tokens, None where the text ends. free is the run free of the text, column by column, and what
    is said of it.
    """
    numbers = Numbers()
    first, last = found.first, found.first + found.steps - 1
    nats = np.concatenate([[np.nan], found.score.nats, [np.nan]])  # by token, from 1
    running = np.append(found.score.running, np.nan)
    arrays = {
        "p": found.p,
        "nats": nats[first : last + 1],
        "surprise": nats[first - 1 : last],
        "running": running[first - 1 : last],
        "rank": found.rank,
        "distance": found.run.distance[first - 1 :],
        "top_p": found.top_p,
    }
    figures = (surprise_figure, perplexity_figure, distance_figure)
    tokens = [asdict(_token(found, step)) for step in range(first, min(last + 1, len(found.tokens)) + 1)]
    run = {
        "tokens": tokens[: found.steps],
        "truth": [*tokens[1:], *[None] * (found.steps - len(tokens) + 1)],
        "steps": found.steps,
        "units": 1,
        "arrays": {name: numbers.add(array) for name, array in arrays.items()},
        "top": [[label(found.vocabulary[k]) for k in row] for row in found.top.tolist()],
        "lines": [figure_of(figure(found, lang), numbers) for figure in figures],
    }
    header = header_for(
        "predict",
        lang,
        [run],
        strings=section("stage", lang) | section("predict", lang),
        firstStep=first,
        total=len(found.tokens),
        V=found.V,
        said=_of_the_whole(found, lang),
        free=_free(found, lang),
        badStep=found.bad_step,
    )
    return pack(header, numbers.parts)


def _token(found: Foresight, step: int) -> Token:
    """A step's token as shown: as the model read it, with the original."""
    at = step - 1
    return Token(label(found.read[at]), label(found.tokens[at]), found.score.known[at])


def _of_the_whole(found: Foresight, lang: str) -> str:
    """What the whole text comes to, in a sentence or two."""
    foreseen = len(found.score.nats)
    perplexity = readable(found.score.perplexity)
    said = t("predict.whole", lang, perplexity=perplexity, N=f"{foreseen:,}", V=f"{found.V:,}")
    unknown = len(found.tokens) - sum(found.score.known)
    return f"{said} {t('predict.unknowns', lang, n=f'{unknown:,}')}" if unknown else said


def readable(value: float) -> str:
    """Returns a perplexity as people read it: two decimals, or a power of ten where it is large."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞"
    return f"{value:,.2f}" if value < 1e6 else raised(f"{value:.2e}")


def _free(found: Foresight, lang: str) -> dict[str, Any]:
    """The run free of the text: where it starts and parts, its columns, and what is said of them."""
    run, columns = found.run, []
    for at in range(found.first - 1, len(run.tokens)):
        text = run.tokens[at]
        forced = None if at == 0 else run.forced[at - 1]
        free = run.free[at] if at < len(run.free) else None
        lost = at > 0 and not math.isfinite(found.score.nats[at - 1])
        columns.append(
            {
                "text": label(text),
                "forced": "NaN" if lost else label(forced or ""),
                "right": at == 0 or (forced == text and not lost),
                "free": "NaN" if free is None else label(free),
                "same": free == text,
                "own": at >= run.start,
            }
        )
    return {"start": run.start, "parts": run.parts, "columns": columns, "said": _of_the_run(found, lang)}


def _of_the_run(found: Foresight, lang: str) -> list[str]:
    run, shown = found.run, len(found.run.tokens)
    if run.start == shown:
        return [t("predict.nothing_free", lang, step=run.start)]
    said = [t("predict.from", lang, step=run.start)]
    if run.parts is None:
        said.append(t("predict.together", lang, step=len(run.free)))
    else:
        pairs = [*zip(run.tokens, run.free, strict=False)][run.parts :]
        text, free = (label(tokens[run.parts - 1]) for tokens in (run.tokens, run.free))
        said.append(t("predict.part", lang, step=run.parts, text=text, free=free))
        if pairs:
            apart = sum(one != other for one, other in pairs)
            said.append(t("predict.strays", lang, n=apart, total=len(pairs)))
    if len(run.free) < shown:
        said.append(t("predict.exploded", lang, step=len(run.free) + 1))
    return said
