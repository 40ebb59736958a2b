# Runs a PostgreSQL server in the folder $1 with the programs in $2, takes commands from standard input, and answers
# each with one line. When standard input ends, however its writer ended, the server stops and the folder goes. With a
# port in $3 it also listens on 127.0.0.1, there only encrypted, by server.crt and server.key in the folder.
folder=$1
programs=$2
port=$3

# PostgreSQL refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    chown postgres: "$folder"
    as() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }
else
    as() { "$@"; }
fi
cd "$folder" || exit 1
# An answer that nobody reads any more must not end us before the server is stopped.
trap : PIPE

answer() {
    if "$@" >>log 2>&1; then echo done; else echo "failed: $*: $(tail -n 5 log | tr '\n' ' ')"; fi
}

# The order of text is a language's, not that of bytes, as on most servers in use. What is lost in a crash is only a
# test, so nothing waits for the disk.
start() {
    as "$programs/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --locale-provider=icu \
        --icu-locale=en-US --no-sync || return
    cat >>data/postgresql.conf <<CONF
listen_addresses = ''
unix_socket_directories = '$folder'
max_connections = 300
shared_buffers = 64MB
fsync = off
full_page_writes = off
synchronous_commit = off
CONF
    if [ -n "$port" ]; then
        if [ "$(id -u)" = 0 ]; then chown postgres: server.key; fi
        chmod 600 server.key
        cat >>data/postgresql.conf <<CONF
listen_addresses = '127.0.0.1'
port = $port
ssl = on
ssl_cert_file = '$folder/server.crt'
ssl_key_file = '$folder/server.key'
CONF
        printf 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n' >data/pg_hba.conf
    fi
    as "$programs/pg_ctl" -D data -l server-log -w start
}

answer start
while read -r command name; do
    case $command in
        create) answer as "$programs/createdb" -h "$folder" -p "${port:-5432}" -U postgres "$name" ;;
        restart) answer as "$programs/pg_ctl" -D data -l server-log -m fast -w restart ;;
        stop) answer as "$programs/pg_ctl" -D data -m fast -w stop ;;
        start) answer as "$programs/pg_ctl" -D data -l server-log -w start ;;
        *) echo "failed: no such command: $command" ;;
    esac
done
as "$programs/pg_ctl" -D data -m immediate -w stop >>log 2>&1
cd /
rm -rf "$folder"
