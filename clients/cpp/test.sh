#!/usr/bin/env bash
# Builds what is out of date and runs the unit tests, against servers of their own on the loopback interface.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./build.sh --target client_test
exec build/client_test --gtest_brief=1
