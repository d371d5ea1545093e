"""Every format with bytes changed at random: taken, or refused in a sentence, never anything else."""

import io
import random
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from explorer import inspect_file
from explorer.formats.source import MAX_LINE, Source
from explorer.i18n import Refused
from tests.formats import test_onnx_nodes as onnx_nodes

CASES = 150
FILES = Path(__file__).parent / "files"


def made() -> dict[str, bytes]:
    module, memory = nn.GRU(3, 4), [io.BytesIO() for _ in range(5)]
    torch.save(module.state_dict(), memory[0])
    torch.save(nn.Sequential(nn.Embedding(4, 3), module), memory[1])
    torch.save(module.state_dict(), memory[2], _use_new_zipfile_serialization=False)
    arrays = {name: value.numpy() for name, value in module.state_dict().items()}
    np.savez(memory[3], **arrays)
    np.savez_compressed(memory[4], **arrays)
    names = (".pt", "a module", "old .pt", ".npz", "packed .npz")
    found = {name: part.getvalue() for name, part in zip(names, memory, strict=True)}
    found[".safetensors"] = safetensors.torch.save(dict(module.state_dict()))
    rng = np.random.default_rng(1)
    node = onnx_nodes.node("LSTM", "X,W,R,B", "Y")
    found[".onnx"] = onnx_nodes.model([node], onnx_nodes.constants("LSTM", rng))
    return found | {name: (FILES / name).read_bytes() for name in ("keras.keras", "keras.h5")}


GOOD = made()


def damaged(good: bytes, rng: random.Random) -> bytes:
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        at = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 600))
        if rng.random() < 0.1:
            del data[at : at + rng.randrange(1, 50)]
        else:
            data[at] = rng.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("name", GOOD)
def test_damaged_files_are_taken_or_refused_in_a_sentence(name):
    rng, refused = random.Random(7), 0
    cases = CASES // 5 if len(GOOD[name]) > 10_000 else CASES
    for _ in range(cases):
        try:
            inspect_file(damaged(GOOD[name], rng))
        except Refused as error:
            refused += 1
            assert str(error).endswith(".")
    assert refused > 0 and inspect_file(GOOD[name]).layers


def test_no_memory_is_taken_for_what_is_not_there():
    file = Source(memoryview(b"abc\ndef")).open()
    assert (file.readline(), file.read(2**62), file.read(5)) == (b"abc\n", b"def", b"")
    with pytest.raises(ValueError, match="too long"):
        Source(memoryview(bytes(MAX_LINE + 1))).open().readline()
