# Counting results, for scripts that are sourced into: `passed NAME [N]`, `failed NAME`, `skipped NAME REASON`.
# Lines go to the file $RESULTS, so that scripts started by scripts count together; the reader is `summary`.

RESULTS=${RESULTS:-$(mktemp)}
export RESULTS

passed()  { echo "passed ${2:-1} $1" >> "$RESULTS"; }
failed()  { echo "failed ${2:-1} $1" >> "$RESULTS"; echo "FAILED: $1"; }
skipped() { echo "skipped 1 $1: $2" >> "$RESULTS"; echo "skipped: $1: $2"; }

# attempt NAME COMMAND...: the command's status is the result; 77 means skipped, by its last line. Output is shown only on failure.
attempt() {
    local name=$1 out status=0
    shift
    out=$(mktemp)
    "$@" > "$out" 2>&1 || status=$?
    case $status in
        0)  passed "$name"; tail -n 1 "$out" | cut -c1-300 ;;
        77) skipped "$name" "$(tail -n 1 "$out")" ;;
        *)  tail -n "${SHOWN_LINES:-60}" "$out"; failed "$name (status $status)" ;;
    esac
    rm -f "$out"
    return 0
}

# The one line that ends a run, and its status.
summary() {
    local p f s
    p=$(awk '$1 == "passed"  { n += $2 } END { print n + 0 }' "$RESULTS")
    f=$(awk '$1 == "failed"  { n += $2 } END { print n + 0 }' "$RESULTS")
    s=$(awk '$1 == "skipped" { n += $2 } END { print n + 0 }' "$RESULTS")
    grep '^skipped' "$RESULTS" | sed 's/^skipped [0-9]* /skipped: /' || true
    grep '^failed' "$RESULTS" | sed 's/^failed [0-9]* /FAILED: /' || true
    echo "$p passed, $f failed, $s skipped"
    [ "$f" = 0 ] && [ "$p" != 0 ]
}
