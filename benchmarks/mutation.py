"""Breaks the house in named places, one at a time, and prints where no test noticed.

    python -m benchmarks.mutation                  # all of them (some minutes)
    python -m benchmarks.mutation --only law       # those whose name holds a word
    python -m benchmarks.mutation --verify         # the numerical ones, each noticed by `verify` alone
    python -m benchmarks.mutation --sound          # the same tests on the house as it is: all must pass

The files under git are copied to a temporary folder and broken there. Exits with 1 if a mutation survived
or could not be made.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.guards import GUARDS
from explorer.commands.terminal import table_lines

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Mutation:
    """What is broken: text that stands once in a file, what it becomes, and the tests that must notice."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def numerical(self) -> bool:
        """Whether it changes a number that a page draws: then `verify` alone must notice."""
        return self.file.startswith(NUMERICAL) and self.name not in WORDS

    def problem(self, root: Path = ROOT) -> str:
        """Returns why the mutation cannot be made, empty where it can."""
        path = root / self.file
        if not path.exists():
            return f"{self.file} is gone"
        found = path.read_text(encoding="utf-8").count(self.old)
        return "" if found == 1 else f"its text stands {found} times in {self.file}, not once"


HEAD = ("mutation", "file", "outcome")

NUMERICAL = (
    "explorer/cells/",
    "explorer/nn/",
    "explorer/gradients/",
    "explorer/dynamics/",
    "explorer/language/",
    "explorer/lab/",
    "explorer/data/tasks.py",
    "explorer/training/learner.py",
    "explorer/architectures/cost.py",
    "explorer/architectures/mappings/attention.py",
    "explorer/architectures/feedforward.py",
    "explorer/experiment.py",
)
"""Where numbers are made."""

WORDS = (
    "output gate in the reset hue",
    "update gate in the writing hue",
    "vanished at a thousandth",  # when a word is said of a number
    "the end of a range refused",
    "the cue a step early",  # another task, as well answered
)
"""What is broken there without a number on a page being wrong."""

_FORGET, _INPUT = "\ub9dd\uac01 \uac8c\uc774\ud2b8", "\uc785\ub825 \uac8c\uc774\ud2b8"
"""The forget gate and the input gate in Korean."""

