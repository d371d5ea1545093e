"""Recurrent networks that packages ship, opened by one call, against their own forward pass.

    python -m benchmarks.real

Four packages, none of ours, are downloaded into a folder of their own and unpacked, not installed:
Resemblyzer (PyTorch, a .pt of before 1.6), silero-vad (ONNX, safetensors, TorchScript), g2p-en (NumPy),
textgenrnn (Keras, the layout of cuDNN's layers). Each is opened in code, and as a page opens an upload: in
a process of its own, its layer shown by a walk. Their own code runs where it can: Resemblyzer's and g2p-en's
classes, with audio and word lists left out; silero's graph in ONNX Runtime, and its TorchScript. textgenrnn's
layers exist no more: shown is how well it predicts a text, read as it is meant, and read as a plain LSTM.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import h5py
import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

from explorer import Experiment, Layers, inspect_file, load_weights, trace
from explorer.commands.terminal import table_lines
from explorer.formats.apart import opened_apart
from explorer.formats.layers import weights_for
from explorer.formats.packing import unpack
from explorer.lab.own import own
from explorer.lab.walk import walk
from explorer.nn.tracing import LayerTrace

PACKAGES = (
    "Resemblyzer==0.1.4",
    "silero-vad==6.2.3",
    "g2p-en==2.1.0",
    "textgenrnn==2.0.0",
    "ethnicolr==0.4.0",
)
ROUNDING = 1e-4
"""Largest difference that is rounding: float32, some hundred steps, cell states up to some ten."""

TEXT = (
    "The first thing that I saw when I opened the door was a small dog. It looked at me for a long time, and"
    " then it went back to sleep. I have never been so happy to be home in my life."
)

REST = (
    "embedding/embedding/embeddings:0",
    "attention/attention/attention_W:0",
    "output/output/kernel:0",
    "output/output/bias:0",
)
"""What textgenrnn has beside its recurrent layers."""

Row = tuple[str, str, str, str]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.real", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--folder", type=Path, help="where the packages are kept (default: a folder of this run)"
    )
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        download(place)
        rows = [row for one in (resemblyzer, silero, g2p, textgenrnn, keras2) for row in one(place)]
    print(*table_lines(("network", "opened as", "compared with", "difference"), rows,
                       words=("network", "opened as", "compared with")), sep="\n")  # fmt: skip


def download(place: Path) -> None:
    """Downloads and unpacks the packages, without what they need."""
    for package in PACKAGES:
        own = place / package.partition("==")[0].replace("-", "_")
        if own.is_dir():
            continue
        ask = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python",
               "--dest", str(place), package]  # fmt: skip
        subprocess.run([*ask, *(() if "textgenrnn" in package else ("--only-binary", ":all:"))], check=True)
        (file,) = (
            path for path in place.iterdir() if path.is_file() and own.name.lower() in path.name.lower()
        )
        if file.suffix == ".whl":
            zipfile.ZipFile(file).extractall(own)
        else:
            with tarfile.open(file) as archive:
                archive.extractall(own, filter="data")


@contextmanager
def importable(folder: Path, *left_out: str) -> Iterator[None]:
    """Makes a package importable, with stand-ins for what it needs and this does not."""
    before = dict(sys.modules)
    sys.path.insert(0, str(folder))
    sys.modules.update({name: MagicMock() for name in left_out})
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in sys.modules.keys() - before.keys():
            del sys.modules[name]
        sys.modules.update(before)


def on_pages(file: Path, x: np.ndarray | Sequence[int], name: str = "", level: int = 1) -> LayerTrace:
    """Returns a layer of a network as the first page shows it, over numbers (T, D) or ids (T,)."""
    _, _, networks = unpack(opened_apart(file.read_bytes()))
    network = next(one for one in networks if one.layers.name.endswith(name))
    ids = network.vocabulary_size > 0
    learned = own(network, numbers=None if ids else np.asarray(x, np.float64))
    text = " ".join(map(str, x)) if ids else ""
    asked = Experiment(weights="model", model="own-", cell=network.layers.cell, text=text, level=level)
    found = walk(asked, learned)
    assert found.error < 1e-9, "every step on the page against PyTorch's own cell, in float64"
    return found.runs[0].trace.layers[0]


def apart(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def row(network: str, layers: Layers, against: str, difference: float) -> Row:
    kept = "" if difference <= ROUNDING else "  TOO LARGE"
    shape = f"{layers.cell} {layers.input_size} -> {layers.hidden_size} x {layers.num_layers}"
    return network, shape, against, f"{difference:.1e}{kept}"


def resemblyzer(place: Path) -> Iterator[Row]:
    """The speaker encoder: three LSTM layers of 256 and a head, on 160 frames of 40 bands."""
    folder = place / "Resemblyzer"
    mels = torch.randn(2, 160, 40, generator=torch.Generator().manual_seed(0)).abs()
    with importable(folder, "librosa", "webrtcvad", "resemblyzer.audio"):
        encoder = import_module("resemblyzer.voice_encoder").VoiceEncoder("cpu", verbose=False)
        with torch.no_grad():
            said = encoder(mels)
        layers = load_weights(folder / "resemblyzer" / "pretrained.pt")
        ours = trace(layers, mels.transpose(0, 1))
        raw = torch.relu(encoder.linear(torch.tensor(ours.h_n[-1])))
        yield row("Resemblyzer, .pt", layers, "its embedding", apart(ours_normed(raw), said))
        yield row(
            "Resemblyzer, in code",
            layers,
            "its own LSTM",
            float(trace(encoder, mels)["lstm"].difference or 0),
        )
        x = mels[0, :64]
        with torch.no_grad():
            theirs = encoder.lstm(x)[0].numpy()
        shown = on_pages(folder / "resemblyzer" / "pretrained.pt", x.numpy(), level=3)
        yield row("Resemblyzer, on the pages", layers, "its own LSTM, layer 3", apart(shown.output, theirs))


def ours_normed(raw: torch.Tensor) -> np.ndarray:
    return (raw / torch.norm(raw, dim=1, keepdim=True)).detach().numpy()


def silero(place: Path) -> Iterator[Row]:
    """The detector of voice: an LSTM of 128 behind convolutions, on noise that swells."""
    data = place / "silero_vad" / "silero_vad" / "data"
    graph = onnx.load(str(data / "silero_vad_16k_sequence.onnx"))
    (node,) = (n for n in graph.graph.node if n.op_type == "LSTM")
    graph.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(n) for n in (node.input[0], node.output[0])
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options, ["CPUExecutionProvider"])
    given = {i.name: noise(i.name, i.shape) for i in session.get_inputs()}
    state = tuple(given[name] for name in node.input[5:7])
    x, y = session.run([node.input[0], node.output[0]], given)
    from_onnx = load_weights(data / "silero_vad_16k_sequence.onnx")
    yield row(
        "silero-vad, .onnx", from_onnx, "ONNX Runtime", apart(trace(from_onnx, x, state).output, y[:, 0])
    )
    shown = on_pages(data / "silero_vad_16k_sequence.onnx", x[:, 0])
    zeros = given | {name: np.zeros_like(given[name]) for name in node.input[5:7]}  # as the page starts
    y = session.run([node.output[0]], zeros)[0]
    yield row(
        "silero-vad, on the pages", from_onnx, "ONNX Runtime, from zeros", apart(shown.output, y[:, 0, 0])
    )
    from_safe = load_weights(data / "silero_vad_16k.safetensors")
    own = {k.removeprefix("lstm_cell."): v for k, v in load_file(data / "silero_vad_16k.safetensors").items()}
    cell = torch.nn.LSTMCell(128, 128)
    cell.load_state_dict({k: v for k, v in own.items() if k in cell.state_dict()})
    difference = apart(trace(from_safe, x[:, 0]).output, stepped(cell, x[:, 0]))
    yield row("silero-vad, .safetensors", from_safe, "torch's cell", difference)
    from_jit = load_weights(data / "silero_vad.jit", "_model.decoder.rnn")
    cell = torch.jit.load(str(data / "silero_vad.jit"))._model.decoder.rnn
    difference = apart(trace(from_jit, x[:, 0]).output, stepped(cell, x[:, 0]))
    yield row("silero-vad, .jit", from_jit, "its own cell", difference)


def stepped(cell: Any, x: np.ndarray) -> np.ndarray:
    """Returns h (T, H) of a cell that is called step by step."""
    state, rows = (torch.zeros(1, 128), torch.zeros(1, 128)), []
    with torch.no_grad():
        for part in torch.tensor(x):
            state = cell(part[None], state)
            rows.append(state[0][0].numpy())
    return np.stack(rows)


def noise(name: str, shape: list[int | str]) -> np.ndarray:
    """Returns noise of the shape of an input, sixteen windows of sound where its length is free."""
    free = (1, 1, 128) if name in ("h", "c") else (1, 16 * 512)
    known = [size if isinstance(size, int) else own for size, own in zip(shape, free, strict=True)]
    return 0.1 * np.random.default_rng(0).normal(size=known).astype(np.float32)


def g2p(place: Path) -> Iterator[Row]:
    """Letters to sounds: a GRU that reads and one that speaks, in NumPy; its own loop, on a word."""
    folder = place / "g2p_en"
    nltk = ("nltk", "nltk.tokenize", "nltk.corpus", "nltk.tag", "inflect")
    with importable(folder, *nltk):
        reader = import_module("g2p_en.g2p").G2p()
        letters = reader.encode("unbelievability")
        its_own = reader.gru(letters, letters.shape[1], *(getattr(reader, f"enc_{n}") for n in
                         ("w_ih", "w_hh", "b_ih", "b_hh")), h0=np.zeros((1, 256), np.float32))  # fmt: skip
        ids = [reader.g2idx[letter] for letter in [*"unbelievability", "</s>"]]
    layers = load_weights(folder / "g2p_en" / "checkpoint20.npz", "enc")
    yield row("g2p-en, .npz", layers, "its own loop", apart(trace(layers, letters[0]).output, its_own[0]))
    shown = on_pages(folder / "g2p_en" / "checkpoint20.npz", ids, "enc")
    yield row("g2p-en, on the pages", layers, "its own loop, by letters", apart(shown.output, its_own[0]))


def textgenrnn(place: Path) -> Iterator[Row]:
    """Writes text by letters: two LSTM layers of 128, attention, 465 letters."""
    (folder,) = (place / "textgenrnn").glob("*/textgenrnn")
    file = folder / "textgenrnn_weights.hdf5"
    vocabulary = json.loads((folder / "textgenrnn_vocab.json").read_text(encoding="utf-8"))
    found = inspect_file(file)
    low, high = found["rnn_1"], found["rnn_2"]
    with h5py.File(file) as stored:
        rest = {name: stored[name][()] for name in REST}
        plain = [as_plain(stored[f"{n}/{n}"], n) for n in ("rnn_1", "rnn_2")]
    ids = [vocabulary[letter] for letter in TEXT[:64]]
    shown = on_pages(file, ids, "rnn_1 + rnn_2", 2)
    theirs = trace(high, trace(low, rest[REST[0]][ids]).output).output
    yield row(
        "textgenrnn, on the pages", high, "its layers in code, one on the other", apart(shown.output, theirs)
    )
    shape = f"{low.cell} {low.input_size} -> {low.hidden_size}, {high.hidden_size}"
    for name, layers in (("textgenrnn, .hdf5", (low, high)), ("(read as a plain LSTM)", tuple(plain))):
        yield name, shape, "nats per letter of a text", f"{nats(layers, rest, vocabulary):.2f}"


def keras2(place: Path) -> Iterator[Row]:
    """A file that Keras 2 wrote in 2018: an LSTM of 128 with hard sigmoids of slope .2, on ids in a row.

    What the network says of a text is left alone: its LSTM is run by Keras 3 with that function in it.
    """
    file = place / "ethnicolr" / "ethnicolr" / "models" / "wiki" / "lstm" / "wiki_ln_lstm.h5"
    found = load_weights(file)
    ids = list(range(1, 41))
    with h5py.File(file) as stored:
        own = stored["model_weights/lstm_1/lstm_1"]
        weights = [own[f"{name}:0"][()] for name in ("kernel", "recurrent_kernel", "bias")]
        x = stored["model_weights/embedding_1/embedding_1/embeddings:0"][()][ids]
    theirs = by_keras(weights, x)
    yield row("Keras 2, .h5", found, "Keras with its function", apart(trace(found, x).output, theirs))
    shown = on_pages(file, ids)
    yield row("Keras 2, on the pages", found, "Keras with its function", apart(shown.output, theirs))


def by_keras(weights: list[np.ndarray], x: np.ndarray) -> np.ndarray:
    """Returns h (T, H) of a Keras 3 LSTM whose gates are the hard sigmoid of Keras 2."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = import_module("keras")

    def hard_sigmoid(a: Any) -> Any:
        return keras.ops.clip(0.2 * a + 0.5, 0.0, 1.0)

    layer = keras.layers.LSTM(len(weights[1]), return_sequences=True, recurrent_activation=hard_sigmoid)
    layer.build((1, *x.shape))
    layer.set_weights(weights)
    return keras.ops.convert_to_numpy(layer(x[None]))[0]


