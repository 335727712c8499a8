# A PostgreSQL server in the folder $1, with the further arguments as its own, for as long as standard input is open. Prints the folder
# of its programs once it takes connections; when it cannot, says why and exits with 1. Whatever happens, the folder goes with it.
#
# With PGTEST_TLS, it takes connections on 127.0.0.1 as well, at PGPORT, and offers TLS.
#
# Every line that comes in is a command, answered by a line once it is done: `kill` ends the server with SIGKILL, `start` starts it again.
#
# Standard input is a pipe that the test's process holds, and nobody else: it closes however that process ends, SIGKILL included.
set -eu
folder=$1
shift
postgres=

clean_up() {
    # An immediate shutdown: what the database holds is thrown away.
    if [ -n "$postgres" ]; then
        kill -QUIT "$postgres" 2>/dev/null || true
        wait "$postgres" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap clean_up EXIT

fail() {
    echo "$1" >&2
    [ ! -e "$folder/log" ] || tail -n 20 "$folder/log" >&2
    exit 1
}

# PostgreSQL's folder of programs: that of PATH (behind a link, perhaps to one program alone), else what pg_config says, else the
# newest of Debian, which keeps them off PATH.
programs() {
    for initdb in "$(command -v initdb || true)" "$(pg_config --bindir 2>/dev/null || true)/initdb" \
        $(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -rV); do
        initdb=$(readlink -f "$initdb" || true)
        if [ -x "$initdb" ] && [ -x "${initdb%/initdb}/createdb" ]; then
            echo "${initdb%/initdb}"
            return
        fi
    done
}

bin=$(programs)
[ -n "$bin" ] || fail "no initdb on PATH, by pg_config or in /usr/lib/postgresql: install PostgreSQL (Debian: postgresql)"
"$bin/initdb" --pgdata="$folder/data" --username=postern --auth=trust --encoding=UTF8 --locale=C --no-sync \
    >"$folder/log" 2>&1 || fail "initdb failed"

# No address: a socket in the folder is nobody else's, and no port can be taken by another in between.
launch() {
    "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" -c max_connections=200 \
        "$@" >>"$folder/log" 2>&1 &
    postgres=$!
}

# Authorities that vouch for `localhost` (ca.pem) and for nobody (other-ca.pem), and the server's certificate.
certificates() {
    key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    cd "$folder"
    for name in ca other-ca; do
        openssl req -x509 $key -keyout $name.key -out $name.pem -days 2 -subj "/CN=pgtest $name"
    done
    openssl req $key -keyout server.key -out server.csr -subj /CN=localhost
    echo "subjectAltName=DNS:localhost" >server.ext
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile server.ext -out server.pem
    chmod 600 server.key
}

if [ -n "${PGTEST_TLS:-}" ]; then
    (set -e && certificates) >>"$folder/log" 2>&1 || fail "openssl made no certificates"
    set -- "$@" -c listen_addresses=127.0.0.1 -c ssl=on -c ssl_cert_file="$folder/server.pem" -c ssl_key_file="$folder/server.key"
fi

# Starts it with the arguments that follow the first: how often it may end before it takes connections.
start() {
    attempts=$1
    shift
    launch "$@"
    polls=0
    until "$bin/pg_isready" --quiet --host="$folder"; do
        polls=$((polls + 1))
        [ "$polls" -lt 1200 ] || fail "postgres did not take connections within a minute"
        if ! kill -0 "$postgres" 2>/dev/null; then
            attempts=$((attempts - 1))
            [ "$attempts" -gt 0 ] || fail "postgres ended at its start"
            launch "$@"
        fi
        sleep 0.05
    done
}

start 1 "$@"
echo "$bin"
while read -r command; do
    case $command in
    kill)
        kill -KILL "$postgres"
        wait "$postgres" 2>/dev/null || true
        ;;
    start)
        # Beside processes of one that was killed it does not start; they notice, and are soon gone.
        start 200 "$@"
        ;;
    esac
    echo "done"
done
