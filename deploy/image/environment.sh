#!/bin/sh
# The steps that make the environment of the image, for the Dockerfile and for the test alike.
#
#   environment.sh wheels FOLDER                       build the wheels of endcap-client and endcap from this checkout
#   environment.sh install VENV WHEELS EXTRAS [MORE…]  install endcap[EXTRAS] from them, and MORE, into a new VENV
#
# Versions are those of constraints.txt. PIP_ARGS are more arguments for pip, as in the Makefile.
set -eu

ROOT=$(cd "$(dirname "$0")/../.." && pwd)
PYTHON=${PYTHON:-python3}

# A pip of its own, so that the environment carries none.
with_pip() {
    TOOLS=$(mktemp -d)
    trap 'rm -rf "$TOOLS"' EXIT
    "$PYTHON" -m venv "$TOOLS/venv"
    export PIP_CONSTRAINT="$ROOT/constraints.txt" PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR="${PIP_NO_CACHE_DIR:-1}"
}

wheels() {
    with_pip
    # From a copy: a build leaves nothing in the checkout, and a checkout that cannot be written will do.
    mkdir "$TOOLS/source"
    (cd "$ROOT" && cp -R pyproject.toml README.md CHANGELOG.md LICENSE strategies server clients "$TOOLS/source")
    # shellcheck disable=SC2086  # PIP_ARGS are several words
    "$TOOLS/venv/bin/pip" wheel --quiet --no-deps ${PIP_ARGS:-} --wheel-dir "$1" \
        "$TOOLS/source/clients/python" "$TOOLS/source"
}

install() {
    venv=$1 wheels=$2 extras=$3
    shift 3
    with_pip
    "$PYTHON" -m venv --without-pip "$venv"
    # shellcheck disable=SC2086
    "$TOOLS/venv/bin/pip" --python "$venv/bin/python" install --quiet ${PIP_ARGS:-} \
        "$wheels"/endcap_client-*.whl "$(echo "$wheels"/endcap-*.whl)[$extras]" "$@"
    trim "$venv"
}

# The tests that libraries carry along are a tenth of the whole.
trim() {
    find "$1"/lib -type d -name tests -prune -exec rm -rf {} +
}

case "${1:-}" in
    wheels) [ $# -eq 2 ] || { echo "usage: environment.sh wheels FOLDER" >&2; exit 2; } ;;
    install) [ $# -ge 4 ] || { echo "usage: environment.sh install VENV WHEELS EXTRAS [MORE...]" >&2; exit 2; } ;;
    *) echo "found ${1:-nothing}, expected wheels or install; the top of environment.sh says more" >&2; exit 2 ;;
esac
"$@"
