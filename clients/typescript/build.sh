#!/usr/bin/env bash
# Installs what package-lock.json names and compiles the package, its example, its driver and its tests, which the
# compiler checks on the way. Does nothing when nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

for tool in node npm; do
	command -v "$tool" >/dev/null || { echo "typescript: $tool is missing; install Node.js 20 or newer" >&2; exit 3; }
done
node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' \
	|| { echo "typescript: found Node.js $(node --version), needs 20 or newer" >&2; exit 3; }

if ! cmp -s package-lock.json node_modules/.installed; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	cp package-lock.json node_modules/.installed
fi
built=build/.built
if [[ ! -e $built || -n $(find src test examples interop package.json tsconfig*.json node_modules/.installed -newer "$built" -print -quit) ]]; then
	rm -rf dist build
	npm run --silent build
	npm run --silent build:dev
	touch "$built"
fi
