# A PostgreSQL server in the folder $1, for as long as standard input is open. Prints the folder of its programs once it takes
# connections; when it cannot, says why and exits with 1. Whatever happens, the folder goes with it.
#
# Standard input is a pipe that the test's process holds, and nobody else: it closes however that process ends, SIGKILL included.
set -eu
folder=$1
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
"$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" -c max_connections=200 \
    -c fsync=off -c full_page_writes=off >>"$folder/log" 2>&1 &
postgres=$!
polls=0
until "$bin/pg_isready" --quiet --host="$folder"; do
    kill -0 "$postgres" 2>/dev/null || fail "postgres ended at its start"
    polls=$((polls + 1))
    [ "$polls" -lt 600 ] || fail "postgres did not take connections within a minute"
    sleep 0.1
done
echo "$bin"
cat >/dev/null
