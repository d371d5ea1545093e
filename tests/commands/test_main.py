"""The command line, called in process: what it prints, what it writes, what it refuses and how."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from explorer import CELLS, Experiment, trace
from explorer.__main__ import main
from explorer.checks.coverage import TOPICS
from explorer.commands.options import STAGE_ONLY
from explorer.commands.verbs import VERBS
from explorer.experiment import TABLE
from explorer.lab.learned import learn
from explorer.lab.walk import walk
from explorer.limits import MAX_TEXT
from explorer.stage import export, payload
from explorer.text import join, tokenise
from tests.helpers import EVERY

QUICK = ("--weights", "untrained", "--hidden", "5")
HANGUL = "나는 밥을 먹고"
ROOT = Path(__file__).resolve().parents[2]


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = main(argv)
    return status, *capsys.readouterr()


def printed(capsys, *argv: str) -> str:
    status, out, err = run(capsys, *argv)
    assert (status, err) == (0, "")
    return out


def refusal(capsys, *argv: str) -> str:
    """Returns the sentence on stderr, after checking that it is one and all there is."""
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("explorer: ") and err.endswith(".\n") and err.count("\n") == 1
    return err


def expected(experiment: Experiment, notation: str = "pytorch"):
    """Returns the trace of a text by the public function."""
    model = learn(experiment).model
    whole = trace(model, tokenise(experiment.text, experiment.token_level))
    return whole.in_lecture_notation() if notation == "lecture" else whole


def arrays(of) -> dict[str, np.ndarray]:
    named = {"x": of.x, **of.states}
    named |= {f"pre_{s}": a for s, a in of.pre.items()}
    named |= {f"gate_{s}": a for s, a in of.gate.items()}
    return named | {f"{name}_l0": a for name, a in of.weights.arrays().items()}


# trace: files


@pytest.mark.parametrize("cell", EVERY)
def test_npz_holds_the_trace_of_the_public_function(cell, tmp_path, capsys):
    out = tmp_path / "t.npz"
    printed(capsys, "trace", "--cell", cell, "--text", HANGUL, *QUICK, "--out", str(out))
    wanted = expected(Experiment(cell=cell, text=HANGUL, weights="untrained", hidden=5))
    with np.load(out) as found:
        for name, array in arrays(wanted).items():
            np.testing.assert_array_equal(found[name], array, strict=True)
        assert set(found) == {*arrays(wanted), "cell", "notation", "tokens", "known"}
        assert tuple(found["tokens"]) == tuple(HANGUL.split())
        assert (str(found["cell"]), str(found["notation"])) == (cell, "pytorch")
        assert found["known"].all()


@pytest.mark.parametrize("cell", ["gru", "gru_reset_before", "lstm"])
def test_lecture_notation_flips_the_update_gate_alone(cell, tmp_path, capsys):
    paths = {name: tmp_path / f"{name}.npz" for name in ("pytorch", "lecture")}
    for name, path in paths.items():
        options = ("--cell", cell, "--text", HANGUL, "--notation", name, "--out", str(path))
        printed(capsys, "trace", *options, *QUICK)
    ours, theirs = (dict(np.load(path)) for path in paths.values())
    for symbol in CELLS[cell].activations:
        gate = ours[f"gate_{symbol}"]
        flipped = symbol in CELLS[cell].flips
        np.testing.assert_allclose(theirs[f"gate_{symbol}"], 1 - gate if flipped else gate)
    np.testing.assert_array_equal(ours["h"], theirs["h"])
    assert theirs["notation"] == ("lecture" if CELLS[cell].flips else "pytorch")


def test_the_whole_text_is_traced_past_the_window(tmp_path, capsys):
    text, out = "abcdefg" * 30, tmp_path / "t.npz"
    printed(capsys, "trace", "--text", text, "--units", "char", *QUICK, "--out", str(out))
    wanted = expected(Experiment(text=text, units="char", weights="untrained", hidden=5))
    found = np.load(out)
    assert len(found["tokens"]) == 210 and found["h"].shape == (211, 5)
    np.testing.assert_array_equal(found["h"], wanted.h)


def test_json_file_and_printed_json_hold_what_the_npz_holds(tmp_path, capsys):
    options = ("trace", "--cell", "gru", "--text", HANGUL, "--units", "jamo", *QUICK)
    for name in ("t.npz", "t.json"):
        printed(capsys, *options, "--out", str(tmp_path / name))
    on_screen = json.loads(printed(capsys, *options, "--json"))
    in_file = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert on_screen == in_file
    with np.load(tmp_path / "t.npz") as binary:
        assert set(binary) == set(in_file)
        assert all(np.array_equal(binary[name], in_file[name]) for name in binary)


def test_tokens_in_a_file_put_together_give_the_text(tmp_path, capsys):
    long_word = "x" * 60
    for units in ("word", "char", "jamo"):
        text = f"{HANGUL} {long_word}"
        record = printed(capsys, "trace", "--text", text, "--units", units, *QUICK, "--json")
        assert join(json.loads(record)["tokens"], units) == text


def test_a_seed_and_an_upper_case_ending_are_taken(tmp_path, capsys):
    out = tmp_path / "t.NPZ"
    assert str(out) in printed(capsys, "trace", *QUICK, "--seed", "3", "--out", str(out))
    assert [path.name for path in tmp_path.iterdir()] == ["t.NPZ"]
    text = " ".join(np.load(out)["tokens"])
    wanted = expected(Experiment(text=text, weights="untrained", hidden=5, seed=3))
    np.testing.assert_array_equal(np.load(out)["h"], wanted.h)


def test_what_was_written_is_said_to_machines(tmp_path, capsys):
    out = str(tmp_path / "t.npz")
    said = json.loads(printed(capsys, "trace", "--text", "a b", *QUICK, "--out", out, "--json"))
    assert said["out"] == out and said["shapes"]["h"] == [3, 5]


def test_an_explosion_is_null_in_json_and_named_in_the_table(capsys):
    options = ("--cell", "rnn_relu", "--init", "identity", "--gain", "10", "--units", "char", *QUICK)
    options = (*options, "--text", "ab" * 300)
    record = json.loads(printed(capsys, "trace", *options, "--json"))
    assert None in record["h"][-1]
    assert "the state explodes at step " in printed(capsys, "trace", *options)


# trace: the page


def test_html_holds_the_stage_of_the_window(tmp_path, capsys):
    out, text = tmp_path / "t.HTML", " ".join(f"w{k}" for k in range(70))
    for lang in ("en", "ko"):
        options = ("--cell", "gru", "--text", text, *QUICK, "--lang", lang, "--out", str(out))
        said = printed(capsys, "trace", *options)
        assert said == f"Wrote {out}: gru, steps 1 to 64 of 70\n"
        experiment = Experiment(cell="gru", text=text, weights="untrained", hidden=5)
        shown, display = walk(experiment, learn(experiment)), experiment.display(lang)
        page = export.html(payload.build(shown, display), export.title_of(shown, lang))
        assert out.read_text(encoding="utf-8") == page
    said = json.loads(printed(capsys, "trace", *options, "--json"))
    assert said == {"out": str(out), "first": 1, "last": 64, "total": 70}


def test_a_page_refuses_what_the_text_does_not_have(tmp_path, capsys):
    out = tmp_path / "t.html"
    said = refusal(
        capsys, "trace", *QUICK, "--text", "a b", "--zero", "1", "--zero-from", "3", "--out", str(out)
    )
    assert "--zero-from 3 is no step: the text has 2" in said
    assert not out.exists()


def test_the_language_says_what_z_means(capsys):
    options = ("trace", "--cell", "gru", "--text", HANGUL, *QUICK, "--json")
    for lang, notation in (("en", "pytorch"), ("ko", "lecture")):
        assert json.loads(printed(capsys, *options, "--lang", lang))["notation"] == notation
        given = printed(capsys, *options, "--lang", lang, "--notation", "pytorch")
        assert json.loads(given)["notation"] == "pytorch"


# trace: the table


@pytest.mark.parametrize("cell", EVERY)
def test_the_table_shows_norms_and_mean_gates(cell, capsys):
    lines = printed(capsys, "trace", "--cell", cell, "--text", "one two three", *QUICK).splitlines()
    wanted = expected(Experiment(cell=cell, text="one two three", weights="untrained", hidden=5))
    spec = CELLS[cell]
    assert lines[0] == f"{cell}, 5 units; pytorch notation; untrained"
    norms, means = (f"||{s}||" for s in spec.states), (f"mean {s}" for s in spec.gates)
    assert lines[1].split() == ["step", "token", *norms, *" ".join(means).split()]
    for step, line in enumerate(lines[2:], start=1):
        states = [np.linalg.norm(wanted.only.signal(s)[step - 1]) for s in spec.states]
        gates = [wanted.gate[s][step - 1].mean() for s in spec.gates]
        token = ("one", "two", "three")[step - 1]
        assert line.split() == [str(step), token, *(f"{value:.3f}" for value in states + gates)]
    assert len(lines) == 5


def test_wide_letters_keep_the_columns_in_line(capsys):
    lines = printed(capsys, "trace", "--text", "a 고양이 야옹 e\u0301", *QUICK).splitlines()[1:]
    head, rows = lines[0], lines[1:]
    assert rows[0][: head.index("||h||")].endswith(" " * 6)
    wide = sum(char >= "\uac00" for char in rows[1])
    assert wide == 3 and len(rows[1]) == len(rows[0]) - wide == len(rows[2]) - 1


def test_words_that_the_model_does_not_know_are_marked_and_said(capsys):
    unk = ("--hidden", "8", "--unknown", "unk")
    status, out, err = run(capsys, "trace", "--text", "말이 zebra", *unk)
    assert (status, err) == (0, "") and "zebra <unk>" in out and "말이 <unk>" not in out
    assert "trained " in out and "goal reached" in out
    status, _, err = run(capsys, "trace", "--text", "zebra", *unk)
    assert status == 0 and "knows none" in err
    status, out, _ = run(capsys, "trace", "--text", "말이 zebra", "--hidden", "8")
    assert status == 0 and "<unk>" not in out


@pytest.mark.usefixtures("few_steps")
def test_a_marked_sequence_shows_its_two_marks(capsys):
    options = ("trace", "--weights", "marked", "--hidden", "2", "--cell", "rnn")
    record = json.loads(printed(capsys, *options, "--json"))
    assert np.sum(record["x"], axis=0)[1] == 2 and np.shape(record["x"])[1] == 2
    assert sum(" * " in line for line in printed(capsys, *options).splitlines()) == 2


def test_a_clamped_gate_is_clamped_in_the_chosen_notation(capsys):
    options = ("--text", "one two three", "--clamp", "z", "--clamp-value", "0.25", "--clamp-from", "2")
    for notation in ("pytorch", "lecture"):
        told = ("trace", "--cell", "gru", "--notation", notation, *options, *QUICK, "--json")
        z = np.array(json.loads(printed(capsys, *told))["gate_z"])
        assert (z[1:] == 0.25).all() and (z[0] != 0.25).all()


def test_a_swapped_token_stands_in_the_trace(capsys):
    options = ("--text", "one two", "--swap", "2", "--swap-with", "one", *QUICK, "--json")
    record = json.loads(printed(capsys, "trace", *options))
    assert record["tokens"] == ["one", "one"] and record["x"][0] == record["x"][1]


# Refusals


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--cell", "transformer"), "--cell takes one of rnn, "),
        (("--hidden", "65"), "--hidden takes a whole number from 1 to 64, not '65'"),
        (("--hidden", "many"), "not 'many'"),
        (("--gain", "1e999"), "--gain takes a decimal number from 0 to 10"),
        (("--keep-bias", "nan"), "--keep-bias takes a decimal number"),
        (("--seed", "-1"), "--seed takes a whole number"),
        (("--text", " \u200b "), "no text"),
        (("--text", "x" * (MAX_TEXT + 1)), "up to 20000 characters, not 20001"),
        (("--clamp", "z"), "the cell lstm has no such gate"),
        (("--clamp", "i", "--holds", "f=2"), "--holds takes entries like"),
        (("--holds", "f=1"), "name that with --clamp"),
        (("--clamp", "i", "--clamp-from", "2", "--clamp-to", "1"), "nothing would be held"),
        (("--clamp", "i", "--clamp-unit", "6"), "--clamp-unit 6 is no unit: the layer has 5"),
        (("--zero", "6"), "--zero 6 is no unit"),
        (("--text", "a b", "--zero", "1", "--zero-from", "3"), "--zero-from 3 is no step: the text has 2"),
        (("--text", "a b", "--swap", "3", "--swap-with", "c"), "--swap 3 is no step"),
        (("--swap", "1"), "--swap-with"),
        (("--swap-with", "x"), "only work together"),
        (("--out", "t.csv"), "ends in .npz, .json or .html, not 't.csv'"),
        (("--out", "/nowhere/at/all/t.npz"), "there is no folder '/nowhere/at/all'"),
        (("--lang", "fr"), "--lang takes one of ko, en, not 'fr'"),
        (("--text",), "expected one argument"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
        (("--hid", "3"), "unrecognized arguments"),
    ],
)
def test_a_bad_value_is_one_sentence(options, says, capsys):
    assert says in refusal(capsys, "trace", *QUICK, *options)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((), "VERB"),
        (("fly",), "invalid choice: 'fly'"),
        (("verify", "--cases", "0"), "--cases takes a whole number from 1 to"),
        (("verify", "--cases", "9" * 5000), "--cases takes"),
        (("verify", "--cases", "\u0663"), "--cases takes"),
        (("trace", "--weights", "marked", "--text", "a b"), "--text has no place"),
        (("trace", "--weights", "marked", "--hidden", "1", "--swap", "1", "--swap-with", "x"), "not 'x'"),
    ],
)
def test_a_bad_command_is_one_sentence(argv, says, capsys):
    assert says in refusal(capsys, *argv)


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path, capsys):
    folder = tmp_path / "t.npz"
    folder.mkdir()
    assert "cannot be written" in refusal(capsys, "trace", *QUICK, "--out", str(folder))
    for name in ("t.json", "t.html"):
        (tmp_path / name).mkdir()
        assert "cannot be written" in refusal(capsys, "trace", *QUICK, "--out", str(tmp_path / name))


def test_every_choice_that_weights_depend_on_has_an_option(capsys):
    flags = {option.flag for option in VERBS["trace"].options}
    for name, entry in TABLE.items():
        wanted = entry.models or (entry.group in ("bar", "more", "change") and name not in STAGE_ONLY)
        if entry.group == "own" or name == "model":  # of a file: see test_own
            continue
        assert ("--" + name.replace("_", "-") in flags) == wanted


@pytest.mark.parametrize("argv", [("--help",), *((verb, "--help") for verb in VERBS)])
def test_help_is_printed(argv, capsys):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 0 and "usage: python -m explorer" in capsys.readouterr().out


# verify


@pytest.fixture
def two_topics(monkeypatch):
    """All topics take seconds; tests/checks goes through them."""
    chosen = [topic for topic in TOPICS if topic.key in ("cells", "paths", "sizes")]
    monkeypatch.setattr("explorer.checks.run.TOPICS", chosen)


def test_verify_prints_a_row_per_cell_and_one_for_each_topic(two_topics, capsys):
    cells, topics = (table.splitlines() for table in printed(capsys, "verify", "--cases", "3").split("\n\n"))
    head, *rows = cells
    assert [row.split()[0] for row in rows] == list(CELLS)
    assert all(row.endswith(" ok") for row in (*rows, *topics[1:]))
    assert "1e-10" in head
    assert "torch.nn.GRUCell" in rows[list(CELLS).index("gru")]
    assert [row.split("  ")[0] for row in topics[1:]] == ["the direct path", "decay, half-life, saturation"]


def test_verify_json_parses(two_topics, capsys):
    record = json.loads(printed(capsys, "verify", "--cases", "3", "--json"))
    assert record["ok"] is True and record["tolerance"] == 1e-10
    assert [cell["cell"] for cell in record["cells"]] == list(CELLS)
    assert all(cell["ok"] and cell["cases"] == 3 and cell["stepwise"] < 1e-12 for cell in record["cells"])
    assert [topic["key"] for topic in record["topics"]] == ["paths", "sizes"]
    assert all(topic["ok"] and topic["pages"] == ["gradients"] for topic in record["topics"])


@pytest.mark.parametrize("wrong", [1e-8, np.nan, np.inf])
def test_verify_fails_when_a_cell_is_broken(wrong, two_topics, monkeypatch, capsys):
    spec = CELLS["gru"]

    def step(*args):
        pre, act, (h,) = spec.step(*args)
        return pre, act, (h + wrong,)

    monkeypatch.setitem(CELLS, "gru", replace(spec, step=step))
    status, out, err = run(capsys, "verify", "--cases", "2")
    assert (status, err) == (1, "")
    cells = out.split("\n\n")[0].splitlines()
    assert [line.split()[0] for line in cells if line.endswith("FAIL")] == ["gru"]
    status, out, _ = run(capsys, "verify", "--cases", "2", "--json")
    record = json.loads(out)
    assert status == 1 and not record["ok"]
    assert [cell["cell"] for cell in record["cells"] if not cell["ok"]] == ["gru"]


def test_verify_fails_when_only_a_topic_does(two_topics, monkeypatch, capsys):
    monkeypatch.setattr("explorer.checks.way_back.direct_path", lambda flow: np.ones(3))
    status, out, err = run(capsys, "verify", "--cases", "1")
    assert (status, err) == (1, "")
    assert [line.split("  ")[0] for line in out.splitlines() if "FAIL" in line] == ["the direct path"]


# As a program


def test_a_terminal_without_hangul_and_a_closed_pipe_do_no_harm():
    command = [sys.executable, "-m", "explorer", "trace", "--units", "char", "--text", HANGUL * 400, *QUICK]
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, env=env, cwd=ROOT) as program:
        assert program.stdout is not None and program.stderr is not None
        assert program.stdout.readline().startswith(b"lstm, 5 units")
        program.stdout.close()
        assert program.stderr.read() == b""
        assert program.wait() == 0
