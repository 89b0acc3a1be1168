#!/bin/sh
# An exercise program for tests: it speaks the protocol of a real one, and each of its strategies behaves as its name says.
# TOY_STRATEGIES names the strategies, the reference first; every started cell adds its process id to TOY_PIDS.

if [ "$1" = list ]; then
    separator=
    printf '[{"id":7,"name":"toy","about":"Does nothing, well or badly.","best":"sequential","strategies":['
    for strategy in $TOY_STRATEGIES; do
        printf '%s{"name":"%s","kind":"pool","absent":null}' "$separator" "$strategy"
        separator=,
    done
    printf ',{"name":"cluster","kind":"cluster","absent":"there is no cluster here"}]}]\n'
    exit
fi

[ "$1" = cell ] || exit 2
scratch=$2 strategy=$3

echo $$ >>"${TOY_PIDS:-/dev/null}"
mkdir -p "$scratch"
echo output >"$scratch/output"
echo '"Ready"'

while read -r command path; do
    digest=1111111111111111111111111111111111111111111111111111111111111111
    case $strategy in
        hangs) sleep 1000 ;;
        slow) sleep 0.2 ;;
        crashes) echo 'the last words' >&2; kill -SEGV $$ ;;
        babbles) echo 'this is no answer'; continue ;;
        # More than any pipe holds, to both of its pipes; the one that nobody reads would block it for ever.
        floods) head -c 3000000 /dev/zero >&2 ;;
        gushes) head -c 80000000 /dev/zero ;;
        differs) digest=2222222222222222222222222222222222222222222222222222222222222222 ;;
    esac
    if [ "$command" = timeline ]; then
        cat >"$path" <<'TRACE'
{"traceEvents":[{"ph":"M","pid":1,"tid":0,"name":"thread_name","args":{"name":"main"}},
{"ph":"X","pid":1,"tid":0,"name":"task","cat":"running","ts":0,"dur":1000,"args":{"label":"nothing"}}]}
TRACE
    fi
    printf '{"Sample":{"wall_ns":1000000,"cpu_ns":900000,"peak_rss_bytes":1048576,"worker_deaths":0,"digest":"%s",' $digest
    printf '"work":{"items":1,"rows":2,"bytes_in":3,"bytes_out":4},"failures":[]}}\n'
done
