"""Attention: at every step of the decoder all states of the encoder, by weights that add up to 1.

    attention = Attention("dot", hidden_size=32, outputs=24)
    a, context, logits = attention(h, e)      # h (T, B, H) of the decoder, e (S, B, H) of the encoder

The state of the decoder asks, those of the encoder answer: score, softmax, weighted mean, and the mean's own
part of the logits, beside what the decoder's readout makes of the state itself. Dot: Luong et al. 2015.
Not over sqrt(H) as in transformers: of states within (-1, 1) that left these weights nearly even. Additive:
Bahdanau et al. 2015.
"""

import torch
from torch import Tensor, nn

KINDS = ("dot", "additive")


class Attention(nn.Module):
    """The scores of a kind, and the readout of what they point at. Weights are uninitialised: see `start`."""

    def __init__(self, kind: str, hidden_size: int, outputs: int) -> None:
        super().__init__()
        if kind not in KINDS:
            raise ValueError(f"{kind} is no kind of attention")
        self.kind = kind
        H = hidden_size
        if kind == "additive":
            self.asked = nn.utils.skip_init(nn.Linear, H, H, bias=False)
            self.answered = nn.utils.skip_init(nn.Linear, H, H)
            self.score = nn.utils.skip_init(nn.Linear, H, 1, bias=False)
        self.readout = nn.utils.skip_init(nn.Linear, H, outputs, bias=False)

    def start(self, generator: torch.Generator) -> None:
        """Draws all weights from U(-1/sqrt(H), 1/sqrt(H)), as PyTorch's own layers do."""
        bound = self.readout.in_features**-0.5
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound, generator=generator)

    def scores(self, h: Tensor, e: Tensor) -> Tensor:
        """Returns the score (B, T, S) of every state of the encoder at every step of the decoder."""
        h, e = h.transpose(0, 1), e.transpose(0, 1)  # (B, T, H), (B, S, H)
        if self.kind == "dot":
            return h @ e.transpose(1, 2)
        return self.score(torch.tanh(self.asked(h)[:, :, None] + self.answered(e)[:, None])).squeeze(-1)

    def forward(self, h: Tensor, e: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns weights (B, T, S), context (T, B, H), and the context's part of the logits (T, B, V)."""
        a = self.scores(h, e).softmax(-1)
        context = (a @ e.transpose(0, 1)).transpose(0, 1)
        return a, context, self.readout(context)


def attended(readout: nn.Module, h: Tensor, attention: Attention | None, e: Tensor) -> Tensor:
    """Returns logits (T, B, V): what a readout makes of h, and what attention to e adds, if there is any."""
    logits: Tensor = readout(h)
    return logits if attention is None else logits + attention(h, e)[2]
