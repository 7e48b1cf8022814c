#!/usr/bin/env bash
# Builds what is out of date and runs the unit tests, against servers of their own on the loopback interface.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./build.sh
. ./classpath.sh
need_jars "$TEST_JARS"
path="build/endcap-client.jar:$JARS:$TEST_JARS"
compile src/test/java build/test "$path" -Xlint:all -Werror
tests=(endcap.client.EndcapClientTest endcap.client.EndcapExceptionTest)
exec "${JAVA[@]}" -cp "build/test:$path" org.junit.runner.JUnitCore "${tests[@]}"
