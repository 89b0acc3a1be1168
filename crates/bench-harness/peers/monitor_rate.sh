#!/usr/bin/env bash
# 10,000 targets a minute for a minute, under the open-loop schedule: how far off is the monitor itself?
#
#   cargo build --release -p io-concurrency -p mock-api
#   crates/bench-harness/peers/monitor_rate.sh [TARGETS] [SECONDS] [FOLDER OF THE PROGRAMS]
#
# Prints the monitor's own error (p50, p99, max), how late probes were sent, and how many were left out; fails where the
# p99 of the own error is 1 ms or more. The CPU time says what a minute costs.
set -euo pipefail
targets=${1:-10000} seconds=${2:-60} programs=${3:-target/release}

home=$(mktemp -d)
coproc api { exec "$programs/mock-api" --port 0; }
trap 'kill "$api_PID" 2>/dev/null || true; rm -rf "$home"' EXIT
read -r _ _ base <&"${api[0]}"

for ((number = 0; number < targets; number++)); do
    echo "/delay/$((number % 50))?n=$number contains=ms"
done >"$home/targets"

PARALELO_HOME=$home bash -c "time '$programs/io-concurrency' monitor --api '$base' --targets '$home/targets' \
    --every '$seconds' --rounds 1 --format json --out '$home/probes.parquet'" >"$home/out" 2>"$home/err" || true
up=$(grep -c '"state":"up"' "$home/out" || true)
grep -E 'own error|real|user|sys' "$home/err"
echo "$up of $targets up; load $(cut -d' ' -f1 /proc/loadavg)"
p99=$(sed -n 's/^own error: p50 [0-9.]* ms, p99 \([0-9.]*\) ms.*/\1/p' "$home/err")
awk -v p99="$p99" 'BEGIN { exit !(p99 != "" && p99 < 1) }' || { echo "the p99 of the own error is not below 1 ms" >&2; exit 1; }
[ "$up" = "$targets" ]
