#!/usr/bin/env bash
# Measures mock-api's /weather/{city} against its peers with wrk, on this machine's loopback interface, in one run:
# FastAPI under two uvicorn workers, a bare axum handler, and nginx with the same bytes in a file. The servers take turns
# in rounds, so that whatever else the machine does hits all of them, and the medians are compared.
#
#   crates/bench-harness/peers/mock_api_wrk.sh [ROUNDS] [SECONDS]      (5 rounds of 3 seconds)
#
# Needs wrk, nginx and python3 (Debian packages); FastAPI is installed into a folder of its own.
set -euo pipefail
rounds=${1:-5} seconds=${2:-3}
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p mock-api
cargo build --quiet --release --manifest-path "$here/mock_api_axum/Cargo.toml" --target-dir "$target/peers"
venv=${PEER_VENV:-$work/venv}
if [ ! -x "$venv/bin/uvicorn" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet fastapi 'uvicorn[standard]'
fi

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
answers() { # waits until the address answers, for ten seconds at most
    for _ in $(seq 200); do
        curl --silent --fail --output /dev/null "$1/weather/Lisboa" && return
        sleep 0.05
    done
    echo "nothing answers at $1" >&2
    exit 1
}

declare -A address
for name in mock axum fastapi nginx; do address[$name]=http://127.0.0.1:$(free_port); done
port() { echo "${address[$1]##*:}"; }
# Both programs of ours end when this pipe closes, which it does however this script ends.
mkfifo "$work/life"
exec {life}<>"$work/life"
"$target/release/mock-api" --port "$(port mock)" --workers 2 --stop-with-stdin <"$work/life" {life}>&- >/dev/null & pids+=($!)
"$target/peers/release/mock-api-axum-peer" "$(port axum)" <"$work/life" {life}>&- >/dev/null & pids+=($!)
"$venv/bin/uvicorn" --app-dir "$here" mock_api_fastapi:app --workers 2 --port "$(port fastapi)" --log-level warning {life}>&- & pids+=($!)
answers "${address[mock]}"
mkdir -p "$work/www/weather"
chmod 755 "$work"
curl --silent "${address[mock]}/weather/Lisboa" >"$work/www/weather/Lisboa"
sed -e "s|@DIR@|$work|g" -e "s|@PORT@|$(port nginx)|g" "$here/mock_api_nginx.conf" >"$work/nginx.conf"
nginx -c "$work/nginx.conf" {life}>&- & pids+=($!)
for name in mock axum fastapi nginx; do answers "${address[$name]}"; done

measure() { # one burst: requests a second, and the median latency
    wrk --threads 1 --connections 32 --duration "${seconds}s" --latency "${address[$1]}/weather/Lisboa" >"$work/wrk.txt"
    grep -q 'Non-2xx' "$work/wrk.txt" && { echo "$1 failed:" >&2; cat "$work/wrk.txt" >&2; exit 1; }
    awk -v name="$1" '/Requests\/sec/ { rps = $2 } $1 == "50%" { p50 = $2 } END { print name, rps, p50 }' "$work/wrk.txt"
}
for name in mock axum fastapi nginx; do wrk -t1 -c32 -d1s "${address[$name]}/weather/Lisboa" >/dev/null; done
for round in $(seq "$rounds"); do
    for name in mock axum nginx fastapi; do measure "$name"; done
done | tee "$work/all.txt" >&2
median() { awk -v name="$1" '$1 == name { print $2 }' "$work/all.txt" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
m=$(median mock)
echo "requests a second, medians of $rounds rounds of $seconds s, 32 connections, server and wrk on the same cores"
for name in mock axum nginx fastapi; do
    awk -v name="$name" -v m="$m" -v p="$(median "$name")" 'BEGIN { printf "%-8s %10.0f   mock-api is %.2f times as fast\n", name, p, m / p }'
done
