# What the scripts that start servers share; they source it. It sets `root`, `target` and `work`, a folder that goes when
# the script ends, along with every process whose number is in `pids`.
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

# build [--release] PROGRAM...: builds programs of this workspace.
build() {
    local arguments=()
    for argument in "$@"; do
        case $argument in --*) arguments+=("$argument") ;; *) arguments+=(-p "$argument") ;; esac
    done
    cargo build --quiet --manifest-path "$root/Cargo.toml" "${arguments[@]}"
}

# python_with PROGRAM PACKAGE...: makes an environment that has the packages, unless PEER_VENV has the program already, and
# sets `venv`.
python_with() {
    local program=$1
    shift
    venv=${PEER_VENV:-$work/venv}
    if [ ! -x "$venv/bin/$program" ]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet "$@"
    fi
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# answers URL: waits until the URL is answered, with whatever status, for ten seconds at most.
answers() {
    for _ in $(seq 1000); do
        curl --silent --output /dev/null "$1" && return
        sleep 0.01
    done
    echo "nothing answers at $1" >&2
    exit 1
}

# listening FILE: the address that a program of ours printed into the file when it was ready.
listening() {
    for _ in $(seq 1000); do [ -s "$1" ] && break; sleep 0.01; done
    sed 's/listening on //' "$1"
}
