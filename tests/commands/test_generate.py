"""`generate` on the command line: the text of `language.generate`, from a file or learned on the spot."""

import json

import pytest
import torch

from explorer import Experiment
from explorer.__main__ import main
from explorer.commands.verbs import VERBS
from explorer.lab.learned import learn
from explorer.labels import UNKNOWN
from explorer.language.sampling import generate
from explorer.language.scoring import score
from explorer.text import join, tokenise
from explorer.training.shipped import load
from explorer.training.store import save_model
from tests.helpers import number_model, word_model

WORDS = (UNKNOWN, "the", "fat", "cat", "sat", ".")


@pytest.fixture
def file(tmp_path) -> str:
    path = tmp_path / "m.safetensors"
    save_model(path, word_model("gru", WORDS, H=4, num_layers=2), Experiment(units="word"))
    return str(path)


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = main(("generate", *argv))
    return status, *capsys.readouterr()


def refusal(capsys, *argv: str) -> str:
    """Returns the sentence on stderr, after checking that it is on one line and all there is."""
    status, out, err = run(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("explorer: ") and err.count("\n") == 1
    return err


def test_a_file_goes_on_after_a_prompt(capsys, file):
    status, out, err = run(
        capsys, "--model", file, "--prompt", "the fat", "--temperature", "0.8", "--tokens", "6", "--seed", "3"
    )
    said = generate(word_model("gru", WORDS, H=4, num_layers=2), ("the", "fat"), 6, temperature=0.8, seed=3)
    assert (status, err) == (0, "")
    assert out == join(("the", "fat", *said.tokens), "word") + "\n"


def test_json_holds_what_the_functions_give(capsys, file):
    argv = ("--top-k", "3", "--top-p", "0.9", "--tokens", "5", "--stop", ".", "--json")
    status, out, _ = run(capsys, "--model", file, "--prompt", "the cat", *argv)
    record = json.loads(out)
    model = word_model("gru", WORDS, H=4, num_layers=2)
    said = generate(model, ("the", "cat"), 5, top_k=3, top_p=0.9, stop=".")
    assert status == 0
    assert record["tokens"] == list(said.tokens)
    assert record["probabilities"] == said.probability.tolist()
    assert record["entropies"] == said.entropy.tolist()
    assert record["model_entropies"] == [step.model_entropy for step in said.steps]
    assert record["prompt_perplexity"] == score(model, ("the", "cat")).perplexity
    assert record["stopped_by_end"] == said.stopped_by_end
    assert (record["cell"], record["units"], record["temperature"]) == ("gru", "word", 1.0)


def test_without_a_file_the_lectures_sentences_are_learned(capsys):
    status, out, err = run(capsys, "--prompt", "가는", "--greedy", "--tokens", "5")
    assert (status, out, err) == (0, "가는 말이 고와야 오는 말이 곱다\n", "")
    argv = ("--cell", "gru", "--hidden", "20", "--units", "jamo", "--seed", "2", "--tokens", "6")
    status, out, _ = run(capsys, *argv, "--prompt", "그의 말", "--temperature", "0", "--json")
    learned = learn(Experiment(cell="gru", hidden=20, units="jamo", seed=2)).model
    typed = tokenise("그의 말", "jamo")
    said = generate(learned, typed, 6, temperature=0)
    record = json.loads(out)
    assert record["tokens"] == list(said.tokens)
    assert record["text"] == "그의 말이 법" == join(typed + said.tokens, "jamo")


@pytest.mark.parametrize(("argv", "cell"), [((), "lstm"), (("--cell", "gru"), "gru")])
def test_a_network_that_comes_with_the_app_has_a_name(capsys, argv, cell):
    more = ("--prompt", "The fox", "--tokens", "60", "--temperature", "0.8", "--seed", "4", "--json")
    status, out, err = run(capsys, "--model", "tales_en", *argv, *more)
    prompt = tokenise("The fox", "char")
    said = generate(load("tales_en", cell).model, prompt, 60, temperature=0.8, seed=4)
    record = json.loads(out)
    assert (status, err) == (0, "")
    assert (record["cell"], record["units"], record["tokens"]) == (cell, "char", list(said.tokens))
    assert record["text"] == join(prompt + said.tokens, "char")


def test_of_a_network_that_comes_with_the_app_only_the_cell_is_chosen(capsys):
    argv = ("--model", "tales_en", "--prompt", "The")
    assert "--hidden has no place beside --model" in refusal(capsys, *argv, "--hidden", "8")
    assert "takes one of rnn, lstm, gru beside --model tales_en" in refusal(capsys, *argv, "--cell", "elman")
    assert "There is no file" in refusal(capsys, "--model", "tales_de", "--prompt", "The")


def test_unknown_words_are_said(capsys, file):
    argv = ("--model", file, "--tokens", "2", "--json")
    status, out, err = run(capsys, *argv, "--prompt", "zebra the zebra mule")
    record = json.loads(out)
    assert status == 0
    assert err == "explorer: the model does not know 'zebra', 'mule'; it read <unk> there.\n"
    assert record["read"] == [UNKNOWN, "the", UNKNOWN, UNKNOWN]
    assert record["known"] == [False, True, False, False]
    status, _, err = run(capsys, *argv, "--prompt", " ".join(f"w{k}" for k in range(20)))
    assert status == 0 and "'w7' and 12 more" in err


def test_a_prompt_of_one_token_has_no_perplexity(capsys, file):
    _, out, _ = run(capsys, "--model", file, "--prompt", "the", "--tokens", "1", "--json")
    assert json.loads(out)["prompt_perplexity"] is None


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ((), "--prompt"),
        (("--prompt", ""), "holds no text"),
        (("--prompt", " \u200b\n"), "holds no text"),
        (("--prompt", "a" * 20_001), "20000 characters"),
        (("--prompt", "the", "--tokens", "0"), "from 1 to 1000"),
        (("--prompt", "the", "--tokens", "1001"), "from 1 to 1000"),
        (("--prompt", "the", "--temperature", "-1"), "--temperature"),
        (("--prompt", "the", "--temperature", "nan"), "--temperature"),
        (("--prompt", "the", "--temperature", "100.5"), "from 0 to 100"),
        (("--prompt", "the", "--temperature", ""), "--temperature"),
        (("--prompt", "the", "--top-k", "1.5"), "--top-k"),
        (("--prompt", "the", "--top-p", "0"), "above 0"),
        (("--prompt", "the", "--top-p", "1.1"), "--top-p"),
        (("--prompt", "the", "--seed", "x"), "--seed"),
        (("--prompt", "the", "--greedy", "--top-k", "3"), "beside --greedy"),
        (("--prompt", "the", "--stop", "zebra"), "zebra"),
        (("--prompt", "the", "--cell", "lstm"), "beside --model"),
        (("--prompt", "the", "--loss", "last_step"), "unrecognized"),
    ],
)
def test_what_cannot_be_had_is_refused(capsys, file, argv, says):
    assert says in refusal(capsys, "--model", file, *argv)


