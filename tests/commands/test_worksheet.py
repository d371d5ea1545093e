"""`worksheet` on the command line: pages, answers, what it refuses."""

import json

from tests.commands.test_main import printed, refusal


def test_the_file_the_table_and_json_have_the_same_answers(capsys, tmp_path):
    out = tmp_path / "sheet.html"
    assert printed(capsys, "worksheet", "--out", str(out)).startswith(f"Wrote {out}: time flies like, 28")
    found = json.loads(printed(capsys, "worksheet", "--json"))["answers"]
    rows = dict(line.split() for line in printed(capsys, "worksheet").splitlines()[1:])
    page = out.read_text(encoding="utf-8")
    for key, shown in rows.items():
        assert f'data-answer="{key}">{shown}<' in page
        assert abs(float(shown.replace("−", "-")) - found[key]) <= 0.005
    assert 'lang="ko"' in _korean(capsys, tmp_path)


def _korean(capsys, folder) -> str:
    out = folder / "ko.html"
    printed(capsys, "worksheet", "--lang", "ko", "--hidden", "3", "--out", str(out))
    return out.read_text(encoding="utf-8")


def test_what_cannot_be_had_is_said(capsys):
    assert "2 or 3" in refusal(capsys, "worksheet", "--hidden", "16")
    assert "three tokens" in refusal(capsys, "worksheet", "--text", "two tokens")
    assert "reads text" in refusal(capsys, "worksheet", "--weights", "marked")
    assert ".html" in refusal(capsys, "worksheet", "--out", "sheet.pdf")