MUTATIONS = (
    # Gradients and laws
    Mutation(
        "law of half the biases", "explorer/gradients/laws.py",
        "spec.key, weights, np.zeros",
        "spec.key, weights.map(lambda a: a / (3 - a.ndim)), np.zeros",
        "tests/lab/test_flow.py",
    ),
    Mutation(
        "law of the smallest singular value", "explorer/gradients/laws.py",
        "np.linalg.svdvals(w_hh)[0]", "np.linalg.svdvals(w_hh)[-1]",
        "tests/lab/test_flow.py",
    ),
    Mutation(
        "squared error without its 2", "explorer/lab/flow.py",
        "dL_dh[-1] = 2.0 * error * run.readout[0]", "dL_dh[-1] = error * run.readout[0]",
        "tests/lab/test_flow.py",
    ),
    Mutation(
        "vanished at a thousandth", "explorer/gradients/bptt.py",
        "VANISHED = 1e-6", "VANISHED = 1e-3",
        "tests/gradients/test_bptt.py -k vanish",
    ),
    Mutation(
        "clipping that scales up", "explorer/gradients/sizes.py",
        "factor = min(1.0, threshold / (norm + 1e-6))", "factor = threshold / (norm + 1e-6)",
        "tests/gradients",
    ),
    Mutation(
        "far steps by another half", "explorer/gradients/sizes.py",
        "scaled[: len(scaled) // 2].sum()", "scaled[len(scaled) // 2 :].sum()",
        "tests/gradients",
    ),
    Mutation(
        "growth told as decay", "explorer/gradients/sizes.py",
        '"decay_halves" if factor < 1.0', '"decay_halves" if factor > 1.0',
        "tests/gradients",
    ),
    Mutation(
        "half-life to a third", "explorer/gradients/common.py",
        "np.log(0.5) / np.log(factor)", "np.log(1 / 3) / np.log(factor)",
        "tests/gradients",
    ),
    Mutation(
        "truncation without its own step", "explorer/gradients/windows.py",
        "frozen((k <= t) & (t <= end))", "frozen((k < t) & (t <= end))",
        "tests/gradients",
    ),
    # Numbers that `verify` alone must notice
    Mutation(
        "the direct path doubled", "explorer/gradients/bptt.py",
        "path[k] += path[k + 1] * gate[k]", "path[k] += 2.0 * path[k + 1] * gate[k]",
        "tests/gradients/test_bptt.py -k direct_path",
    ),
    Mutation(
        "the direct path by way of a peephole", "explorer/gradients/bptt.py",
        'return flow.local[f"h/{memory}"] - through', 'return flow.local[f"h/{memory}"]',
        "tests/gradients/test_bptt.py -k direct_path",
    ),
    Mutation(
        "a share without its reset factor", "explorer/cells/compile.py",
        """f"rec_{block} = pre_{block} * d['{block}/U']\"""", 'f"rec_{block} = pre_{block}"',
        "tests/gradients/test_bptt.py",
    ),
    Mutation(
        "a share without what its matrix meets", "explorer/cells/spec.py",
        "return {s: a * self.gated[s] if s in self.gated else a", "return {s: a",
        "tests/gradients/test_bptt.py",
    ),
    Mutation(
        "a step's part of dL/dW_hh without its source", "explorer/gradients/bptt.py",
        "lengths(self.rec[:, w.state_rows(s)]) * lengths(self.source[s]) for",
        "lengths(self.rec[:, w.state_rows(s)]) for",
        "tests/gradients/test_bptt.py",
    ),
    Mutation(
        "a step's part of dL/dW_ih without its input", "explorer/gradients/bptt.py",
        "lengths(self.pre) * lengths(self.layer.x.astype(np.float64, copy=False))", "lengths(self.pre)",
        "tests/gradients/test_bptt.py",
    ),
    Mutation(
        "a reversed layer read forwards", "explorer/nn/running.py",
        "ordered = x[::-1] if reverse else x", "ordered = x",
        "tests/nn/test_tracing.py",
    ),
    Mutation(
        "a padded sequence read from the batch's end", "explorer/nn/running.py",
        "lengths - 1 - steps) if reverse", "T - 1 - steps) if reverse",
        "tests/nn/test_networks.py",
    ),
    Mutation(
        "a clamp a step late", "explorer/nn/interventions.py",
        "isinstance(c, Clamp) and _holds(c, step)", "isinstance(c, Clamp) and _holds(c, step - 1)",
        "tests/nn/test_interventions.py",
    ),
    Mutation(
        "a silenced unit a step late", "explorer/nn/interventions.py",
        "isinstance(c, ZeroUnit) and _holds(c, step)", "isinstance(c, ZeroUnit) and _holds(c, step - 1)",
        "tests/nn/test_interventions.py",
    ),
    Mutation(
        "a transplant a step late", "explorer/nn/interventions.py",
        "change.after == step", "change.after + 1 == step",
        "tests/nn/test_interventions.py",
    ),
    Mutation(
        "a word replaced beside its place", "explorer/lab/walk.py",
        "else experiment.swap - 1\n    if given.is_text", "else experiment.swap % 2\n    if given.is_text",
        "tests/lab/test_walk_changes.py",
    ),
    Mutation(
        "the keep bias's sign", "explorer/nn/initialise.py",
        "torch.full_like(drawn, keep_bias)", "torch.full_like(drawn, -keep_bias)",
        "tests/nn/test_initialise.py",
    ),
    Mutation(
        "orthogonal without its gain", "explorer/nn/initialise.py",
        "nn.init.orthogonal_(block, gain,", "nn.init.orthogonal_(block, 1.0,",
        "tests/nn/test_initialise.py",
    ),
    Mutation(
        "the identity without its gain", "explorer/nn/initialise.py",
        "block.copy_(gain * torch.eye", "block.copy_(torch.eye",
        "tests/nn/test_initialise.py",
    ),
    Mutation(
        "lecture notation that flips no gate", "explorer/nn/records.py",
        "gate={s: 1.0 - a if s in spec.flips else a for", "gate={s: a for",
        "tests/checks/test_run.py -k changes",
    ),
    Mutation(
        "windows of held-out time that are learned from", "explorer/data/series.py",
        "else (0, self.cut)", "else (0, len(self.values))",
        "tests/data/test_series.py",
    ),
    Mutation(
        "a start that is not where the text ended", "explorer/lab/starts.py",
        "a[-1].copy()", "a[-2].copy()",
        "tests/lab/test_starts.py",
    ),
    Mutation(
        "a clamp that is never let go", "explorer/nn/interventions.py",
        "(change.end is None or step <= change.end)", "True",
        "tests/nn/test_interventions.py",
    ),
    Mutation(
        "a clamp that is not read in its notation", "explorer/experiment.py",
        "1.0 - value if experiment.clamp in flips", "value if experiment.clamp in flips",
        "tests/test_experiment.py tests/lab tests/stage/test_notation.py",
    ),
    Mutation(
        "a product of Jacobians that loses its size", "explorer/gradients/jacobian.py",
        "exponent += float(np.log10(D[0]))", "exponent += 0.0",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "eigenvalues of a matrix taken as symmetric", "explorer/gradients/jacobian.py",
        "np.linalg.eigvals(matrix)", "np.linalg.eigvalsh(matrix)",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "a law of the mean gate, not of its logarithm", "explorer/gradients/laws.py",
        "np.exp(np.log(gate.astype(np.float64)).mean(0))", "gate.astype(np.float64).mean(0)",
        "tests/gradients",
    ),
    Mutation(
        "the law a step further than the loss", "explorer/lab/flow.py",
        "start * factor ** distance[:, None]", "start * factor ** (distance[:, None] + 1.0)",
        "tests/lab/test_flow.py",
    ),
    Mutation(
        "a chain without its root of H", "explorer/lab/flow.py",
        "reshape(len(matrices), -1)) / np.sqrt(matrices.shape[-1])", "reshape(len(matrices), -1))",
        "tests/lab/test_flow.py",
    ),
    Mutation(
        "the embedding's gradient without the scale of x", "explorer/lab/flow.py",
        "np.add.at(by_token, ids, scale * np.asarray(first))",
        "np.add.at(by_token, ids, np.asarray(first))",
        "tests/checks/test_run.py -k losses",
    ),
    Mutation(
        "chunks that do not end", "explorer/gradients/windows.py",
        "return np.minimum((np.arange(T) // w + 1) * w, T) - 1", "return np.full(T, T - 1)",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "a sliding window a step too long", "explorer/gradients/windows.py",
        "np.minimum(np.arange(T) + w, T) - 1", "np.minimum(np.arange(T) + w + 1, T) - 1",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "a push that is made twice", "explorer/gradients/pushing.py",
        "return value + push if symbol == state else value",
        "return value + 2.0 * push if symbol == state else value",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "a tanh saturated one way only", "explorer/gradients/sizes.py",
        "(np.abs(layer.signal(s)) > SATURATED)", "(layer.signal(s) > SATURATED)",
        "tests/gradients/test_analysis.py",
    ),
    Mutation(
        "the first layer's states for every layer", "explorer/nn/running.py",
        "yield tuple(array[k] for array in arrays)", "yield tuple(array[0] for array in arrays)",
        "tests/nn/test_tracing.py",
    ),
    Mutation(
        "a correlation about 0", "explorer/language/correlation.py",
        "moved = moved - moved.mean(0)", "moved = moved + 0.0",
        "tests/language/test_correlation.py",
    ),
    Mutation(
        "units held at 0 whatever is asked", "explorer/language/ablation.py",
        "value[copy, :, copy] = hold[symbol]", "value[copy, :, copy] = 0.0 * hold[symbol]",
        "tests/language/test_ablation.py",
    ),
    Mutation(
        "a gate open from a tenth on", "explorer/language/units.py",
        "return (gate > OPEN).mean(0)", "return (gate > SHUT).mean(0)",
        "tests/language/test_units.py",
    ),
    Mutation(
        "a probe without its intercept", "explorer/language/probing.py",
        "np.tensordot((asked - mean) / scale, weights, 1) + share",
        "np.tensordot((asked - mean) / scale, weights, 1)",
        "tests/checks/test_run.py -k probes",
    ),
    Mutation(
        "a rank from 0", "explorer/language/scoring.py",
        "rank[: len(true)] = 1 + (", "rank[: len(true)] = 0 + (",
        "tests/language/test_scoring.py",
    ),
    Mutation(
        "a running perplexity one token behind", "explorer/language/scoring.py",
        "nats.cumsum() / np.arange(1, len(nats) + 1)", "nats.cumsum() / np.arange(2, len(nats) + 2)",
        "tests/language/test_scoring.py",
    ),
    Mutation(
        "an entropy in bits", "explorer/language/sampling.py",
        "-(some * np.log(some)).sum()", "-(some * np.log2(some)).sum()",
        "tests/language/test_sampling.py",
    ),
    Mutation(
        "top-k one token more", "explorer/language/sampling.py",
        "p[order[top_k:]] = 0.0", "p[order[top_k + 1 :]] = 0.0",
        "tests/language/test_sampling.py",
    ),
    Mutation(
        "a fixed point's half-life to a third", "explorer/dynamics/points.py",
        "np.log(2.0) / np.abs(np.log(np.abs(self.eigenvalues)))",
        "np.log(3.0) / np.abs(np.log(np.abs(self.eigenvalues)))",
        "tests/dynamics/test_points.py",
    ),
    Mutation(
        "a point's stability by its real part", "explorer/dynamics/points.py",
        "return (np.abs(self.eigenvalues) > 1.0).sum(-1)", "return (self.eigenvalues.real > 1.0).sum(-1)",
        "tests/dynamics/test_points.py",
    ),
    Mutation(
        "exponents in bits", "explorer/dynamics/exponents.py",
        "np.log(np.abs(np.diagonal(R)))", "np.log2(np.abs(np.diagonal(R)))",
        "tests/dynamics/test_exponents.py",
    ),
    Mutation(
        "shares of length, not of variance", "explorer/dynamics/landscape.py",
        "variance = sizes**2", "variance = sizes",
        "tests/dynamics",
    ),
    Mutation(
        "a window that does not cut the gradient", "explorer/training/learner.py",
        "if not window or window >= len(batch.x):", "if len(batch.x):",
        "tests/training/test_run.py",
    ),
    Mutation(
        "a step taken before it is clipped", "explorer/training/learner.py",
        'self.experiment.max_norm or float("inf")', 'float("inf")',
        "tests/training/test_run.py",
    ),
    Mutation(
        "a bit that takes every step for its pulse", "explorer/data/tasks.py",
        "torch.where(comes, steps, 0).cummax(0).values", "steps",
        "tests/data/test_tasks.py tests/dynamics/test_cube.py",
    ),
    Mutation(
        "a memory kept by another gate", "explorer/cells/lstm.py",
        "c_t += f_t * c_prev", "c_t += f_t * c_t",
        "tests/nn/test_tracing.py",
    ),
    # Cells and networks
    Mutation(
        "output gate in the reset hue", "explorer/cells/lstm.py",
        'Signal("o", "gate", "sigmoid", "show")', 'Signal("o", "gate", "sigmoid", "reset")',
        "tests/cells/test_cells.py -k hue",
    ),
    Mutation(
        "update gate in the writing hue", "explorer/cells/gru.py",
        'Signal("z", "gate", "sigmoid", "keep")', 'Signal("z", "gate", "sigmoid", "write")',
        "tests/cells/test_cells.py -k hue",
    ),
    Mutation(
        "chrono opens what writes", "explorer/nn/initialise.py",
        "{spec.write: -keep}", "{spec.write: keep}",
        "tests/nn/test_initialise.py",
    ),
    Mutation(
        "keep bias counted twice", "explorer/nn/initialise.py",
        "spec.recurrent_blocks, block)[:] = 0.0", "spec.recurrent_blocks, block)[:] = value",
        "tests/nn/test_initialise.py",
    ),
    # Figures
    Mutation(
        "x title of the saturation chart", "explorer/figures/units.py",
        't("units.shut", lang), "standoff"', 't("units.open", lang), "standoff"',
        "tests/figures/test_units.py",
    ),
    Mutation(
        "gates on a signed scale", "explorer/figures/scales.py",
        "(0.0, 1.0) if s in gates", "(-1.0, 1.0) if s in gates",
        "tests/figures tests/stage tests/lab",
    ),
    Mutation(
        "open and shut swapped", "explorer/figures/signals.py",
        "open_share = (gate > OPEN).mean(-1)", "open_share = (gate < OPEN).mean(-1)",
        "tests/figures tests/stage tests/lab",
    ),
    Mutation(
        "numbers rounded, not cut off", "explorer/figures/states.py",
        "np.trunc(value * 10**digits)", "np.round(value * 10**digits)",
        "tests/architectures/test_states.py",
    ),
    Mutation(
        "h_n of the backward direction at the last step", "explorer/figures/shapes.py",
        "at = self.end if way == 0 else 0", "at = self.end",
        "tests/architectures/test_shapes.py",
    ),
    # The page's words
    Mutation(
        "input and forget gate swapped in Korean", "assets/locale/ko.toml",
        f'f = "{_FORGET}"\ni = "{_INPUT}"', f'f = "{_INPUT}"\ni = "{_FORGET}"',
        "tests/test_i18n.py",
    ),
    Mutation(
        "a number of a card in one language", "assets/lessons/en/gradients.md",
        "column 1 has norm 0.61, not 0.79.", "column 1 has norm 0.62, not 0.79.",
        "tests/course/test_lessons.py -k numbers",
    ),
    Mutation(
        "two columns of the other seeds swapped", "explorer/ui/train/running.py",
        'spread_of(known.steps[name], lang, ",.0f")', 'spread_of(known.seconds[name], lang, ",.0f")',
        "tests/ui/test_race.py",
    ),
    # Payload
    Mutation(
        "an explosion named a step late", "explorer/stage/payload.py",
        "bad + run.trace.first_step - 1", "bad + run.trace.first_step",
        "tests/stage tests/lab",
    ),
    Mutation(
        "weights left out of the payload", "explorer/stage/payload.py",
        "    arrays |= layer.weights.arrays()\n", "",
        "tests/stage tests/lab",
    ),
    # Training
    Mutation(
        "moments at other steps", "explorer/training/trainer.py",
        "if step & (step - 1) == 0:", "if step % 3 == 0:",
        "tests/training/test_trainer.py",
    ),
    Mutation(
        "the first word never asked for", "explorer/training/trainer.py",
        "known = targets >= 0", "known = targets > 0",
        "tests/training/test_trainer.py",
    ),
    Mutation(
        "a verdict in the order of the racers", "explorer/training/results.py",
        "key=lambda r: r.step)", "key=lambda r: -r.step)",
        "tests/training/test_results.py",
    ),
    Mutation(
        "an error above chance is progress", "explorer/training/results.py",
        "return metric >= left if kind", "return metric <= left if kind",
        "tests/training/test_results.py",
    ),
    Mutation(
        "a mean in place of the median", "explorer/exact.py",
        "return np.median(rows, 0), low, high", "return np.mean(rows, 0), low, high",
        "tests/training/test_bands.py tests/test_exact.py",
    ),
    # Data
    Mutation(
        "XY and YX swapped", "explorer/data/tasks.py",
        "2 * which[0] + which[1]", "which[0] + 2 * which[1]",
        "tests/data/test_tasks.py",
    ),
    Mutation(
        "the cue a step early", "explorer/data/tasks.py",
        "ids[COPIED + length - 1] = 5", "ids[COPIED + length - 2] = 5",
        "tests/data/test_tasks.py",
    ),
    Mutation(
        "compatibility jamo made others", "explorer/text.py",
        'text = unicodedata.normalize("NFC", text)', 'text = unicodedata.normalize("NFKC", text)',
        "tests/test_text.py",
    ),
    Mutation(
        "labels unescaped in Plotly", "explorer/labels.py",
        "html.escape(label(token), quote=False)", "label(token)",
        "tests/test_text.py tests/hostile/test_text.py",
    ),
    Mutation(
        "the end of a range refused", "explorer/experiment.py",
        "if not entry.low <= value <= entry.high:", "if not entry.low <= value < entry.high:",
        "tests/test_experiment.py",
    ),
    # Language models and statistics
    Mutation(
        "temperature the wrong way", "explorer/nn/softmax.py",
        "_below_zero(logits) / temperature", "_below_zero(logits) * temperature",
        "tests/language/test_sampling.py",
    ),
    Mutation(
        "top-p a token short", "explorer/language/sampling.py",
        "p[order].cumsum(), top_p)) + 1", "p[order].cumsum(), top_p)) or 1",
        "tests/language/test_sampling.py",
    ),
    Mutation(
        "half-life of the mean gate", "explorer/language/units.py",
        "np.log(gate).mean(0)", "np.log(gate.mean(0))",
        "tests/language/test_units.py",
    ),
    Mutation(
        "chance at the median", "explorer/language/correlation.py",
        "np.quantile(best, 0.95)", "np.quantile(best, 0.5)",
        "tests/language/test_correlation.py",
    ),
    Mutation(
        "the worst penalty", "explorer/language/probing.py",
        "penalties[np.argmin(errors, 0)]", "penalties[np.argmax(errors, 0)]",
        "tests/language/test_probing.py",
    ),
    # Experiments
    Mutation(
        "an interval of one side", "explorer/exact.py",
        "tail = (1 - level) / 2", "tail = 1 - level",
        "tests/test_exact.py",
    ),
    Mutation(
        "a band one seed too narrow", "explorer/exact.py",
        "ordered[-k]", "ordered[-k - 1]",
        "tests/test_exact.py",
    ),
    Mutation(
        "a test that halves its chance", "explorer/exact.py",
        "for n in ways if n <= ways[least]", "for n in ways[least:]",
        "tests/test_exact.py",
    ),
    Mutation(
        "sentences of the third set learned", "explorer/data/sources.py",
        "held_out | others, stream(", "held_out, stream(",
        "tests/data/test_sources.py -k third",
    ),
    Mutation(
        "the guesser chosen by its loss", "explorer/architectures/amount.py",
        "exact.see((accuracy, -loss), learner)", "exact.see((-loss, accuracy), learner)",
        "tests/architectures/test_amount.py -k right_words",
    ),
    Mutation(
        "a stored result that says otherwise", "assets/results/temporal_50.json",
        '"rnn": {"passed": [0, ', '"rnn": {"passed": [9, ',
        "tests/course/test_claims.py",
    ),
    # Architectures
    Mutation(
        "attention that adds up to 1 over the asking steps", "explorer/architectures/mappings/attention.py",
        "self.scores(h, e).softmax(-1)", "self.scores(h, e).softmax(-2)",
        "tests/architectures/test_attention.py",
    ),
    Mutation(
        "attention of half the question", "explorer/architectures/mappings/attention.py",
        "torch.tanh(self.asked(h)[", "torch.tanh(0.5 * self.asked(h)[",
        "tests/architectures/test_attention.py",
    ),
    Mutation(
        "a window's best too high", "explorer/architectures/feedforward.py",
        "return 1.0 - 0.5 * math.comb", "return 1.0 - 0.25 * math.comb",
        "tests/architectures/test_feedforward.py -k pairs",
    ),
    Mutation(
        "multiplications of another matrix", "explorer/architectures/cost.py",
        "if len(shape) == 2", "if len(shape) <= 2",
        "tests/architectures/test_cost.py -k multiplications",
    ),
    *(Mutation(f"guard: {name}", *broken) for name, *broken in GUARDS),
)  # fmt: skip