def test_files_that_cannot_be_used_are_refused(capsys, tmp_path):
    def says(name: str) -> str:
        return refusal(capsys, "--model", name, "--prompt", "the")

    assert "There is no file" in says(str(tmp_path / "none.safetensors"))
    assert "is a folder" in says(str(tmp_path))
    assert "There is no file ?" in says("\0")
    (tmp_path / "empty").write_bytes(b"")
    assert "The file is empty." in says(str(tmp_path / "empty"))
    torch.save({}, tmp_path / "m.pt")
    assert "no recurrent layer" in says(str(tmp_path / "m.pt"))
    save_model(tmp_path / "numbers", number_model("lstm"))
    assert "no vocabulary" in says(str(tmp_path / "numbers"))
    both = word_model("gru", WORDS, H=4, bidirectional=True)
    save_model(tmp_path / "both", both)
    assert "both directions" in says(str(tmp_path / "both"))


def test_what_has_no_place_without_a_file_is_refused(capsys):
    assert "--cell takes one of" in refusal(capsys, "--prompt", "가는", "--cell", "elman")
    assert "--prefix has no place without" in refusal(capsys, "--prompt", "가는", "--prefix", "rnn")


def test_options_have_a_help_each():
    assert all(option.settings["help"] for option in VERBS["generate"].options)
