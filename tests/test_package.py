"""The package as others get it: a wheel, installed in a fresh environment, used from another folder."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from itertools import chain
from pathlib import Path
from venv import EnvBuilder

import numpy as np
import pytest
import torch
from packaging.requirements import Requirement

from explorer import trace
from explorer.extras import EXTRAS
from tests.e2e.server import running

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
QUIET = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
OUTSIDE = {**os.environ, "PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", *QUIET, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def app(wheel, tmp_path_factory) -> Path:
    """The programs of an environment that has every package."""
    site = Path(str(distribution("streamlit").locate_file("")))
    return installed(wheel, tmp_path_factory.mktemp("app") / "environment", site)


def pip(*options: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", *options], check=True, env=OUTSIDE)


def installed(wheel: Path, folder: Path, packages: Path) -> Path:
    """Returns the programs of a fresh environment with the wheel, and with packages by a .pth file."""
    EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(folder)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip("--python", str(programs / "python"), "install", *QUIET, str(wheel))
    (site,) = {path.parent for path in folder.glob("**/site-packages/explorer")}
    (site / "packages.pth").write_text(f"{packages}\n")
    return programs


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory) -> Path:
    """The programs of an environment that has what the package itself requires, and no extra."""
    folder = tmp_path_factory.mktemp("core")
    packages = folder / "packages"
    packages.mkdir()
    for name in needs(PROJECT["dependencies"]):
        for top in tops(distribution(name)):
            (packages / top.name).symlink_to(top)
    return installed(wheel, folder / "environment", packages)


def needs(requirements: list[str]) -> set[str]:
    """Returns the packages that requirements without a condition lead to."""
    found: set[str] = set()
    waiting = list(requirements)
    while waiting:
        text = waiting.pop()
        name = bare(text)
        if ";" not in text and name not in found:
            found.add(name)
            waiting += distribution(name).requires or []
    return found


def bare(requirement: str) -> str:
    return Requirement(requirement).name


def tops(package: Distribution) -> set[Path]:
    """Returns the folders and files at the top that a package consists of."""
    site = Path(str(package.locate_file("")))
    names = {path.parts[0] for path in package.files or []}
    return {site / name for name in names if name not in ("..", "__pycache__")}


def said(programs: Path, folder: Path, code: str) -> str:
    """Returns what a script prints that an environment's Python runs in another folder."""
    command = [str(programs / "python"), "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=folder, env=OUTSIDE, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


TRACE = """
import sys
import torch
import explorer
early = {name for name in sys.modules if name.startswith("explorer.")}
assert early == {"explorer.extras", "explorer.shown"}
from explorer import CELLS, bptt, trace
torch.manual_seed(0)
t = trace(torch.nn.LSTM(3, 4), torch.randn(5, 3))
g = bptt(t, torch.ones(5, 4))
import json
loaded = sorted({name.partition(".")[0] for name in sys.modules})
rooms = sorted({name.split(".")[1] for name in sys.modules if name.startswith("explorer.")})
print(json.dumps([explorer.__file__, list(CELLS), t.gate["f"].tolist(), g.norm[4, 3], loaded, rooms]))
"""


def test_the_core_traces_an_lstm_without_any_extra(core, tmp_path):
    home, cells, forget, norm, loaded, rooms = json.loads(said(core, tmp_path, TRACE))
    assert Path(home).is_relative_to(core.parent)
    torch.manual_seed(0)
    assert np.array_equal(trace(torch.nn.LSTM(3, 4), torch.randn(5, 3)).gate["f"], np.float32(forget))
    assert {"rnn", "lstm", "gru"} <= set(cells) and norm > 0
    assert not {*EXTRAS, "pandas", "dask"} & set(loaded)
    assert not {"training", "stage", "figures", "ui", "commands", "experiment", "text"} & set(rooms)


def test_the_core_stands_where_no_package_of_an_extra_is(core, tmp_path):
    code = f"from importlib.util import find_spec; print([n for n in {list(EXTRAS)} if find_spec(n)])"
    assert said(core, tmp_path, code) == "[]\n"


LACKING = """
import explorer
for name in ("train", "load_model", "Experiment"):
    try:
        getattr(explorer, name)
    except ImportError as error:
        print(name, error)
"""


def test_what_an_extra_brings_says_which(core, tmp_path):
    lines = said(core, tmp_path, LACKING).splitlines()
    assert [line.split()[0] for line in lines] == ["train", "load_model", "Experiment"]
    assert all("pip install 'rnn-explorer[train]'" in line for line in lines)


def test_the_command_line_says_which_extra_it_lacks(core, tmp_path):
    done = subprocess.run(
        [core / "rnn-explorer", "trace"], cwd=tmp_path, env=OUTSIDE, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("explorer: ") and "pip install 'rnn-explorer[train]'" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def crowded(tmp_path) -> Path:
    """A folder that holds files of the app's names, and a configuration with an address of nobody."""
    for name in ("app.py", "main.py", "explorer.py"):
        (tmp_path / name).write_text("raise SystemExit('the wrong file')\n")
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('[server]\naddress = "192.0.2.1"\n')
    return tmp_path


def got(url: str) -> bytes:
    """Returns what an address holds."""
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def test_the_app_starts_from_the_wheel_in_any_folder(app, crowded):
    command = [str(app / "rnn-explorer"), "app"]
    with running(command, crowded, OUTSIDE) as url:
        assert got(f"{url}/_stcore/health") == b"ok"
        stage = set(re.findall(r'"(/stage/[^"]+)"', got(url).decode()))
        assert {path.name for path in map(Path, stage)} >= {"stage.js", "plotly.min.js"}
        for path in stage:
            assert got(url + path), path


PAGE = """
from streamlit.testing.v1 import AppTest
from explorer.i18n import ROOT
main = str(ROOT / "main.py")
run = f"exec(compile(open({main!r}).read(), {main!r}, 'exec'), {{**globals(), '__file__': {main!r}}})"
app = AppTest.from_string(run)
app.switch_page(str(ROOT / "pages" / "course.py"))
app.run(timeout=300)
print(ROOT, len(app.exception), len(app.markdown))
"""
"""As tests/pages/app.py opens the app of this folder."""


def test_a_page_is_drawn_from_the_wheel(app, tmp_path):
    root, exceptions, texts = said(app, tmp_path, PAGE).split()
    assert Path(root).is_relative_to(app.parent)
    assert exceptions == "0" and int(texts) > 5


def test_the_wheel_holds_what_the_app_reads(wheel):
    with zipfile.ZipFile(wheel) as archive:
        found = {name.removeprefix("explorer/files/") for name in archive.namelist()}
        config = tomllib.loads(archive.read("explorer/files/.streamlit/config.toml").decode())
    tracked = {
        path.relative_to(ROOT).as_posix()
        for folder in ("pages", "assets", "explorer")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert tracked <= found and {"app.py", "main.py"} <= found
    assert not [name for name in found if "__pycache__" in name or name.startswith("tests/")]
    assert config["runner"]["postScriptGC"] is False


def test_every_package_that_is_imported_has_an_extra():
    """What is imported is required, or comes with a package of the same extra that builds on it."""
    sources = [*(ROOT / "explorer").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]
    found = {name for path in sources for name in imported(ast.parse(path.read_text(encoding="utf-8")))}
    beside = {"anyio": "streamlit", "pandas": "streamlit", "starlette": "streamlit"}
    beside |= {"traitlets": "ipywidgets", "google": "streamlit"}
    named = {"numpy", "torch"} | EXTRAS.keys() - {"ipywidgets"} | beside.keys()
    assert found - sys.stdlib_module_names - {"explorer"} == named
    for name, package in beside.items():
        brought = {bare(text) for text in distribution(package).requires or []}
        assert {"google": "protobuf"}.get(name, name) in brought


def test_the_table_of_extras_is_the_projects():
    extras = PROJECT["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert package in {bare(text) for text in extras[extra]}
    assert {bare(text) for texts in extras.values() for text in texts} == {"rnn-explorer", *EXTRAS}


def test_every_range_holds_the_version_that_the_two_commands_install():
    exact = dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements-dev.txt").read_text(), re.M))
    exact |= dict(re.findall(r"^(\S+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.M))
    texts = [*PROJECT["dependencies"], *chain(*PROJECT["optional-dependencies"].values())]
    for required in map(Requirement, texts):
        if required.name != "rnn-explorer":
            assert exact[required.name] in required.specifier, required


def imported(tree: ast.Module) -> Iterator[str]:
    """Yields the packages that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]
