"""The image of one replica: hadolint finds nothing, and all that the app needs at run time is copied."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.e2e.server import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_finds_nothing():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_has_what_the_app_runs_and_nobodys_else():
    copied = {name for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M) for name in line.split()}
    assert copied >= {"app.py", "main.py", ".streamlit", "assets", "pages", "explorer", "requirements.txt"}
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert allowed[0] == "*" and {line[1:] for line in allowed if line.startswith("!")} == copied
    assert all((ROOT / name).exists() for name in copied)


def test_the_image_runs_as_nobody_special_and_says_whether_it_is_well():
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.M)
    assert users and users[-1] not in ("0", "root")
    assert re.search(r"^HEALTHCHECK .*\n? +CMD \[.*/_stcore/health", DOCKERFILE, re.M)
    assert "download.pytorch.org/whl/cpu" in DOCKERFILE


def test_the_image_is_the_same_tomorrow():
    assert re.findall(r"^FROM python:3\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.M)
    asked = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert "-c constraints.txt" in asked
    assert all("==" in line for line in asked if line and line[0] not in "#-")


def test_a_file_that_the_app_takes_passes_the_proxy():
    with (ROOT / ".streamlit/config.toml").open("rb") as file:
        most = tomllib.load(file)["server"]["maxUploadSize"]
    (passes,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "deploy/nginx.py").read_text("utf-8"))
    assert int(passes) > most
