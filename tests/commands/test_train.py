"""`train` on the command line: its numbers are those of `train()`, in every file, for every seed."""

import csv
import io
import json
import math
import os
import shlex
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer import CELLS, Experiment
from explorer.__main__ import main
from explorer.commands import train as command
from explorer.commands.verbs import VERBS
from explorer.exact import bracketed, interval
from explorer.experiment import TABLE
from explorer.training.race import from_record, preset_changes, presets, race_of
from explorer.training.run import Run, train
from explorer.training.store import load_bundle

ROOT = Path(__file__).resolve().parents[2]
TINY = ("--length", "10", "--size", "4", "--budget", "30")
TWO = ("--racers", "rnn;lstm bias=fixed keep_bias=2")
BASE = Experiment(length=10, size=4, budget=30, racers=TWO[1])


METRIC = ("metric", "metric_low", "metric_high")


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = main(("train", *argv))
    return status, *capsys.readouterr()


def record(capsys, *argv: str):
    """Returns what --json prints."""
    status, out, _ = run(capsys, *argv, "--json")
    assert status == 0
    return json.loads(out)


def refusal(capsys, *argv: str) -> str:
    """Returns the sentence on stderr, after checking that it is one and all there is."""
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("explorer: ") and err.endswith(".\n") and err.count("\n") == 1
    return err


def expected(seed: int) -> dict[str, Run]:
    """Returns the runs of the tiny race by the public function."""
    race = race_of(Experiment(length=10, size=4, budget=30, racers=TWO[1], race_seed=seed))
    return {name: train(one) for name, one in zip(race.names, race.runs, strict=True)}


def metric_by_step(found: Run) -> list[float | None]:
    metric: list[float | None] = [None] * len(found.steps)
    for at, value in zip(found.checks, found.metric, strict=True):
        metric[at - 1] = value
    return metric


# Numbers


def test_a_json_file_holds_the_numbers_of_the_public_function(tmp_path, capsys):
    out = tmp_path / "run.json"
    argv = (*TINY, *TWO, "--seeds", "3:5", "--out", str(out))
    status, printed, _ = run(capsys, *argv)
    assert status == 0 and printed.endswith(f"Wrote {out}: 2 seeds, 2 racers\n")
    found = json.loads(out.read_text(encoding="utf-8"))
    assert shlex.split(found["command"]) == ["python", "-m", "explorer", "train", *argv]
    assert datetime.fromisoformat(found["date"]).tzinfo is not None and found["interrupted"] is False
    assert [race["seed"] for race in found["races"]] == [3, 4]
    for race in found["races"]:
        wanted = expected(race["seed"])
        assert [racer["name"] for racer in race["racers"]] == list(wanted)
        assert (race["metric"], race["goal"]) == ("error", 0.01) and race["chance"] == pytest.approx(1 / 6)
        assert [sentence["values"]["name"] for sentence in race["verdict"]] == list(wanted)
        assert {sentence["key"] for sentence in race["verdict"]} <= {"baseline", "short"}
        for racer, one in zip(race["racers"], wanted.values(), strict=True):
            course = racer["course"]
            assert course["step"] == list(range(1, 31))
            assert course["loss"] == one.loss.tolist() and course["gradient_norm"] == one.norm.tolist()
            assert course["metric"] == metric_by_step(one)
            assert from_record(racer["experiment"]) == one.experiment
            assert (racer["status"], racer["step"], racer["passed_at"]) == ("spent", 30, None)
            assert racer["parameters"] == sum(p.numel() for p in one.model.parameters())
            assert racer["seconds"] > 0


def test_a_csv_file_holds_the_same_numbers(tmp_path, capsys):
    out = tmp_path / "run.CSV"
    assert run(capsys, *TINY, *TWO, "--seeds", "3:5", "--out", str(out))[0] == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 30
    assert list(rows[0]) == ["seed", "racer", "step", "loss", "gradient_norm", *METRIC]
    for seed in (3, 4):
        for name, one in expected(seed).items():
            mine = [row for row in rows if (row["seed"], row["racer"]) == (str(seed), name)]
            assert [int(row["step"]) for row in mine] == one.steps.tolist()
            assert [float(row["loss"]) for row in mine] == one.loss.tolist()
            assert [float(row["gradient_norm"]) for row in mine] == one.norm.tolist()
            assert [float(row["metric"]) if row["metric"] else None for row in mine] == metric_by_step(one)


