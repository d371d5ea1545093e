"""`python -m explorer site`: pages that share what is large."""

from explorer.__main__ import main
from explorer.commands import site
from explorer.stage.export import shared_files


def test_a_site_is_an_index_pages_and_what_they_share(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(site, "LINKS", {"a": "/step?weights=untrained&text=a+b&hidden=3"})
    assert main(["site", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.en.html", "a.ko.html", "index.html", "shared"}
    assert {path.name for path in (tmp_path / "shared").iterdir()} == set(shared_files())
    for lang in ("en", "ko"):
        page = (tmp_path / f"a.{lang}.html").read_text("utf-8")
        assert f'<html lang="{lang}">' in page and 'src="shared/modules.js"' in page and len(page) < 300_000
        assert f'href="a.{lang}.html"' in (tmp_path / "index.html").read_text("utf-8")
    assert "1 views in 2 languages" in capsys.readouterr().out


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "a").write_text("x")
    assert main(["site", str(tmp_path / "a")]) == 2
    assert "is a file" in capsys.readouterr().err
