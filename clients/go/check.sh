#!/usr/bin/env bash
# Builds, runs the unit tests, and compares the generated code with the contract.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./build.sh
(source ./environment.sh && GRPC_GO_RETRY=on go test ./...)
./generate.sh --check
