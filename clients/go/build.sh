#!/usr/bin/env bash
# Compiles the package, its example and its driver with Debian's Go and gRPC, and checks style. Go's cache makes it fast
# when nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./environment.sh

unformatted=$(gofmt -l endcap cmd)
test -z "$unformatted" || { echo "go: not gofmt's style: $unformatted" >&2; exit 1; }
go vet ./...
go build -o "$here/build/bin/" ./cmd/...
