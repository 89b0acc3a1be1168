#!/usr/bin/env bash
# Tests mock-api against its own description with Schemathesis (from PyPI, into a folder of its own), in two passes: first
# everything but the profile, calm as it starts; then the profile, whose changes would make all other paths fail.
#
#   crates/bench-harness/peers/mock_api_schemathesis.sh [EXAMPLES]      (30 for each path and phase)
set -euo pipefail
examples=${1:-30}
source "$(dirname "$0")/servers.sh"

build mock-api
python_with schemathesis schemathesis
"$target/debug/mock-api" --port 0 --max-delay-ms 50 >"$work/address" & pids+=($!)
address=$(listening "$work/address")
run() {
    "$venv/bin/schemathesis" --config-file "$here/mock_api_schemathesis.toml" run "$address/openapi.json" \
        --max-examples "$examples" --seed 42 --request-timeout 20 "$@"
}
cd "$work"
run --exclude-path-regex '^/admin/profile'
run --include-path-regex '^/admin/profile'
