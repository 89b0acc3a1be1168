#!/usr/bin/env bash
# Measures states-api against its peer, the same service written with FastAPI and aiohttp, on the same machine and from the
# same simulated source, in one run.
#
#   crates/bench-harness/peers/states_wrk.sh [ROUNDS] [SECONDS]      (5 rounds; bursts of 3 seconds)
#
# Cold: in each round both are started anew, one after the other, and asked once for all states; the documents must be
# equal. Warm: what wrk gets from each in bursts, in turns. The source's own ledger tells how many requests were in flight.
# Needs wrk and python3 (Debian packages); FastAPI, aiohttp and uvicorn are installed into a folder of its own.
set -euo pipefail
rounds=${1:-5} seconds=${2:-3}
source "$(dirname "$0")/servers.sh"

build --release mock-api states-api
python_with uvicorn fastapi aiohttp 'uvicorn[standard]'

# Our programs end when this pipe closes, which it does however this script ends.
mkfifo "$work/life"
exec {life}<>"$work/life"
source=http://127.0.0.1:$(free_port)
"$target/release/mock-api" --port "${source##*:}" --stop-with-stdin <"$work/life" {life}>&- >/dev/null & pids+=($!)
answers "$source"

start() { # NAME PORT WORKERS: starts a service; its pid in $service
    if [ "$1" = ours ]; then
        "$target/release/states-api" --port "$2" --workers "$3" --source "$source" --no-snapshot --stop-with-stdin \
            <"$work/life" {life}>&- >/dev/null & service=$!
    else
        SOURCE=$source "$venv/bin/uvicorn" --app-dir "$here" states_fastapi:app --workers "$3" --port "$2" \
            --log-level warning {life}>&- & service=$!
    fi
    pids+=("$service")
    answers "http://127.0.0.1:$2"
}
stop() { kill "$service" 2>/dev/null || true; wait "$service" 2>/dev/null || true; }
load() { cut -d' ' -f1-3 /proc/loadavg; }
ledger() { # NAME: the peaks that the source has seen since the last look
    curl --silent "$source/admin/ledger" | python3 -c '
import json, sys
client = json.load(sys.stdin)["clients"][0]
print(client["requests"], *(f"{route.rsplit(chr(47), 1)[1]}={peak}" for route, peak in client["peak_in_flight"].items()))'
    curl --silent --output /dev/null --request POST "$source/admin/reset"
}

cold() { # PROFILE: both services, each started anew in each round
    curl --silent --output /dev/null --fail --request PUT --header 'content-type: application/json' --data "$1" "$source/admin/profile"
    curl --silent --output /dev/null --request POST "$source/admin/reset"
    echo "cold, $1, load average $(load)"
    for _ in $(seq "$rounds"); do
        for name in ours peer; do
            port=$(free_port)
            start "$name" "$port" "$([ "$name" = ours ] && nproc || echo 1)"
            time=$(curl --silent --fail --output "$work/$name.json" --write-out '%{time_total}' "http://127.0.0.1:$port/api/v1/states")
            peak=$(awk '/VmHWM/ { print $2 }' "/proc/$service/status")
            stop
            echo "$name $time $peak $(ledger)"
        done
        python3 -c '
import json, sys
ours, peer = (json.load(open(f"{sys.argv[1]}/{name}.json")) for name in ("ours", "peer"))
sys.exit(0 if ours == peer and len(ours["states"]) == 27 and not ours["errors"] else "the documents differ")' "$work"
    done | tee "$work/cold.txt"
    python3 - "$work/cold.txt" <<'REPORT'
import statistics, sys

rows = [line.split() for line in open(sys.argv[1])]
times = {name: [float(row[1]) for row in rows if row[0] == name] for name in ("ours", "peer")}
peak = {name: max(int(row[2]) for row in rows if row[0] == name) for name in times}
ratio = statistics.median(peer / ours for ours, peer in zip(times["ours"], times["peer"]))
for name in times:
    print(f"{name}: median {statistics.median(times[name]) * 1e3:.0f} ms, peak memory {peak[name] / 1024:.0f} MiB")
print(f"states-api is {ratio:.1f} times as fast, round by round; the documents are equal")
REPORT
}
cold '{"name":"calm"}'
cold '{"name":"20 ms","latency":{"kind":"fixed","ms":20}}'
curl --silent --output /dev/null --request PUT "$source/admin/profile/calm"

burst() { # NAME URL CONNECTIONS [HEADER]: requests a second and the 50 % and 99 % of the times
    wrk --threads 1 --connections "$3" --duration "${seconds}s" --timeout 10s --latency ${4:+--header "$4"} "$2" >"$work/wrk.txt"
    grep -q 'Non-2xx' "$work/wrk.txt" && { echo "$1 failed:" >&2; cat "$work/wrk.txt" >&2; exit 1; }
    awk -v name="$1" -v connections="$3" '
        function ms(text) { return text ~ /us/ ? text / 1e3 : text ~ /ms/ ? text + 0 : text * 1e3 }
        /Requests\/sec/ { rps = $2 } $1 == "50%" { p50 = ms($2) } $1 == "99%" { p99 = ms($2) } /Socket errors/ { errors = $0 }
        END { printf "%-28s %5d connections %9.0f a second, 50 %% %8.2f ms, 99 %% %8.2f ms %s\n", name, connections, rps, p50, p99, errors }' "$work/wrk.txt"
}
port=$(free_port)
ours=http://127.0.0.1:$port
start ours "$port" "$(nproc)"
port=$(free_port)
peer=http://127.0.0.1:$port
start peer "$port" "$(nproc)"
for _ in 1 2 3 4 5 6 7 8; do curl --silent --output /dev/null "$peer/bytes"; done
for coding in identity gzip br; do curl --silent --output /dev/null --header "accept-encoding: $coding" "$ours/api/v1/states"; done
echo "warm, load average $(load)"
for _ in 1 2 3; do
    burst "peer, all states" "$peer/api/v1/states" 32
    burst "peer, kept as bytes" "$peer/bytes" 32
    burst "ours, all states" "$ours/api/v1/states" 32
    burst "ours, all states, br" "$ours/api/v1/states" 32 "accept-encoding: br"
    burst "ours, one state" "$ours/api/v1/states/SC" 32 "accept-encoding: br"
done
tag=$(curl --silent --output /dev/null --dump-header - "$ours/api/v1/states" | awk 'tolower($1) == "etag:" { print $2 }' | tr -d '\r')
for _ in 1 2 3; do
    burst "ours, all states, br" "$ours/api/v1/states" 1000 "accept-encoding: br"
    burst "ours, one state, br" "$ours/api/v1/states/SC" 1000 "accept-encoding: br"
    burst "ours, one city" "$ours/api/v1/cities/1200104" 1000
    burst "ours, all states, not changed" "$ours/api/v1/states" 1000 "if-none-match: $tag"
done