def test_what_is_printed_for_machines_is_what_the_file_holds(tmp_path, capsys):
    out = tmp_path / "run.json"
    printed = record(capsys, *TINY, "--cells", "gru", "--out", str(out))
    assert printed == json.loads(out.read_text(encoding="utf-8"))
    assert printed["races"][0]["key"] == race_of(Experiment(length=10, size=4, budget=30, racers="gru")).key


def test_last_weights_are_those_of_the_public_function(tmp_path, capsys):
    folder = tmp_path / "models"
    assert run(capsys, *TINY, *TWO, "--seeds", "0:2", "--models", str(folder))[0] == 0
    names = {"rnn": "rnn", TWO[1].split(";")[1]: "lstm_bias=fixed_keep_bias=2"}
    assert {path.name for path in folder.iterdir()} == {
        f"{seed}-{slug}.safetensors" for seed in (0, 1) for slug in names.values()
    }
    for seed in (0, 1):
        for name, one in expected(seed).items():
            bundle = load_bundle(folder / f"{seed}-{names[name]}.safetensors")
            assert (bundle.step, bundle.experiment) == (30, one.experiment)
            for key, value in one.model.state_dict().items():
                assert torch.equal(bundle.model.state_dict()[key], value)


def test_weights_of_a_test_with_symbols_and_of_a_text_say_what_they_read(tmp_path, capsys):
    options = ("--cells", "gru", "--budget", "2", "--size", "4", "--models", str(tmp_path))
    assert run(capsys, "--data", "first_symbol", "--length", "10", *options)[0] == 0
    bundle = load_bundle(tmp_path / "0-gru.safetensors")
    assert bundle.symbols and bundle.model.vocabulary is None
    assert run(capsys, "--data", "yours", "--text", "나는 밥을 먹고", *options)[0] == 0
    bundle = load_bundle(tmp_path / "0-gru.safetensors")
    assert bundle.symbols is None and {"나는", "밥을", "먹고"} < set(bundle.model.vocabulary)


def test_what_is_not_finite_is_null_and_empty(tmp_path, capsys):
    options = ("--racers", "rnn_relu init=identity gain=10 rate=10", "--optimiser", "sgd", "--max-norm", "0")
    found = record(capsys, "--length", "100", "--size", "8", *options)
    (racer,) = found["races"][0]["racers"]
    assert racer["status"] == "diverged" and racer["passed_at"] is None
    assert None in (racer["course"]["loss"][-1], racer["course"]["gradient_norm"][-1])
    assert found["races"][0]["verdict"][0]["key"] == "diverged"
    out = tmp_path / "run.csv"
    status, printed, _ = run(capsys, "--length", "100", "--size", "8", *options, "--out", str(out))
    assert status == 0 and "," * 2 in out.read_text().splitlines()[-1] and " 0/1 " in printed


# Tables


def test_the_table_sums_up_the_seeds(capsys, monkeypatch):
    ends = {0: ("passed", 1075, 2.0), 1: ("spent", 2500, 4.0), 2: ("passed", 1100, 9.0)}
    carry_out = command._carry_out

    def told(seed, *rest):
        raced = carry_out(seed, *rest)
        status, step, seconds = ends[seed]
        (found,) = raced.results
        changed = {"status": status, "step": step, "seconds": np.array([seconds])}
        return command.replace(raced, results=(command.replace(found, **changed),))

    monkeypatch.setattr(command, "_carry_out", told)
    status, out, _ = run(capsys, *TINY, "--cells", "gru", "--seeds", "0:3")
    first, head, row = out.splitlines()
    assert status == 0
    assert first == "adding, length 10; passed: held-out error under 0.01 (guessing: 0.167); seeds 0 to 2"
    assert head.split("  ")[0] == "racer" and head.endswith("error median (band)")
    assert row.split()[:9] == ["gru", "101", "2/3", "9-100", "%", "1,100", "2,500", "4.00", "9.00"]
    errors = [
        train(race_of(Experiment(length=10, size=4, budget=30, racers="gru", race_seed=seed)).runs[0]).metric[
            -1
        ]
        for seed in range(3)
    ]
    found = [float(value.strip("()")) for value in row.split()[9:] if value != "to"]
    assert found == pytest.approx([np.median(errors), min(errors), max(errors)], rel=5e-3)


