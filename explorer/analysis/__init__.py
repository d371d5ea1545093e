"""What stands behind a gradient through time: spectra, the straight line, truncation, clipping, decay.

One layer along time, unbatched. Everything is float64; k is the source step, t the loss step.
"""

from explorer.analysis.common import half_life
from explorer.analysis.jacobian import Bound, Keep, Spectra, spectra
from explorer.analysis.pushing import Direction, Loss, Nudge, nudge, number_loss, push_sizes, token_loss
from explorer.analysis.sizes import Clipping, Decay, Saturation, clipping, decay, saturation
from explorer.analysis.windows import Cut, Truncation, loss_rows, truncation

__all__ = [
    "Bound", "Clipping", "Cut", "Decay", "Direction", "Keep", "Loss", "Nudge", "Saturation", "Spectra",
    "Truncation", "clipping", "decay", "half_life", "loss_rows", "nudge", "number_loss", "push_sizes",
    "saturation", "spectra", "token_loss", "truncation",
]  # fmt: skip
