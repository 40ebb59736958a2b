# What the scripts beside this file share; it is sourced, with the repository's root as the working folder.

# Prints a line that stands out in a long log.
say() {
    printf '\n== %s\n' "$*"
}

# Runs a command as root: as it is, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# The folder for everything that is built, as cargo sees it.
target_folder() {
    cargo metadata --format-version 1 --no-deps --locked | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Whether there is a Go that can build tests/clients: all their modules ask for no more than this version, and no other
# toolchain is fetched.
has_go() {
    local have
    have=$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null) || return 1
    [ "$(printf '%s\n' "1.26.0" "${have#go}" | sort -V | head -n 1)" = "1.26.0" ]
}

# Installs what the package-lock.json in tests/NAME pins into the folder NAME of cargo's target folder, beside copies of
# the named files. What is there already is left alone.
install_pinned() {
    local name=$1 source=$PWD/tests/$1 out wanted
    shift
    out=$(target_folder)/$name
    mkdir -p "$out"
    wanted=$(cd "$source" && cat "$@" | sha256sum)
    if [ "$(cat "$out/installed" 2>/dev/null)" != "$wanted" ]; then
        rm -f "$out/installed"
        (cd "$source" && cp "$@" "$out/")
        # Exactly what is pinned, and nothing of it runs while it is installed.
        npm ci --prefix "$out" --ignore-scripts --no-audit --no-fund --loglevel=error
        echo "$wanted" > "$out/installed"
    fi
}

# Whether there is a Node that can run tests/oidc-provider, with its npm.
has_node() {
    local have
    have=$(node --version 2>/dev/null) && command -v npm >/dev/null || return 1
    [ "$(printf '%s\n' "20.0.0" "${have#v}" | sort -V | head -n 1)" = "20.0.0" ]
}

# Whether there is a Python that can run tests/schemathesis, with its pip.
has_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        python3 -m pip --version >/dev/null 2>&1
}
