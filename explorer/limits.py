"""Every cap of the app, each with its reason. A number a teacher might ask about lives here."""

MAX_TEXT = 20_000
"""Characters of a sentence. A class of thirty may paste at once; 20,000 steps take well under a second."""

MAX_URL_TEXT = 1_500
"""Characters of text a link carries. Servers refuse lines of some 64 KB; Hangul takes 9 bytes each."""

WINDOW = 64
"""Steps on the stage at once. More columns are too thin to read from the back row."""

MAX_FLOW = 200
"""Steps whose gradients are shown at once: 200 x 201 norms are computed in a tenth of a second."""

MAX_GRADIENT_STEPS = 1_000
"""Steps whose gradients a file takes: the triangle of 1,000 losses takes a second or two, and 8 MB."""

MAX_HIDDEN = 64
"""Units of a layer on the stage. More rows are too thin to point at."""

MAX_LABEL = 24
"""Characters of a token that a plot draws. A label of 200,000 characters is drawn whole."""

MAX_TITLE = 80
"""Characters of a sentence in the title of an exported page: one or two lines, and a tab's label."""

EMBEDDING = 16
"""Size of the word vectors of a language model built here: enough for a few dozen words."""

MARKED_LENGTH = 20
"""Steps of the marked-numbers task: long enough to need a gate, learned in about a second."""

TOP = 6
"""Candidates listed as next token: they fit beside the drawing at projector size."""

FLOAT32_MAX = 3.4028234663852886e38
"""Largest finite float32. Past it the numbers of a PyTorch run by default are inf."""

MAX_CASES = 10_000
"""Random sequences of `verify` per cell: a few minutes. More find nothing that these do not."""
