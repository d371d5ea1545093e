"""Tokens per second that a shipped network says, against what a user would write in PyTorch.

    python -m benchmarks.generation

`generate` gives the distribution, its entropy and the state of every token. Peers give the text alone:
`stepped` calls nn.RNN, nn.LSTM or nn.GRU for one token at a time and keeps its state; `prefix` reads all
tokens so far again for each new one. tales_en, temperature 0.8, batch 1, one thread.
"""

import argparse
from collections.abc import Callable

import torch

from benchmarks.timing import medians
from explorer.commands.terminal import table_lines
from explorer.language.sampling import generate
from explorer.nn.model import RecurrentModel
from explorer.text import tokenise
from explorer.training.shipped import families, load

FAMILY = "tales_en"
PROMPT, TOKENS, TEMPERATURE = "The fox", 300, 0.8
REPEATS = 10
LEAST = 500
"""Tokens per second that are good enough."""


@torch.no_grad()
def stepped(model: RecurrentModel, prompt: list[int]) -> list[int]:
    """Says TOKENS tokens after a prompt, one call of the layers for each."""
    assert model.embedding is not None
    generator = torch.Generator().manual_seed(0)
    x, state, said = torch.tensor(prompt)[:, None], None, []
    for _ in range(TOKENS):
        h, state = model.rnn(model.embedding(x), state)
        said.append(_drawn(model.readout(h[-1, 0]), generator))
        x = torch.tensor([said[-1:]])
    return said


@torch.no_grad()
def prefix(model: RecurrentModel, prompt: list[int]) -> list[int]:
    """Says TOKENS tokens after a prompt, reading everything again for each."""
    generator = torch.Generator().manual_seed(0)
    said = list(prompt)
    for _ in range(TOKENS):
        said.append(_drawn(model(torch.tensor(said)[:, None])[-1, 0], generator))
    return said[len(prompt) :]


def _drawn(logits: torch.Tensor, generator: torch.Generator) -> int:
    p = torch.softmax(logits / TEMPERATURE, -1)
    return int(torch.multinomial(p, 1, generator=generator))


def measure(cell: str, repeats: int) -> dict[str, float]:
    """Returns tokens per second of each way."""
    model = load(FAMILY, cell).model
    prompt = tokenise(PROMPT, families()[FAMILY].token_level)
    ids = model.encode(prompt)
    ways: dict[str, Callable[[], object]] = {
        "generate": lambda: generate(model, prompt, TOKENS, temperature=TEMPERATURE),
        "stepped": lambda: stepped(model, ids),
        "prefix": lambda: prefix(model, ids),
    }
    return {way: TOKENS / seconds for way, seconds in medians(ways, repeats, warm_ups=1).items()}


def row(cell: str, speed: dict[str, float]) -> tuple[str, ...]:
    """Returns tokens per second, then how many times as fast as each peer, and whether that is enough."""
    times = (f"x{speed['generate'] / speed[peer]:.2f}" for peer in ("stepped", "prefix"))
    verdict = "met" if speed["generate"] > LEAST else "MISSED"
    return (cell, *(f"{value:,.0f}" for value in speed.values()), *times, verdict)


def main() -> None:
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=summary)
    parser.add_argument("--repeats", type=int, default=REPEATS, help=f"rounds (default {REPEATS})")
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    rows = [row(cell, measure(cell, repeats)) for cell in families()[FAMILY].cells]
    print(f"Tokens per second, medians of {repeats} rounds; {TOKENS} tokens after {PROMPT!r}, one thread.")
    head = ("cell", "generate", "stepped", "prefix", "generate / stepped", "/ prefix", f"> {LEAST}")
    print(*table_lines(head, rows, words=("cell",)), sep="\n")


if __name__ == "__main__":
    main()
