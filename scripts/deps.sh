#!/usr/bin/env bash
# Installs what millrace needs, on Debian 12 and 13. Skips what is there, so it may run before every build.
#
#   scripts/deps.sh [--build]   compilers, libraries, librdkafka >= 2.3 (built into build/deps if the system's is older)
#   scripts/deps.sh --test      the same, and what the test suite needs: clang 19 tools, cmocka, a PostgreSQL
#                               server, Java and Maven, and a Python environment in build/venv
#
# Root or sudo is used for apt-get only. Downloads are kept in ${XDG_CACHE_HOME:-~/.cache}/millrace.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build
deps=$build/deps
cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace

rdkafka_version=2.8.0
rdkafka_floor=2.3.0
rdkafka_suite=trixie
rdkafka_sha256=5bd1c46f63265f31c6bfcedcde78703f77d28238eadf23821c2b43fc30be3e25

build_packages=(build-essential ca-certificates cmake ninja-build pkg-config
    libavro-dev libconfig-dev libcurl4-openssl-dev libjansson-dev libmicrohttpd-dev libpq-dev
    libsqlite3-dev libssl-dev libsystemd-dev
    liblz4-dev libsasl2-dev libzstd-dev zlib1g-dev) # the last line is what librdkafka needs
test_packages=(clang-19 clang-format-19 clang-tidy-19 libclang-rt-19-dev llvm-19 libcmocka-dev
    docker-compose git mariadb-client-core mariadb-server-core postgresql procps shellcheck)

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

