"""Plotly.js of the installed package, made ready so that a page has it soonest.

Its two largest costs before the first chart: all of it is read twice, the second time while the page waits,
and more than forty kinds of trace are made ready where a page draws three.
"""

import re

FIRST = ("bar", "heatmap")
"""Kinds of trace that are there at once, besides `scatter`; the rest once `Plotly.rest()` is called."""

_HEAD = '} (typeof self !== "undefined" ? self : this, () => {\n'
_TAIL = "return Plotly;\n}));"

_KINDS = re.compile(r"\.register\(\[((?:\w+\(\),)+\w+\(\))\]\);(?=\w+\.exports=(\w+)\b)")
"""The list of all kinds, each made by its own function, and whose list it is."""

_MAKER = re.compile(r'\b(\w+)=\w+\(\(\w+,\w+\)=>\{"use strict";\w+$')
"""Where the function begins that makes what stands next."""

_NEAR = 4000
"""Characters between the beginning of such a function and the name of its kind, at most."""


def quick(source: str) -> str:
    """Returns Plotly.js that is read once, and makes a kind of trace ready when it is needed.

    A function in brackets is read as a whole while it is fetched, aside of the page; one without is passed
    over and read again when it is called. What is not built as expected is left as it is.
    """
    return _first_kinds(_in_brackets(source))


def _in_brackets(source: str) -> str:
    before, head, body = source.partition(_HEAD)
    body, tail, after = body.rpartition(_TAIL)
    if not head or not tail:
        return source
    return f"{before}{head.replace('() =>', '(() =>')}{body}{tail.replace('}', '})')}{after}"


def _first_kinds(source: str) -> str:
    found = list(_KINDS.finditer(source))
    kinds = found[-1][1].split(",") if found else []
    first = [f"{_maker_of(source, kind)}()" for kind in FIRST]
    if not set(first) < set(kinds):
        return source
    rest, core = [made for made in kinds if made not in first], found[-1][2]
    split = f".register([{','.join(first)}]);{core}.rest=()=>{core}.register([{','.join(rest)}]);"
    return source[: found[-1].start()] + split + source[found[-1].end() :]


def _maker_of(source: str, kind: str) -> str:
    """Returns the function that makes a kind of trace, as the list of kinds names it; nothing if unclear."""
    named = source.find(f'moduleType:"trace",name:"{kind}",')
    inner = _maker(source, source.rfind(".exports={", named - _NEAR, named))
    return _maker(source, source.find(f".exports={inner}()}})"))


def _maker(source: str, at: int) -> str:
    found = _MAKER.search(source[max(0, at - 100) : max(0, at)])
    return found[1] if found else ""
