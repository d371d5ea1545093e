"""How ./start and ./test find a Python: any from 3.11 to 3.14, the one that is named before all others."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "environment.sh"
FIND = f'. {shlex.quote(str(SCRIPT))}; PATH="$1"; find_python'
CLAIM = "import sys; sys.version_info = (3, {minor}, 0, 'final', 0); exec(sys.argv[1])"


def python(path: Path, minor: int) -> Path:
    """Makes a program that answers as Python 3.minor would."""
    claim = shlex.quote(CLAIM.format(minor=minor))
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exec {shlex.quote(sys.executable)} -c {claim} "$2"\n')
    path.chmod(0o755)
    return path


def found(folder: Path, named: str = "") -> subprocess.CompletedProcess:
    """Looks for a Python where the folder is all there is on the path."""
    command = ["bash", "-c", FIND, "start", str(folder)]
    env = {"PATH": "/usr/bin:/bin", "PYTHON": named}
    return subprocess.run(command, env=env, capture_output=True, text=True)


@pytest.mark.parametrize("minor", [11, 12, 13, 14])
@pytest.mark.parametrize("name", ["python3.{}", "python3", "python"])
def test_any_python_of_the_range_is_found(tmp_path, minor, name):
    program = python(tmp_path / name.format(minor), minor)
    assert found(tmp_path).stdout == f"{program.name}\n"


@pytest.mark.parametrize("minor", [10, 15])
def test_any_other_is_refused_in_one_sentence(tmp_path, minor):
    python(tmp_path / "python3", minor)
    done = found(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Python 3.11 to 3.14 with venv is needed.") and done.stderr.count("\n") == 1


def test_the_first_of_the_range_is_taken_and_the_named_one_before_it(tmp_path):
    for minor in (10, 12, 13):
        python(tmp_path / f"python3.{minor}", minor)
    assert found(tmp_path).stdout == "python3.12\n"
    named = python(tmp_path / "mine", 14)
    assert found(tmp_path, str(named)).stdout == f"{named}\n"
    assert found(tmp_path, str(tmp_path / "python3.10")).stdout == "python3.12\n"
