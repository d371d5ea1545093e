"""LSTM or GRU by the number of sentences: what is measured, on what, and what is said of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.__main__ import main
from explorer.architectures import amount
from explorer.architectures.amount import BASE, RIVALS, Amount, Trial, verdict
from explorer.data.sources import source
from explorer.experiment import MATCHES

TINY = replace(BASE, budget=100, size=8)


def made(lstm: list[float], gru: list[float]) -> Amount:
    rows = [
        Trial(name, "units", 50, seed, 8, 100, 0.01, 50, 1.0, 1.0, accuracy)
        for name, values in zip(RIVALS, (lstm, gru), strict=True)
        for seed, accuracy in enumerate(values)
    ]
    return Amount("2026-01-01", "", tuple(rows))


def test_the_same_trial_twice_is_the_same():
    one, two = (amount.trial(20, "units", 3, "gru", TINY) for _ in range(2))
    assert one == two
    assert one.step in (50, 100) and one.held_out > 0


def test_equal_weights_are_equal_to_a_twentieth():
    sizes = {name: amount.trial(20, "parameters", 0, name, TINY).parameters for name in RIVALS}
    lstm, gru = sizes.values()
    assert abs(lstm - gru) / lstm < 0.06


def test_no_sentence_that_is_measured_was_learned_or_decided_the_end():
    run = replace(BASE, sentences=500, seed=2)
    data = source(run, "en")

    def sentences(batch) -> set[tuple[int, ...]]:
        whole = torch.cat([batch.x, batch.target[-1:]]).T
        return {tuple(row[row >= 0].tolist()) for row in whole}

    learned = set().union(*(sentences(data.batch(step)) for step in range(60)))
    assert 400 < len(learned) <= 500
    assert not learned & sentences(data.held_out())
    assert len(learned & sentences(amount._test(run))) <= 5  # by chance, out of 500
    assert not sentences(data.held_out()) & sentences(amount._test(run))


@pytest.mark.parametrize(
    "lstm, gru, said",
    [
        ([0.5, 0.5, 0.52], [0.9, 0.91, 0.92], "gru_better"),
        ([0.9, 0.91, 0.92], [0.5, 0.5, 0.52], "lstm_better"),
        ([0.5, 0.9, 0.7], [0.6, 0.8, 0.75], "near"),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], "near"),
    ],
)
def test_the_verdict_follows_from_the_numbers(lstm, gru, said):
    ((key, values),) = verdict(made(lstm, gru), "units")
    assert key == said
    assert values["wins"] == int((np.array(gru) > np.array(lstm)).sum())
    assert values["lstm"] == f"{100 * np.median(lstm):.0f}"


def test_the_stored_result_is_whole():
    found = amount.shipped()
    assert found.counts == list(amount.COUNTS)
    for match in MATCHES:
        for count in found.counts:
            for name in RIVALS:
                assert len(found.values(name, match, count, "nats")) == len(amount.SEEDS)
    assert amount.from_json(found.to_json()) == found
    assert "python -m explorer amount" in found.command


def test_more_sentences_help():
    found = amount.shipped()
    for match in MATCHES:
        for name in RIVALS:
            few, many = (found.values(name, match, count, "nats") for count in (50, 20_000))
            assert many.max() < few.min()


def test_the_command_says_what_it_cannot_do(capsys, tmp_path):
    assert main(["amount", "--counts", "5"]) == 2
    assert main(["amount", "--seeds", "0"]) == 2
    assert main(["amount", "--out", str(tmp_path / "x.txt")]) == 2
    assert "--counts" in capsys.readouterr().err


def test_the_command_writes_what_it_found(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "explorer.commands.amount._carried_out", lambda asked, jobs: [_counted(*one) for one in asked]
    )
    out = tmp_path / "a.json"
    assert main(["amount", "--counts", "50", "--seeds", "1", "--out", str(out)]) == 0
    assert json.loads(out.read_text())["trials"][0]["count"] == 50
    assert "0.750 (0.750 to 0.750)" in capsys.readouterr().out


def _counted(count: int, match: str, seed: int, name: str) -> Trial:
    return Trial(name, match, count, seed, 8, 100, 0.01, 50, 1.0, 1.0, 0.75)
