"""The README's examples do what it says: its Python runs, its commands are taken, the quick ones run."""

import importlib.util
import os
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import torch

from explorer import CELLS, Experiment, bptt, trace, train
from explorer.__main__ import main
from explorer.commands.verbs import _parser
from explorer.training.store import save_model
from tests.formats.test_networks import Speaker

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUICK = ("trace", "gradients", "generate")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.M | re.S)


def commands() -> list[str]:
    """Every line of every shell example, its comment left off, its continuation joined."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip()]


def of(start: str) -> list[str]:
    return [line for line in commands() if line.startswith(start)]


def test_every_line_of_an_example_is_of_a_kind_that_is_checked():
    known = (
        "./start",
        "./test",
        "python -m explorer ",
        "python -m benchmarks.",
        ".venv/bin/",
        "EXPLORER_SCHEDULER=",
        "pip install ",
    )
    assert len(commands()) > 20 and len(blocks("python")) == 5
    assert all(line.startswith(known) for line in commands())


def test_the_first_python_example_runs_and_has_the_shapes_it_says():
    space: dict = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), space)
    t, g = space["t"], space["g"]
    assert t.gate["f"].shape == t.pre["f"].shape == (20, 16) and t.c.shape == t.h.shape == (21, 16)
    assert space["deep"].layers[3].reverse and g.norm.shape == (20, 21)
    leaf = torch.zeros(1, 1, 16, requires_grad=True)
    assert g.norm[19, 3] == pytest.approx(autograd_norm(space["lstm"], space["x"], t, leaf), rel=1e-4)


def autograd_norm(lstm: torch.nn.LSTM, x: torch.Tensor, t, push: torch.Tensor) -> float:
    """||dL_20/dh_3||: the loss is the sum of h_20, the state after step 3 is pushed."""
    h, c = (torch.tensor(state[3])[None, None] for state in (t.h, t.c))
    out, _ = lstm(x[3:, None], (h + push, c))
    (gradient,) = torch.autograd.grad(out[-1].sum(), push)
    return float(gradient.norm())


def test_the_example_of_fixed_points_runs_after_the_first():
    space: dict = {}
    for example in blocks("python")[:2]:
        exec(compile(example, "README.md", "exec"), space)
    found = space["found"]
    assert found.states.shape[1] == 32 and len(found.eigenvalues) == len(found.unstable) == len(found.states)


def test_the_third_python_example_runs(tmp_path, monkeypatch, capsys):
    example = blocks("python")[2]
    (name,) = re.findall(r'load_model\("([^"]+)"\)', example)
    monkeypatch.chdir(tmp_path)
    kept = train(Experiment(cell="gru", length=5, hidden=4, budget=1))
    save_model(Path(name), kept.model, kept.experiment, step=1)
    space: dict = {}
    exec(compile(example, "README.md", "exec"), space)
    run = space["run"]
    assert run.passed and run.snapshots[max(run.snapshots)].keys() == run.model.state_dict().keys()
    last = run.snapshots[max(run.snapshots)]
    assert all(torch.equal(last[key], value) for key, value in run.model.state_dict().items())
    assert space["model"].cell == "gru"


def test_the_last_python_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    space: dict = {}
    exec(compile(blocks("python")[4], "README.md", "exec"), space)
    assert space["seen"].arrays["norm"].shape == (3, 4)
    assert (tmp_path / "gradients.html").read_text("utf-8") == space["seen"].to_html()


class Classifier(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = torch.nn.ModuleDict({"lstm": torch.nn.LSTM(3, 4, batch_first=True)})
        self.embedding, self.head = torch.nn.Embedding(9, 3), torch.nn.Linear(4, 2)

    def forward(self, ids):
        return self.head(self.encoder["lstm"](self.embedding(ids))[0][:, -1])


def test_the_example_of_a_network_of_one_s_own_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    net = Classifier()
    torch.save(net.state_dict(), "model.pt")
    ids, labels = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([0, 1])
    space = {"torch": torch, "net": net, "ids": ids, "labels": labels, "trace": trace, "bptt": bptt}
    space["x"] = torch.ones(5, 3)
    exec(compile(blocks("python")[3], "README.md", "exec"), space)
    assert space["traces"]["encoder.lstm"].gate["f"].shape == (3, 2, 4)
    assert space["flows"]["encoder.lstm"].sequence(0).norm.shape == (3, 4)
    assert space["layers"].name == "encoder.lstm"


@pytest.mark.parametrize("line", of("python -m explorer "))
def test_a_command_is_taken(line):
    chosen = _parser().parse_args(shlex.split(line)[3:])
    assert chosen.verb in line


@pytest.mark.parametrize("line", [line for line in of("python -m explorer ") if line.split()[3] in QUICK])
def test_a_quick_command_runs_and_writes_what_it_says(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "model.pt" in line:  # a network of the reader's own
        torch.save(Speaker().state_dict(), "model.pt")
        Path("words.json").write_text('["the", "cat"]')
    words = shlex.split(line)[3:]
    assert main(words) == 0
    written = words[words.index("--out") + 1] if "--out" in words else None
    assert (Path(written).stat().st_size > 0) if written else capsys.readouterr().out.strip()


@pytest.mark.parametrize("line", of("python -m explorer train"))
def test_a_race_of_the_command_line_runs_when_it_is_short(line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = [word.replace("0:10", "0") for word in shlex.split(line)[3:]]
    assert main([*words, "--budget", "2"]) == 0
    written = words[words.index("--out") + 1] if "--out" in words else None
    assert (Path(written).stat().st_size > 0) if written else capsys.readouterr().out.startswith("{")


@pytest.mark.parametrize("line", of("python -m benchmarks."))
def test_a_benchmark_is_there(line):
    assert importlib.util.find_spec(shlex.split(line)[2]) is not None


@pytest.mark.parametrize("line", ["./start", "./test"])
def test_the_two_commands_can_be_run(line):
    assert any(command.startswith(line) for command in commands()) and os.access(ROOT / line, os.X_OK)


def test_what_is_installed_has_the_extra_that_is_named():
    extras = [extra for line in of("pip install") for extra in re.findall(r"\.\[(\w+)\]", line)]
    there = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extras and set(extras) <= there["optional-dependencies"].keys()


def test_the_cluster_example_names_what_is_pinned():
    (pip,) = [line for line in commands() if line.startswith(".venv/bin/pip install")]
    (package,) = [word for word in pip.split() if word.startswith("distributed")]
    assert package in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").split()


def test_the_table_of_cells_names_every_cell():
    rows = [row for row in README.splitlines() if row.startswith("| `")]
    named = [key for row in rows for key in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(CELLS)
