#!/usr/bin/env bash
# Makes src/gen anew: the messages from protos/ and from google.rpc, and the shared service config as a module.
# With --check it changes nothing, and fails when what is committed is not what it would make.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

room=clients/typescript/src/gen
for tool in .venv/bin/buf .venv/bin/python; do
	test -x "$tool" || { echo "typescript: $tool is missing; run make install" >&2; exit 3; }
done
(cd clients/typescript && source ./environment.sh)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# googleapis-common-protos, which the Python client needs, ships the sources of google.rpc.
rpc=$(.venv/bin/python -c 'import google.rpc; print(google.rpc.__path__[0])')
mkdir -p "$work/protos/google/rpc" "$work/out"
cp "$rpc/status.proto" "$rpc/error_details.proto" "$work/protos/google/rpc"

.venv/bin/buf generate protos --template clients/typescript/buf.gen.yaml -o "$work/out"
.venv/bin/buf generate "$work/protos" --template clients/typescript/buf.gen.yaml -o "$work/out"
{
	echo "// Made by generate.sh of clients/service_config.json; never edited by hand."
	echo
	printf 'export default '
	sed '$ s/$/ as const;/' clients/service_config.json
} >"$work/out/service_config.ts"

if [[ ${1:-} == --check ]]; then
	diff -ru "$room" "$work/out" || { echo "$room is stale: run clients/typescript/generate.sh" >&2; exit 1; }
else
	rm -rf "$room"
	mkdir -p "$(dirname "$room")"
	cp -r "$work/out" "$room"
fi
