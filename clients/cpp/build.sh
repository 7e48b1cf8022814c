#!/usr/bin/env bash
# Generates the stubs and builds library, example and interop driver below build/. Does only what is out of date. Exits
# 3 when a tool or a library is missing. JOBS says how many compilers run at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing() { # WHAT
	echo "clients/cpp: $1 is missing; install the Debian packages of clients/cpp/packages.txt" >&2
	exit 3
}

for tool in cmake make g++ protoc grpc_cpp_plugin; do
	command -v "$tool" >/dev/null || missing "$tool"
done
for header in grpcpp/grpcpp.h google/protobuf/message.h gtest/gtest.h; do
	echo "#include <$header>" | g++ -std=c++17 -E -x c++ - >/dev/null 2>&1 || missing "$header"
done
[ -e build/Makefile ] || cmake -S . -B build -G 'Unix Makefiles' -DCMAKE_BUILD_TYPE= -DCMAKE_CXX_FLAGS=-O1 >&2
cmake --build build --parallel "${JOBS:-2}" "$@" >&2