def tracked(root: Path = ROOT) -> list[str]:
    """Returns the files under git that are there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if name and (root / name).is_file()]


@contextmanager
def copied() -> Iterator[Path]:
    """Yields a folder with all files under git, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        for name in tracked():
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        yield Path(folder)


def tested(root: Path, tests: str) -> int:
    """Runs tests of a folder and returns pytest's status: 0 all passed, 1 some failed."""
    told = tests.split(" -k ")
    chosen = [*told[0].split(), *(["-k", told[1]] if len(told) > 1 else [])]
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *chosen]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True).returncode


def verified(root: Path) -> int:
    """Runs `verify` alone in a folder and returns its status: 0 all passed, 1 something failed."""
    command = [sys.executable, "-m", "explorer", "verify", "--cases", "5"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=root, env=env, capture_output=True).returncode


def outcome(mutation: Mutation, root: Path, sound: bool = False, verify: bool = False) -> str:
    """Returns what became of a mutation in a copy, which is whole again afterwards."""
    problem = mutation.problem(root)
    if problem:
        return f"NOT MADE: {problem}"
    path = root / mutation.file
    whole = path.read_text(encoding="utf-8")
    if not sound:
        path.write_text(whole.replace(mutation.old, mutation.new), encoding="utf-8")
    status = verified(root) if verify else tested(root, mutation.tests)
    path.write_text(whole, encoding="utf-8")
    if status not in (0, 1):
        return f"NOT RUN: it ended with {status}"
    if sound:
        return "FAILED" if status else "passed"
    return "killed" if status else "SURVIVED"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mutations whose name holds this")
    parser.add_argument("--sound", action="store_true", help="run the tests without breaking anything")
    parser.add_argument("--verify", action="store_true", help="`verify` alone must notice the numerical ones")
    given = parser.parse_args()
    rows = []
    with copied() as root:
        for mutation in (m for m in MUTATIONS if given.only in m.name and (m.numerical or not given.verify)):
            rows.append((mutation.name, mutation.file, outcome(mutation, root, given.sound, given.verify)))
            print(f"{rows[-1][2]:9} {mutation.name}", flush=True)
    bad = [row for row in rows if row[2] not in ("killed", "passed")]
    print(f"\n{len(rows) - len(bad)} of {len(rows)} noticed." if not given.sound else "")
    for line in table_lines(HEAD, bad, HEAD) if bad else ():
        print(line)
    return 1 if bad or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