def test_an_accuracy_of_one_seed_has_its_interval_in_the_table_and_by_step(tmp_path, capsys):
    out, options = tmp_path / "run.csv", ("--data", "first_symbol", "--length", "10", "--cells", "gru")
    _, printed, _ = run(capsys, *options, "--size", "4", "--budget", "25", "--out", str(out))
    head, row = printed.splitlines()[1:3]
    with out.open(encoding="utf-8", newline="") as file:
        *others, last = csv.DictReader(file)
    share = float(last["metric"])
    assert [float(last[name]) for name in METRIC[1:]] == pytest.approx(interval(round(500 * share), 500))
    assert all(line[name] == "" for line in others for name in METRIC)
    assert head.endswith("accuracy [95 %]")
    assert row.endswith(f"{100 * share:.3g} % {bracketed(round(500 * share), 500)}")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ("--data", "temporal_order", "--length", "12"),
            "temporal_order, length 12; passed: held-out accuracy of",
        ),
        (("--data", "lecture"), "lecture; passed: held-out accuracy of"),
        (
            ("--data", "series", "--series", "walk", "--length", "9"),
            "series walk, length 9; passed: held-out error",
        ),
        (("--data", "yours", "--text", "a b a b"), "yours, length 100; no goal (guessing: 0.333); seed 7"),
    ],
)
def test_the_headline_says_when_a_network_has_passed(options, says, capsys):
    argv = (*options, "--cells", "rnn", "--size", "4", "--budget", "3", "--seeds", "7")
    status, out, err = run(capsys, *argv)
    assert status == 0 and out.startswith(says)
    assert out.splitlines()[-1].endswith(" -")  # never checked
    assert err == "seed 7: rnn spent at 3\n"


def test_seeds_are_reported_as_they_end(capsys):
    status, _, err = run(capsys, *TINY, "--cells", "rnn,gru", "--seeds", "8:10")
    assert status == 0
    assert err == "seed 8: rnn spent at 30, gru spent at 30\nseed 9: rnn spent at 30, gru spent at 30\n"


def test_a_terminal_has_one_line_that_is_written_over(capsys, monkeypatch):
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(command, "DRAW_SECONDS", 0.0)
    monkeypatch.setattr(command.shutil, "get_terminal_size", lambda: os.terminal_size((60, 20)))
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main(("train", *TINY, "--cells", "rnn,gru", "--seeds", "0:2")) == 0
    first, *lines = terminal.getvalue().split("\r")
    assert first == "" and "\n" not in terminal.getvalue() and lines[-1] == "\x1b[K"
    assert all(line.endswith("\x1b[K") and len(line) < 60 + len("\x1b[K") for line in lines)
    shares = [int(line.split("]")[1].split("%")[0]) for line in lines if line.startswith("[") and "%" in line]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 100
    assert any("seed 1, 2 of 2: rnn 25, gru 0" in line for line in lines)


# Options


