"""`python -m explorer site`: views as a folder of pages, for any web server or a disk."""

import argparse
import html
from pathlib import Path

from explorer.commands.options import Option, UsageError, Verb
from explorer.commands.output import written
from explorer.i18n import LANGUAGES, t

LINKS = {
    "lstm": "/step?weights=english",
    "gru": "/step?cell=gru&weights=english",
    "two": "/step?second=rnn&weights=english",
    "vanishing": "/gradients?weights=english&stretch=40",
    "pairs": "/language?view=pairs&weights=english",
    "predict": "/language?view=predict&weights=english",
    "units": "/language?view=units&weights=model&model=brackets&units=char&feature=bracket&shade=c",
    "dynamics": "/dynamics?scene=network&weights=english",
}
"""The views of the site, by the name of their page."""

SHARED = "shared"


def run_site(chosen: argparse.Namespace) -> int:
    """Carries out every view in both languages and writes the pages, what they share, and an index."""
    from explorer.stage.export import html as page_of  # Plotly takes a while to load
    from explorer.stage.export import shared_files
    from explorer.stage.views import view

    folder, links = Path(chosen.folder), _links(chosen.views)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{chosen.folder!r} is a file, not a folder.")
    entries = []
    with written(folder):
        (folder / SHARED).mkdir(parents=True, exist_ok=True)
        for name, text in shared_files().items():
            (folder / SHARED / name).write_text(text, encoding="utf-8")
        for lang in LANGUAGES:
            entries.append(f"<h2>{html.escape(t(f'language.{lang}', lang))}</h2><ul>")
            for name, link in links.items():
                seen, file = view(link, lang=lang), f"{name}.{lang}.html"
                text = page_of(seen.payload, seen.title, shared=SHARED)
                (folder / file).write_text(text, encoding="utf-8")
                entries.append(f'<li><a href="{file}">{html.escape(seen.title)}</a></li>')
            entries.append("</ul>")
        (folder / "index.html").write_text(_INDEX.format("\n".join(entries)), encoding="utf-8")
    print(f"Wrote {folder / 'index.html'}: {len(links)} views in {len(LANGUAGES)} languages")
    return 0


_INDEX = """<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><title>RNN Explorer</title>
<style>body {{ font-family: sans-serif; max-width: 50rem; margin: 2rem auto }}</style></head>
<body><h1>RNN Explorer</h1>
{}
</body></html>
"""


def _links(views: str) -> dict[str, str]:
    """Returns the links of the views that are asked for. Raises UsageError for one that there is not."""
    names = [name.strip() for name in views.split(",")] if views else list(LINKS)
    if unknown := [name for name in names if name not in LINKS]:
        raise UsageError(f"there is no view {unknown[0]!r}; there are {', '.join(LINKS)}")
    return {name: LINKS[name] for name in names}


FOLDER = Option("folder", {"metavar": "FOLDER", "help": "where the pages go"})
VIEWS = Option("--views", {"default": "", "metavar": "A,B", "help": f"of {', '.join(LINKS)}; all by default"})

VERB = Verb(run_site, "views as a folder of pages for any web server or a disk", (FOLDER, VIEWS))
