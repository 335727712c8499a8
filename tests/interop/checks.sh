# Sourced by the clients in bash: one line a check, HTTP by curl, JSON by Python. Knows no Postern.

failures=0
answer=$(mktemp -d)
trap 'rm -rf "$answer"' EXIT

# equals NAME EXPECTED ACTUAL
equals() {
  if [[ $3 == "$2" ]]; then
    echo "ok $1"
  else
    echo "FAIL $1: expected $(short "$2"), got $(short "$3")"
    failures=$((failures + 1))
  fi
}

# matches NAME REGEX ACTUAL
matches() {
  if [[ $3 =~ $2 ]]; then
    echo "ok $1"
  else
    echo "FAIL $1: $(short "$3") does not match $2"
    failures=$((failures + 1))
  fi
}

# The exit code of the client: call it last.
finish() {
  ((failures == 0))
}

# One line, 300 characters at most: a failure is to be read, not scrolled.
short() {
  local line=${1//$'\n'/ | }
  echo "'${line:0:300}'"
}

# json POINTER: what stands at this JSON Pointer of the document on standard input; strings bare. An index may be negative.
json() {
  python3 -c '
import json, sys
try:
    value = json.load(sys.stdin)
    for key in sys.argv[1].split("/")[1:]:
        value = value[int(key)] if isinstance(value, list) else value[key]
    print(value if isinstance(value, str) else json.dumps(value))
except (ValueError, LookupError, TypeError) as error:
    print(f"nothing at {sys.argv[1]}: {error!r}")' "$1"
}

# request METHOD URL [CURL_ARGUMENT …]: sets $status, and keeps the answer for `header`, `body` and `field`.
request() {
  local method=$1 url=$2
  shift 2
  : >"$answer/body"
  status=$(curl --silent --show-error --no-buffer --max-time 60 --request "$method" \
    --dump-header "$answer/headers" --output "$answer/body" --write-out '%{http_code}' "$@" "$url") ||
    status="$status (curl: exit $?)"
}

# header NAME: its value in the last answer; nothing when it is not there.
header() {
  tr -d '\r' <"$answer/headers" | sed -n "s/^$1: *//Ip" | tail -n 1
}

body() {
  cat "$answer/body"
}

# field POINTER: of the last answer's JSON body.
field() {
  json "$1" <"$answer/body"
}
