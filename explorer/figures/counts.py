"""Shares and spreads as people read them: no share of few trials without its interval."""

import math

from explorer.exact import Spread, percents
from explorer.i18n import t


def counted(hits: int, trials: int, lang: str) -> str:
    """Returns `8 of 10 (44 to 97 %)`, the exact interval of 95 %."""
    low, high = percents(hits, trials)
    return t("count.of", lang, hits=hits, trials=trials, low=low, high=high)


def share(hits: int, trials: int, lang: str, mark: str = "") -> str:
    """Returns `14 % (9 to 20 %)`, the exact interval of 95 %; mark: what stands on either side of the share.

    Where the bounds have a decimal, the share has it too.
    """
    low, high = percents(hits, trials)
    decimals = any("." in bound for bound in (low, high))
    found = f"{mark}{100 * hits / trials:.{int(decimals)}f} %{mark}"
    return t("count.share", lang, share=found, low=low, high=high)


def spread_of(values: Spread, lang: str, form: str) -> str:
    """Returns a median with its band: `300 (250 to 325)`, or `300 (up to 325)` where that is all known."""
    said = {name: format(value, form) for name, value in values._asdict().items()}
    return t("count.up_to" if math.isnan(values.low) else "count.spread", lang, **said)