def test_every_shared_choice_of_a_race_has_an_option():
    flags = {option.flag for option in VERBS["train"].options}
    fields = [name for name, entry in TABLE.items() if entry.group == "train"]
    for name in (*fields, "size", "match", "text", "units", "racers"):
        assert "--" + name.replace("_", "-") in flags
    for name in ("cell", "hidden", "seed", "race_seed", "model"):
        assert "--" + name.replace("_", "-") not in flags


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"data": "copy", "length": "30", "batch": "4", "optimiser": "sgd", "rate": "0.5"}, {}),
        ({"length": "12", "layers": "2", "max_norm": "0", "truncate": "5"}, {}),
        ({"data": "agreement", "grammar": "ko", "units": "char", "length": "8"}, {}),
        ({"data": "yours", "text": "one two three", "units": "char"}, {}),
        ({"match": "parameters", "cells": "rnn, lstm"}, {"racers": "rnn;lstm"}),
        ({"racers": " gru  hidden=3 ; rnn init=orthogonal"}, {}),
        ({}, {}),
    ],
)
def test_options_describe_the_race_of_the_page(options, changes, capsys):
    options = {"size": "4", "budget": "1", **options}
    argv = [part for name, raw in options.items() for part in ("--" + name.replace("_", "-"), raw)]
    fields = {name: raw for name, raw in options.items() if name != "cells"} | changes
    wanted, refused = Experiment().with_changes(fields)
    assert refused == ()
    (race,) = record(capsys, *argv)["races"]
    assert race["key"] == race_of(wanted).key
    assert [from_record(racer["experiment"]) for racer in race["racers"]] == list(race_of(wanted).runs)


@pytest.mark.parametrize("name", presets())
def test_a_preset_is_that_of_the_page_and_options_override_it(name, capsys):
    own, _ = Experiment().with_changes(preset_changes(name) | {"budget": "1", "size": "3"})
    (race,) = record(capsys, "--preset", name, "--budget", "1", "--size", "3")["races"]
    assert race["key"] == race_of(own).key
    (race,) = record(capsys, "--preset", name, "--budget", "1", "--size", "3", "--cells", "gru")["races"]
    assert [racer["name"] for racer in race["racers"]] == ["gru"]


def test_without_options_the_race_is_the_one_of_the_headline(capsys, monkeypatch):
    seen = []
    monkeypatch.setattr(command, "Carried", lambda race, channel: seen.append(race) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(("train",))
    assert seen == [race_of(Experiment())]


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--cells", "rnn,transformer"), "--cells takes some of rnn, "),
        (("--cells", ""), "with commas between, not ''"),
        (("--cells", "rnn", "--racers", "gru"), "give one of them"),
        (
            ("--racers", "lstm bias=high"),
            "--racers cannot be read at 'lstm bias=high': a racer is a cell (rnn, ",
        ),
        (("--racers", "rnn length=3"), "cannot be read at 'rnn length=3'"),
        (("--racers", ";"), "a race has 1 to 6 racers, not 0"),
        (("--cells", ",".join(list(CELLS)[:7])), "a race has 1 to 6 racers, not 7"),
        (("--racers", "rnn " * 200), "--racers takes text of up to 600 characters, not 800"),
        (("--preset", "adding_101"), "--preset takes one of adding_100, "),
        (("--data", "mnist"), "--data takes one of adding, "),
        (("--length", "401"), "--length takes a whole number from 2 to 400, not '401'"),
        (("--rate", "nan"), "--rate takes a decimal number"),
        (("--budget", "0"), "--budget takes a whole number from 1 to 20000"),
        (
            ("--data", "temporal_order", "--length", "2"),
            "--length 2 is too short for this data: it takes at least",
        ),
        (("--text", "a b"), "--text has no place beside --data adding"),
        (("--data", "yours"), "--data yours needs a text"),
        (("--data", "yours", "--text", "word"), "--text is too short"),
        (("--data", "series", "--series", "yours"), "--series yours takes 40 to 5000 numbers"),
        (("--data", "series", "--series", "yours", "--values", "1 x"), "cannot be read at number 2: 'x'"),
        (("--data", "series", "--series", "yours", "--values", "5 " * 40), "there is nothing to forecast"),
        (("--data", "series", "--length", "300"), "the held-out part takes 179 steps"),
        (("--seeds", "ten"), "--seeds takes a whole number from 0 to 9999, or up to 100 of them"),
        (("--seeds", "0:101"), "not '0:101'"),
        (("--seeds", "5:5"), "not '5:5'"),
        (("--seeds", "-1"), "not '-1'"),
        (("--seeds", "\u0663"), "--seeds takes"),
        (("--seeds", "9999:10001"), "--seeds takes"),
        (("--seeds", "9" * 5000), "--seeds takes"),
        (("--out", "run.npz"), "--out takes a file that ends in .json or .csv, not 'run.npz'"),
        (("--out", "/nowhere/run.csv"), "there is no folder '/nowhere'"),
        (("--models", "/nowhere/models"), "--models '/nowhere/models' cannot be written: No such file"),
        (("--hidden", "4"), "unrecognized arguments: --hidden 4"),
        (("--seed", "4"), "unrecognized arguments: --seed 4"),
    ],
)
def test_a_bad_value_is_one_sentence(options, says, capsys):
    assert says in refusal(capsys, *options)


