"""Side-by-side timings against what a user would otherwise use. Run one: `python -m benchmarks.trace`.

One thread everywhere: with two on busy cores a small product of NumPy's waits for a core longer than
it computes, and a trace takes up to fifteen times as long. NumPy reads this when it is first imported.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
