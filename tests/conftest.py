"""One thread: the sizes here are too small to share, and the same bits must come out every time."""

import torch

torch.set_num_threads(1)
