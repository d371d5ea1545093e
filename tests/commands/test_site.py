"""`python -m explorer site`: pages that share what is large."""

import base64
import re
from pathlib import Path

import numpy as np

from explorer.__main__ import main
from explorer.commands import site
from explorer.stage.export import shared_files
from explorer.stage.taking import arrays_of
from explorer.stage.views import view

SITE = Path(__file__).parents[2] / "docs" / "site"


def test_a_site_is_an_index_pages_and_what_they_share(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(site, "LINKS", {"a": "/step?weights=untrained&text=a+b&hidden=3"})
    assert main(["site", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"a.en.html", "a.ko.html", "index.html", "shared"}
    assert {path.name for path in (tmp_path / "shared").iterdir()} == set(shared_files())
    for lang in ("en", "ko"):
        page = (tmp_path / f"a.{lang}.html").read_text("utf-8")
        assert f'<html lang="{lang}">' in page and 'src="shared/stage.js"' in page and len(page) < 60_000
        assert f'href="a.{lang}.html"' in (tmp_path / "index.html").read_text("utf-8")
    assert "1 views in 2 languages" in capsys.readouterr().out


def payload_of(page: Path) -> bytes:
    (packed,) = re.findall(r'class="rx-payload">([^<]*)<', page.read_text("utf-8"))
    return base64.b64decode(packed)


def test_the_kept_site_is_whole_and_its_numbers_are_those_of_today():
    index = (SITE / "index.html").read_text("utf-8")
    pages = re.findall(r'href="([^"]*)"', index)
    assert {path.name for path in SITE.iterdir()} == {*pages, "index.html", "shared"}
    assert {path.name for path in (SITE / "shared").iterdir()} == set(shared_files())
    assert sum(path.stat().st_size for path in SITE.rglob("*") if path.is_file()) < 5_000_000
    for page in pages:
        name, lang, _ = page.split(".")
        kept, now = (
            arrays_of(payload)
            for payload in (payload_of(SITE / page), view(site.LINKS[name], lang=lang).payload)
        )
        assert kept.keys() == now.keys(), page
        for key in ("h", "norm", "nats"):
            if key in kept:
                np.testing.assert_allclose(kept[key], now[key], rtol=1e-3, atol=1e-5, err_msg=f"{page} {key}")
                assert kept["token"].tolist() == now["token"].tolist()


def test_a_view_that_there_is_not_is_named(tmp_path, capsys):
    assert main(["site", str(tmp_path / "a"), "--views", "lstm,nothing"]) == 2
    assert "there is no view 'nothing'" in capsys.readouterr().err and not (tmp_path / "a").exists()


def test_a_file_is_no_folder(tmp_path, capsys):
    (tmp_path / "a").write_text("x")
    assert main(["site", str(tmp_path / "a")]) == 2
    assert "is a file" in capsys.readouterr().err
