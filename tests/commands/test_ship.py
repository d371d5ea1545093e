"""`ship` on the command line: the same bytes twice, and a card that says what is in the files."""

import json
from dataclasses import replace

import pytest

from explorer.__main__ import main
from explorer.commands import ship as command
from explorer.commands.verbs import VERBS
from explorer.exact import bracketed
from explorer.experiment import Experiment
from explorer.training.run import train
from explorer.training.shipped import MODELS, Family, families
from explorer.training.store import load_bundle

TINY = Experiment(data="brackets", grammar="en", units="char", hidden=4, length=6, budget=500, batch=8)


@pytest.fixture
def tiny(monkeypatch) -> dict[str, Family]:
    """Two families of two cells each, soon trained, in place of those of the app."""
    runs = {cell: replace(TINY, cell=cell) for cell in ("rnn", "gru")}
    found = {name: Family(name, "en", "char", "sun ( moon . )", {}, runs) for name in ("one", "two")}
    monkeypatch.setattr(command, "families", lambda: found)
    return found


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = main(("ship", *argv))
    return status, *capsys.readouterr()


def refusal(capsys, *argv: str) -> str:
    """Returns the sentence on stderr, after checking that it is one and all there is."""
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("explorer: ") and err.endswith(".\n") and err.count("\n") == 1
    return err


def test_the_same_command_gives_the_same_bytes(tmp_path, capsys, tiny):
    folders = tmp_path / "a", tmp_path / "b"
    for folder in folders:
        status, out, err = run(capsys, "--only", "one", "--budget", "25", "--out", str(folder))
        assert (status, err) == (0, "")
        assert [line.split(":")[0] for line in out.splitlines()] == ["one rnn", "one gru"]
    for name in ("one.rnn.safetensors", "one.gru.safetensors"):
        first, second = ((folder / name).read_bytes() for folder in folders)
        assert first == second
    assert {path.name for path in folders[0].iterdir()} == {
        "one.rnn.safetensors",
        "one.gru.safetensors",
        "card.json",
        "README.md",
    }


def test_a_file_holds_the_training_of_its_experiment(tmp_path, capsys, tiny):
    run(capsys, "--only", "one", "--budget", "25", "--out", str(tmp_path))
    bundle = load_bundle(tmp_path / "one.gru.safetensors")
    wanted = replace(TINY, cell="gru", budget=25)
    assert (bundle.experiment, bundle.step) == (wanted, 25)
    weights = train(wanted).model.state_dict()
    assert all(weights[name].equal(value) for name, value in bundle.model.state_dict().items())


def test_the_card_keeps_what_was_not_trained_again(tmp_path, capsys, tiny):
    status, out, err = run(capsys, "--budget", "2", "--out", str(tmp_path), "--json")
    made = json.loads(out)
    assert status == 0 and len(err.splitlines()) == 4
    assert [(one["family"], one["cell"]) for one in made] == [(f, c) for f in tiny for c in ("rnn", "gru")]
    run(capsys, "--only", "two", "--budget", "3", "--out", str(tmp_path))
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    assert list(card) == ["one.rnn", "one.gru", "two.rnn", "two.gru"]
    assert [one["steps"] for one in card.values()] == [2, 2, 3, 3]
    assert card["one.rnn"] == made[0]
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert page == command.page(list(card.values()))


def test_the_page_shows_every_number(tmp_path, capsys, tiny):
    run(capsys, "--only", "one", "--budget", "25", "--out", str(tmp_path))
    card = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    for record in card.values():
        row = next(line for line in page.splitlines() if line.startswith(f"| one | {record['cell']} | 0 |"))
        cells, trials = [cell.strip() for cell in row.strip("|").split("|")], record["trials"]
        assert len(cells) == len(command.COLUMNS)
        assert record["accuracy"] * trials == pytest.approx(round(record["accuracy"] * trials), abs=1e-3)
        assert cells[5:8] == [
            f"{record['nats']:.4f}",
            f"{record['perplexity']:.3f}",
            f"{100 * record['accuracy']:.1f} % {bracketed(round(record['accuracy'] * trials), trials)}",
        ]
        query = dict(pair.split("=") for pair in cells[-1].strip("`").split("&"))
        assert Experiment().with_changes(query) == (replace(TINY, cell=record["cell"], budget=25), ())
        assert record["sample"] in page
        of_units = [line for line in page.splitlines() if line.startswith(f"| one | {record['cell']} |")]
        assert len(of_units) == 1 + len(record["units"]) > 1


def test_the_apps_own_card_is_its_page():
    card = json.loads((MODELS / "card.json").read_text(encoding="utf-8"))
    assert list(card) == [f"{name}.{cell}" for name, family in families().items() for cell in family.cells]
    assert (MODELS / "README.md").read_text(encoding="utf-8") == command.page(list(card.values()))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("--only", "tales_de"), "--only takes one of tales_en, tales_ko, brackets, not 'tales_de'"),
        (("--budget", "0"), "from 1 to 20000"),
        (("--budget", "many"), "--budget"),
        (("--cell", "gru"), "unrecognized"),
    ],
)
def test_what_cannot_be_had_is_refused(capsys, tmp_path, argv, says):
    assert says in refusal(capsys, "--out", str(tmp_path), *argv)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_refused_before_any_training(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refusal(capsys, "--out", str(tmp_path / "file"))
    assert "cannot be written" in refusal(capsys, "--out", str(tmp_path / "none" / "deeper"))


def test_options_have_a_help_each():
    assert all(option.settings["help"] for option in VERBS["ship"].options)
