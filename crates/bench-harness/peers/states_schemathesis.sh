#!/usr/bin/env bash
# Tests states-api against its own description with Schemathesis (from PyPI, into a folder of its own), over the simulated
# source as it is on a calm day, and once more over one that fails often.
#
#   crates/bench-harness/peers/states_schemathesis.sh [EXAMPLES]      (30 for each path and phase)
set -euo pipefail
examples=${1:-30}
source "$(dirname "$0")/servers.sh"

build mock-api states-api
python_with schemathesis schemathesis
cat >"$work/bad.toml" <<'PROFILE'
errors = { share = 0.2, statuses = [404, 500, 503] }
malformed_json = { share = 0.05 }
reset = { share = 0.05 }
PROFILE
for profile in calm "$work/bad.toml"; do
    name=$(basename "$profile")
    "$target/debug/mock-api" --port 0 --profile "$profile" >"$work/source-$name" & pids+=($!)
    source=$(listening "$work/source-$name")
    "$target/debug/states-api" --port 0 --no-snapshot --source "$source" >"$work/address-$name" & pids+=($!)
    address=$(listening "$work/address-$name")
    # Everything is known before the first question, so that no question waits for all of it.
    curl --silent --output /dev/null "$address/api/v1/states"
    echo "$name"
    (cd "$work" && "$venv/bin/schemathesis" --config-file "$here/states_schemathesis.toml" run "$address/openapi.json" \
        --max-examples "$examples" --seed 42 --request-timeout 20)
done
