#!/usr/bin/env bash
# Tests mock-api against its own description with Schemathesis (from PyPI, into a folder of its own), in two passes: first
# everything but the profile, calm as it starts; then the profile, whose changes would make all other paths fail.
#
#   crates/bench-harness/peers/mock_api_schemathesis.sh [EXAMPLES]      (30 for each path and phase)
set -euo pipefail
examples=${1:-30}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
server=
cleanup() {
    [ -n "$server" ] && kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --quiet --manifest-path "$root/Cargo.toml" -p mock-api
venv=${PEER_VENV:-$work/venv}
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet schemathesis
fi
"$target/debug/mock-api" --port 0 --max-delay-ms 50 >"$work/address" & server=$!
for _ in $(seq 100); do [ -s "$work/address" ] && break; sleep 0.05; done
address=$(sed 's/listening on //' "$work/address")
run() {
    "$venv/bin/schemathesis" --config-file "$here/mock_api_schemathesis.toml" run "$address/openapi.json" \
        --max-examples "$examples" --seed 42 --request-timeout 20 "$@"
}
cd "$work"
run --exclude-path-regex '^/admin/profile'
run --include-path-regex '^/admin/profile'
