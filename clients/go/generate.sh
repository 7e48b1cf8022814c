#!/usr/bin/env bash
# Makes endcapv1 anew from protos/, and copies the shared service config beside the code that embeds it.
# With --check it changes nothing, and fails when what is committed is not what it would make.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

module=endcap/clients/go
test -x .venv/bin/buf || { echo "go: .venv/bin/buf is missing; run make install" >&2; exit 3; }
for tool in protoc-gen-go protoc-gen-go-grpc; do
	command -v "$tool" >/dev/null || { echo "go: $tool is missing; see clients/go/packages.txt" >&2; exit 3; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Where each file's Go belongs is said here and not in the contract, which knows of no language's folders.
options="\"module=$module\""
for proto in protos/endcap/v1/*.proto; do
	options+=", \"M${proto#protos/}=$module/endcapv1\""
done
template="{\"version\": \"v2\", \"plugins\": [
	{\"local\": \"protoc-gen-go\", \"out\": \".\", \"opt\": [$options]},
	{\"local\": \"protoc-gen-go-grpc\", \"out\": \".\", \"opt\": [$options]}]}"
.venv/bin/buf generate protos --template "$template" -o "$work"
cp clients/service_config.json "$work/service_config.json"

if [[ ${1:-} == --check ]]; then
	diff -ru clients/go/endcapv1 "$work/endcapv1" && diff -u clients/go/endcap/service_config.json "$work/service_config.json" \
		|| { echo "clients/go is stale: run clients/go/generate.sh" >&2; exit 1; }
else
	rm -rf clients/go/endcapv1
	mkdir -p clients/go/endcap
	cp -r "$work/endcapv1" clients/go/endcapv1
	cp "$work/service_config.json" clients/go/endcap/service_config.json
fi
