#!/usr/bin/env bash
# cqlsh against a running cluster; see ../README.md for the story and the environment. Needs `cqlsh` in PATH.
# The script's output is compared with expected.txt; write it anew with UPDATE=1, and read the difference before you keep it.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
hosts=${CQL_HOSTS:-127.0.0.1} port=${CQL_PORT:-9042}
replication=${CQL_REPLICATION:-3}
IFS=, read -ra host <<< "$hosts"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
failed=0

ask() { cqlsh --no-color --request-timeout 10 --connect-timeout 10 "${host[0]}" "$port" "$@"; }

step() {   # step NAME FUNCTION
    if "$2" > "$scratch/step" 2>&1; then
        grep '^   ' "$scratch/step" | grep 'acknowledged' || true
        echo "ok $1"
    else
        echo "FAIL $1: $(tail -n 15 "$scratch/step")"
        failed=1
    fi
}

script() {
    sed "s/'replication_factor': 3/'replication_factor': $replication/" "$here/driver.cql" > "$scratch/driver.cql"
    # cqlsh ends with status 2 when a statement failed, as three here are meant to; where it names its file, the folder goes.
    ask -f "$scratch/driver.cql" > "$scratch/seen" 2>&1 || true
    # Warnings are advice, and each server's own.
    sed -i -e "s#$scratch/##" -e '/^[[:space:]]*$/d' -e 's/[[:space:]]*$//' -e '/^WARNING: /d' -e '/^Warnings :/,+1d' "$scratch/seen"
    if [ -n "${UPDATE:-}" ]; then cp "$scratch/seen" "$here/expected.txt"; fi
    diff -u "$here/expected.txt" "$scratch/seen"
}

describe() {
    ask -e 'DESCRIBE KEYSPACES; DESCRIBE TABLE driver_cqlsh.wide; DESCRIBE CLUSTER' > "$scratch/described"
    cat "$scratch/described"
    grep -q driver_cqlsh "$scratch/described"
    grep -q 'PRIMARY KEY ((p, q), r, s)' "$scratch/described"
    grep -q 'CLUSTERING ORDER BY (r DESC, s ASC)' "$scratch/described"
}

copy() {
    seq 1 2000 | sed 's/.*/&,value &/' > "$scratch/in.csv"
    ask -e "COPY driver_cqlsh.load (id, v) FROM '$scratch/in.csv' WITH NUMPROCESSES = 1;
            COPY driver_cqlsh.load (id, v) TO '$scratch/out.csv' WITH NUMPROCESSES = 1" > /dev/null
    sort -t, -n "$scratch/out.csv" | tr -d '\r' | diff - "$scratch/in.csv"
}

# The zone goes while statements run; cqlsh holds one connection, to the first host, in another zone.
outage() {
    for id in $(seq 10001 12500); do echo "INSERT INTO driver_cqlsh.load (id, v) VALUES ($id, 'through the outage');"; done > "$scratch/load.cql"
    ask -f "$scratch/load.cql" > "$scratch/load.out" 2>&1 &
    local load=$!
    sleep 1
    [ -z "${ZONE_STOP:-}" ] || sh -c "$ZONE_STOP" > /dev/null
    sleep 2
    [ -z "${ZONE_START:-}" ] || sh -c "$ZONE_START" > /dev/null
    if ! wait "$load"; then cat "$scratch/load.out"; return 1; fi
    ask -e 'CONSISTENCY LOCAL_QUORUM; SELECT id FROM driver_cqlsh.load' > "$scratch/rows"
    local there
    there=$(awk '$1 >= 10001 && $1 <= 12500' "$scratch/rows" | wc -l)
    echo "   2500 writes acknowledged, $there of them read back"
    [ "$there" = 2500 ]
}

step script script
step describe describe
step copy copy
step outage outage
exit "$failed"