# Other systems get told what to install, and a failure: a half-known system must not look supported.
check_system() {
    local id=unknown version=''
    if [ "$(uname -s)" = Darwin ]; then
        cat >&2 <<'HINT'
deps: macOS is not supported by this script (and not tested). With Homebrew, try:
    brew install cmake ninja pkg-config librdkafka libconfig jansson avro-c openssl@3 libpq sqlite libmicrohttpd cmocka
then: cmake --preset release && ninja -C build/release
HINT
        exit 1
    fi
    if [ -r /etc/os-release ]; then
        id=$(. /etc/os-release && printf %s "${ID:-unknown}")
        version=$(. /etc/os-release && printf %s "${VERSION_ID:-}")
    fi
    case $id/$version in
    debian/12 | debian/13) return ;;
    fedora/* | rhel/* | centos/* | rocky/* | almalinux/*)
        cat >&2 <<'HINT'
deps: this system is not supported by this script (and not tested). Try:
    dnf install gcc cmake ninja-build pkgconf librdkafka-devel libconfig-devel jansson-devel avro-c-devel \
        openssl-devel libpq-devel sqlite-devel libmicrohttpd-devel libcurl-devel systemd-devel libcmocka-devel
then: cmake --preset release && ninja -C build/release      (librdkafka must be 2.3 or newer)
HINT
        ;;
    *)
        cat >&2 <<HINT
deps: '$id $version' is not supported by this script; it knows Debian 12 and 13. Install the libraries
named in scripts/deps.sh (build_packages) and librdkafka >= $rdkafka_floor by hand, then:
    cmake --preset release && ninja -C build/release
HINT
        ;;
    esac
    exit 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "need root to run: $* (no sudo here)"
    fi
}

apt_updated=
apt_update() {
    [ -z "$apt_updated" ] || return 0
    say "apt-get update"
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || say "apt-get update failed; going on with the lists at hand"
    apt_updated=1
}

is_installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

install_packages() {
    local package missing=()
    for package; do
        is_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    apt_update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 install "${missing[@]}" >"$build/deps-apt.log" 2>&1 </dev/null || {
        tail -n 20 "$build/deps-apt.log" >&2
        die "apt-get install failed; the whole log is build/deps-apt.log"
    }
}

# The tests start servers of their own, so installing PostgreSQL must not leave a cluster running.
install_postgresql() {
    local conf=/etc/postgresql-common/createcluster.conf
    ! is_installed postgresql || return 0
    install_packages postgresql-common
    local line='create_main_cluster = false # millrace: scripts/deps.sh, while installing'
    as_root sh -c "printf '%s\n' '$line' >>$conf"
    install_packages postgresql
    as_root sed -i '/# millrace: scripts\/deps.sh, while installing$/d' "$conf"
}

version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Prints the package mirror that this machine already uses for Debian itself.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(CODENAME)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 !~ /security|updates|backports/ { print $1; exit }'
}

# Leaves the source archive in the cache. Debian's own signed index vouches for it, and the sum is pinned.
fetch_rdkafka() {
    local archive=$cache/librdkafka_$rdkafka_version.orig.tar.gz work mirror keys=''
    if [ -f "$archive" ] && echo "$rdkafka_sha256  $archive" | sha256sum --status -c; then
        return
    fi
    mirror=$(debian_mirror)
    if [ -z "$mirror" ]; then
        apt_update
        mirror=$(debian_mirror)
    fi
    [ -n "$mirror" ] || die "no Debian mirror is configured; put $(basename "$archive") into $cache by hand"
    say "fetching the source of librdkafka $rdkafka_version"
    mkdir -p "$cache"
    work=$(mktemp -d "$cache/fetch.XXXXXX")
    mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/src"
    if [ -f /usr/share/keyrings/debian-archive-keyring.gpg ]; then
        keys='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] '
    fi
    echo "deb-src ${keys}${mirror} $rdkafka_suite main" >"$work/sources.list"
    local opts=(-qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
        -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o Debug::NoLocking=1)
    [ "$(id -u)" != 0 ] || opts+=(-o APT::Sandbox::User=root)
    (
        cd "$work/src"
        apt-get "${opts[@]}" update
        apt-get "${opts[@]}" source --download-only "librdkafka=$rdkafka_version-1"
    ) >"$build/deps-fetch.log" 2>&1 </dev/null || {
        cat "$build/deps-fetch.log" >&2
        rm -rf "$work"
        die "fetching librdkafka failed; put $(basename "$archive") into $cache by hand"
    }
    echo "$rdkafka_sha256  $work/src/$(basename "$archive")" | sha256sum --status -c ||
        die "librdkafka's archive does not have the expected sum; it is left in $work"
    mv "$work/src/$(basename "$archive")" "$archive"
    rm -rf "$work"
}

# Built beside the old one and swapped in, so that a broken build never replaces a good one.
build_rdkafka() {
    local stamp="librdkafka $rdkafka_version static, prefix $deps, recipe 1" work
    if [ -f "$deps/.stamp" ] && [ "$(cat "$deps/.stamp")" = "$stamp" ]; then
        return
    fi
    fetch_rdkafka
    say "building librdkafka $rdkafka_version into build/deps (about half a minute)"
    work=$(mktemp -d "$build/deps-work.XXXXXX")
    mkdir "$work/src"
    tar -xzf "$cache/librdkafka_$rdkafka_version.orig.tar.gz" -C "$work/src" --strip-components=1
    {
        cmake -S "$work/src" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_INSTALL_PREFIX=$deps" \
            -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_C_FLAGS=-g1 \
            -DRDKAFKA_BUILD_STATIC=ON -DRDKAFKA_BUILD_EXAMPLES=OFF -DRDKAFKA_BUILD_TESTS=OFF
        ninja -C "$work/build"
        DESTDIR="$work/root" ninja -C "$work/build" install
    } >"$build/deps-rdkafka.log" 2>&1 </dev/null || {
        tail -n 20 "$build/deps-rdkafka.log" >&2
        rm -rf "$work"
        die "building librdkafka failed; the whole log is build/deps-rdkafka.log"
    }
    printf '%s\n' "$stamp" >"$work/root$deps/.stamp"
    rm -rf "$deps"
    mv "$work/root$deps" "$deps"
    rm -rf "$work"
}

# The distribution's librdkafka where it is new enough (Debian 13), else our own build (Debian 12).
need_rdkafka() {
    local candidate
    if [ ! -f "$deps/.stamp" ]; then
        if pkg-config --exists "rdkafka >= $rdkafka_floor" 2>/dev/null; then
            say "librdkafka $(pkg-config --modversion rdkafka) of the system is new enough"
            return
        fi
        candidate=$(LC_ALL=C apt-cache policy librdkafka-dev | awk '$1 == "Candidate:" { print $2 }')
        if [ -n "$candidate" ] && [ "$candidate" != "(none)" ] && version_at_least "${candidate%%-*}" "$rdkafka_floor"; then
            install_packages librdkafka-dev
            return
        fi
    fi
    build_rdkafka
}

# Not fatal: suites that need Python packages which cannot be had report themselves as skipped.
make_venv() {
    local want have='' venv=$build/venv
    want=$(sha256sum <"$root/tests/requirements.txt")
    [ ! -f "$venv/.requirements" ] || have=$(cat "$venv/.requirements")
    if [ "$want" = "$have" ] && [ -x "$venv/bin/python" ]; then
        return
    fi
    python3 -c 'import ensurepip, venv' 2>/dev/null || install_packages python3 python3-venv
    say "making the Python environment build/venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    if "$venv/bin/pip" --disable-pip-version-check -q install --retries 3 -r "$root/tests/requirements.txt" \
        >"$build/deps-pip.log" 2>&1 </dev/null; then
        printf '%s\n' "$want" >"$venv/.requirements"
    else
        tail -n 5 "$build/deps-pip.log" >&2
        say "WARNING: the Python packages of the tests cannot be had; suites that need them will be skipped"
    fi
}

mode=build
case ${1:-} in
'' | --build) ;;
--test) mode='test' ;;
-h | --help)
    sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    exit 0
    ;;
*) die "unknown option '$1'; see scripts/deps.sh --help" ;;
esac

check_system
mkdir -p "$build"
exec 9>"$build/.deps.lock"
flock -w 1200 9 || die "another run of scripts/deps.sh holds build/.deps.lock for 20 minutes"
install_packages "${build_packages[@]}"
need_rdkafka
if [ "$mode" = test ]; then
    install_postgresql
    install_packages "${test_packages[@]}"
    command -v java >/dev/null || install_packages default-jre-headless
    command -v mvn >/dev/null || install_packages maven
    make_venv
fi
say "all that '$mode' needs is there"
