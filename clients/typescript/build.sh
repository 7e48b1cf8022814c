#!/usr/bin/env bash
# Compiles the package, its example, its driver and its tests, which the compiler checks on the way. Does nothing when
# nothing changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./environment.sh

built=build/.built
sources=(src test examples interop package.json tsconfig*.json node_modules/.installed)
if [[ ! -e $built || -n $(find "${sources[@]}" -newer "$built" -print -quit) ]]; then
	rm -rf dist build
	npm run --silent build
	npm run --silent build:dev
	touch "$built"
fi