def test_what_cannot_be_written_is_refused_before_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "Carried", None)
    (tmp_path / "run.json").mkdir()
    assert "cannot be written" in refusal(capsys, "--out", str(tmp_path / "run.json"))
    (tmp_path / "models").touch()
    assert "cannot be written: File exists" in refusal(capsys, "--models", str(tmp_path / "models"))


def test_a_text_whose_words_a_file_does_not_take_is_refused_before_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command.Carried, "run", None)
    options = ("--data", "yours", "--text", "a " + "b" * 100, "--models", str(tmp_path))
    assert "--models cannot keep a network that reads this text" in refusal(capsys, *options)


# Ctrl-C


@pytest.fixture
def interrupt(monkeypatch):
    """Presses Ctrl-C some times at the first check of seed 1."""

    def press(times: int) -> None:
        watch = command._Progress.watch

        def pressed(self, event) -> None:
            watch(self, event)
            if self.seed == 1 and "metric" in event:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(command._Progress, "watch", pressed)

    before = signal.getsignal(signal.SIGINT)
    yield press
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_ends_in_order_and_writes_what_there_is(tmp_path, capsys, interrupt):
    interrupt(1)
    out, models = tmp_path / "run.json", tmp_path / "models"
    argv = (*TINY, "--cells", "rnn,gru", "--seeds", "0:5", "--out", str(out), "--models", str(models))
    status, printed, err = run(capsys, *argv)
    assert status == 130 and "seeds 0 to 1" in printed and printed.endswith(": 2 seeds, 2 racers\n")
    assert err.splitlines()[1:] == ["seed 1: rnn stopped at 25, gru stopped at 0"]
    found = json.loads(out.read_text())
    assert found["interrupted"] is True
    whole, part = ([(r["status"], r["step"]) for r in race["racers"]] for race in found["races"])
    assert whole == [("spent", 30), ("spent", 30)] and part == [("stopped", 25), ("stopped", 0)]
    base = Experiment(length=10, size=4, budget=25, racers="rnn", race_seed=1)
    wanted = train(race_of(base).runs[0])
    assert found["races"][1]["racers"][0]["course"]["loss"] == wanted.loss.tolist()
    bundle = load_bundle(models / "1-rnn.safetensors")
    assert bundle.step == 25
    assert all(torch.equal(bundle.model.state_dict()[k], v) for k, v in wanted.model.state_dict().items())


def test_a_second_ctrl_c_ends_at_once(tmp_path, capsys, interrupt):
    interrupt(2)
    out = tmp_path / "run.json"
    with pytest.raises(KeyboardInterrupt):
        main(("train", *TINY, "--cells", "rnn", "--seeds", "0:5", "--out", str(out)))
    assert not out.exists()


def test_the_program_stops_on_ctrl_c(tmp_path):
    out = tmp_path / "run.csv"
    options = ("--cells", "rnn", "--length", "10", "--size", "4", "--budget", "20", "--seeds", "0:100")
    argv = [sys.executable, "-m", "explorer", "train", *options, "--out", str(out)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(argv, **pipes, cwd=ROOT) as program:
        assert program.stderr is not None
        assert program.stderr.readline() == "seed 0: rnn spent at 20\n"
        program.send_signal(signal.SIGINT)
        printed, err = program.communicate(timeout=600)
    assert program.returncode == 130
    assert "Traceback" not in err and f"Wrote {out}: " in printed
    rows = out.read_text().splitlines()
    assert (
        rows[0] == "seed,racer,step,loss,gradient_norm,metric,metric_low,metric_high"
        and 21 <= len(rows) <= 99 * 20
    )
    assert all(math.isfinite(float(row.split(",")[3])) for row in rows[1:])
