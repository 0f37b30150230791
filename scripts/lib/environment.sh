# shellcheck shell=bash
# The Python environment of this checkout: made once, brought up to date when pyproject.toml changes.

ensure_environment() {
    local root=$1 python stamp
    for python in python3.13 python3.12 python3.11 python3; do
        if command -v "$python" >/dev/null &&
            "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            break
        fi
        python=
    done
    if [ -z "$python" ]; then
        echo "Python 3.11 or later is needed, and none was found." >&2
        return 1
    fi
    if [ ! -x "$root/.venv/bin/python" ]; then
        echo "making a Python environment in .venv" >&2
        "$python" -m venv "$root/.venv"
    fi
    stamp=$root/.venv/.installed
    if ! cmp -s "$root/constraints.txt" "$stamp" || [ "$root/pyproject.toml" -nt "$stamp" ]; then
        echo "installing Python packages" >&2
        "$root/.venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --constraint "$root/constraints.txt" --editable "$root[dev]"
        cp "$root/constraints.txt" "$stamp"
        touch "$stamp"
    fi
}
