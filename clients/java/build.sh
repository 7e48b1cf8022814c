#!/usr/bin/env bash
# Generates the stubs and builds library, example and interop driver below build/. Does only what is out of date. Exits
# 3 when a tool or a jar is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./classpath.sh

protos=../../protos
strict=(-Xlint:all -Werror)
library=build/endcap-client.jar

generate() { # OUT PROTOS...
	mkdir -p "$1"
	protoc -I"$protos" -I../protos --java_out="$1" --grpc-java_out="$1" \
		--plugin=protoc-gen-grpc-java="$(command -v grpc_java_plugin)" "${@:2}"
}

stubs() {
	rm -rf build
	generate build/generated/client "$protos"/endcap/v1/*.proto ../protos/details.proto
	generate build/generated/interop ../protos/interop.proto
	compile build/generated/client build/stubs "$JARS:$GENERATED_JARS" -nowarn
	compile build/generated/interop build/interop-stubs "$JARS" -nowarn
}

own() {
	rm -rf build/client build/example build/interop
	compile src/main/java build/client "build/stubs:$JARS" "${strict[@]}"
	cp ../service_config.json build/client/endcap/client/
	install -D -m 644 "$(tcnative)" "$NATIVE/libnetty_tcnative.so"
	jar --create --file "$library" -C build/stubs . -C build/client .
	compile src/example/java build/example "$library:$JARS" "${strict[@]}"
	compile src/interop/java build/interop "build/interop-stubs:$library:$JARS:$INTEROP_JARS" "${strict[@]}"
}

# Runs STEP where an input is newer than the start of its last run.
when_stale() { # STEP INPUTS...
	local stamp=build/.$1
	if [ -e "$stamp" ] && [ -z "$(find "${@:2}" -newer "$stamp" -print -quit)" ]; then
		return
	fi
	local started
	started=$(mktemp)
	"$1"
	mv "$started" "$stamp"
}

need_tools java javac jar protoc grpc_java_plugin
need_jars "$JARS:$GENERATED_JARS:$INTEROP_JARS"
tcnative >/dev/null
when_stale stubs "$protos" ../protos build.sh classpath.sh
when_stale own build/.stubs src/main src/example src/interop ../service_config.json