def as_plain(group: Any, name: str) -> Layers:
    """Returns a layer of cuDNN's read as it is not meant: gates by columns, half of the biases."""
    kernel, recurrent, bias = (group[f"{n}:0"][()] for n in ("kernel", "recurrent_kernel", "bias"))
    return Layers(name, "lstm", [[weights_for("lstm", kernel.T, recurrent.T, *np.split(bias, 2))]])


def nats(layers: tuple[Layers, ...], rest: dict[str, np.ndarray], vocabulary: dict[str, int]) -> float:
    """Returns the mean cross-entropy of each letter of TEXT after at most 40 before it."""
    embeddings, attention, kernel, bias = rest.values()
    ids = [0, *(vocabulary[letter] for letter in TEXT)]
    losses = []
    for end in range(1, len(ids)):
        x = embeddings[[0] * max(40 - end, 0) + ids[max(end - 40, 0) : end]]
        first = trace(layers[0], x).output
        seen = np.concatenate([x, first, trace(layers[1], first).output], -1)  # (40, 356)
        weights = np.exp(seen @ attention[:, 0] - (seen @ attention[:, 0]).max())
        logits = (weights / weights.sum()) @ seen @ kernel + bias
        top = logits.max()
        losses.append(top + np.log(np.exp(logits - top).sum()) - logits[ids[end]])
    return float(np.mean(losses))


if __name__ == "__main__":
    main()
