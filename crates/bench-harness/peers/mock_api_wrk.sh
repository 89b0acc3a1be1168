#!/usr/bin/env bash
# Measures mock-api's /weather/{city} against its peers with wrk, on this machine's loopback interface, in one run:
# FastAPI under two uvicorn workers, a bare axum handler, and nginx with the same bytes in a file. The servers take turns
# in rounds, so that whatever else the machine does hits all of them, and they are compared round by round.
#
#   crates/bench-harness/peers/mock_api_wrk.sh [ROUNDS] [SECONDS] [THREADS]      (15 rounds of 1 second; 1 thread)
#
# THREADS is how many worker threads mock-api and the bare handler have: 1 is what mock-api takes on two cores, as whoever
# asks it needs one too. FastAPI and nginx have two worker processes.
#
# Needs wrk, nginx and python3 (Debian packages); FastAPI is installed into a folder of its own.
set -euo pipefail
rounds=${1:-15} seconds=${2:-1} threads=${3:-1}
source "$(dirname "$0")/servers.sh"

build --release mock-api
cargo build --quiet --release --manifest-path "$here/mock_api_axum/Cargo.toml" --target-dir "$target/peers"
python_with uvicorn fastapi 'uvicorn[standard]'

declare -A address
for name in mock axum fastapi nginx; do address[$name]=http://127.0.0.1:$(free_port); done
port() { echo "${address[$1]##*:}"; }
# Both programs of ours end when this pipe closes, which it does however this script ends.
mkfifo "$work/life"
exec {life}<>"$work/life"
"$target/release/mock-api" --port "$(port mock)" --workers "$threads" --stop-with-stdin <"$work/life" {life}>&- >/dev/null & pids+=($!)
"$target/peers/release/mock-api-axum-peer" "$(port axum)" "$threads" <"$work/life" {life}>&- >/dev/null & pids+=($!)
"$venv/bin/uvicorn" --app-dir "$here" mock_api_fastapi:app --workers 2 --port "$(port fastapi)" --log-level warning {life}>&- & pids+=($!)
answers "${address[mock]}"
mkdir -p "$work/www/weather"
chmod 755 "$work"
curl --silent "${address[mock]}/weather/Lisboa" >"$work/www/weather/Lisboa"
sed -e "s|@DIR@|$work|g" -e "s|@PORT@|$(port nginx)|g" "$here/mock_api_nginx.conf" >"$work/nginx.conf"
nginx -c "$work/nginx.conf" {life}>&- & pids+=($!)
for name in mock axum fastapi nginx; do answers "${address[$name]}/weather/Lisboa"; done
for name in axum fastapi nginx; do # the same answer, byte for byte
    curl --silent "${address[$name]}/weather/Lisboa" | cmp - "$work/www/weather/Lisboa"
done

cpu() { # microseconds of processor time that a server and its children have used
    local pid total=0 ticks
    for pid in $1 $(pgrep -P "$1" || true); do
        ticks=$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$pid/stat")
        total=$((total + ticks * 1000000 / $(getconf CLK_TCK)))
    done
    echo "$total"
}
# Eight requests sent at a time (pipelining, RFC 9112, section 9.3.2): it takes the kernel and wrk itself, which need more
# than half of the cores otherwise, out of the figure as far as that can be.
cat >"$work/pipelined.lua" <<'LUA'
init = function()
    local one = wrk.format("GET", "/weather/Lisboa")
    eight = one:rep(8)
end
request = function() return eight end
LUA
declare -A pid=([mock]=${pids[0]} [axum]=${pids[1]} [fastapi]=${pids[2]} [nginx]=${pids[3]})
measure() { # NAME CONNECTIONS [SCRIPT]: requests a second, median latency in microseconds, processor time for a request
    local before after
    before=$(cpu "${pid[$1]}")
    wrk --threads 1 --connections "$2" --duration "${seconds}s" --latency ${3:+--script "$3"} "${address[$1]}/weather/Lisboa" >"$work/wrk.txt"
    after=$(cpu "${pid[$1]}")
    grep -q 'Non-2xx' "$work/wrk.txt" && { echo "$1 failed:" >&2; cat "$work/wrk.txt" >&2; exit 1; }
    awk -v name="$1" -v connections="$2${3:+x8}" -v cpu=$((after - before)) '
        /requests in/ { n = $1 } /Requests\/sec/ { rps = $2 }
        $1 == "50%" { p50 = $2 + 0; if ($2 ~ /ms/) p50 *= 1000 }
        END { print connections, name, rps, p50, cpu / n }' "$work/wrk.txt"
}
for name in mock axum fastapi nginx; do wrk -t1 -c32 -d1s "${address[$name]}/weather/Lisboa" >/dev/null; done
for _ in $(seq "$rounds"); do
    for name in mock axum nginx fastapi; do measure "$name" 32; done
    for name in mock axum; do measure "$name" 1; done
    for name in mock axum fastapi; do measure "$name" 32 "$work/pipelined.lua"; done
done | tee "$work/all.txt" >&2
python3 - "$work/all.txt" "$rounds" "$seconds" <<'REPORT'
import statistics, sys

rows = {}
for line in open(sys.argv[1]):
    connections, name, *figures = line.split()
    rows.setdefault((connections, name), []).append([float(figure) for figure in figures])
column = lambda key, i: [row[i] for row in rows[key]]
print(f"{sys.argv[2]} rounds of {sys.argv[3]} s, 32 connections, servers and wrk on the same cores; medians")
for wanted, how in (("32", "one request at a time"), ("32x8", "eight requests sent at a time")):
    print(how)
    mock = column((wanted, "mock"), 0)
    for connections, name in rows:
        if connections == wanted:
            rps, p50, cpu = (statistics.median(column((connections, name), i)) for i in range(3))
            ratio = statistics.median(m / peer for m, peer in zip(mock, column((connections, name), 0)))
            print(f"{name:8} {rps:8.0f} a second, {p50:6.0f} us, {cpu:6.1f} us of processor each;"
                  f" mock-api in the same round: {ratio:.2f} times as many")
added = [m - a for m, a in zip(column(("1", "mock"), 1), column(("1", "axum"), 1))]
print(f"one connection: all that mock-api adds to a bare handler is {statistics.median(added):.0f} us at the median")
REPORT
