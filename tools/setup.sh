# Sourced by tools/edge, tools/test and tools/check (bash): gives them `root`,
# `set_up` and `add_packages`.
#
# set_up EXTRA... makes .venv in the repository with this project and the named extras, and
# returns at once, without the network, when it is there already. What is there is written in
# .venv/edge-stamp: a digest of all it depends on, then the extras.

set -euo pipefail

tool=tools/$(basename "$0")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
venv=$root/.venv
stamp=$venv/edge-stamp
unfinished=$venv/edge-unfinished
log=$venv/edge-install.log

say() { printf '%s: %s\n' "$tool" "$*" >&2; }

die() {
    say "$*"
    exit 1
}

# Prints "3.11 /path/to/python" if the program $1 runs and is a Python we support. A shim on
# PATH may exist and fail, so only running it tells.
python_at() {
    "$1" -c '
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit(1)
print("%d.%d" % sys.version_info[:2], sys.executable)' 2>/dev/null </dev/null
}

can_make_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null </dev/null; }

# Sets `version` and `python`: EDGE_PYTHON, or the first on PATH, best with venv in it.
choose_python() {
    local name candidate found first=
    if [ -n "${EDGE_PYTHON:-}" ]; then
        found=$(python_at "$EDGE_PYTHON") ||
            die "EDGE_PYTHON=$EDGE_PYTHON is not a Python 3.11, 3.12 or 3.13 that runs"
        read -r version python <<<"$found"
        return
    fi
    for name in python3.11 python3.13 python3.12 python3; do
        while read -r candidate; do
            found=$(python_at "$candidate") || continue
            first=${first:-$found}
            read -r version python <<<"$found"
            if can_make_venv "$python"; then return; fi
        done < <(type -aP "$name")
    done
    [ -n "$first" ] ||
        die "needs Python 3.11, 3.12 or 3.13; install one (sudo apt install python3-venv) or name it in EDGE_PYTHON"
    read -r version python <<<"$first"
}

# Installs the Debian packages $@; fails where that is not for us to do, or does not work.
apt_install() {
    [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null || return 1
    say "installing the system packages: $*"
    local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 -o Acquire::http::Timeout=20)
    local install=("${get[@]}" install -y --no-install-recommends "$@")
    "${install[@]}" >/dev/null 2>&1 || { "${get[@]}" update && "${install[@]}"; } >/dev/null 2>&1
}

# Debian keeps venv in a package of its own: python3-venv, or python3.X-venv beside the default.
add_venv_module() {
    local package=python3-venv
    case "$(python_at python3)" in "$version "*) ;; *) package=python$version-venv ;; esac
    apt_install "$package" || die "Python $version has no venv module; run: sudo apt install $package"
    can_make_venv "$python" || die "Python $version at $python still has no venv module; name another in EDGE_PYTHON"
}

# Succeeds when what we use of this package is there, wherever it came from.
has_package() {
    local file
    case $1 in
    libportaudio2) [[ $(/sbin/ldconfig -p 2>/dev/null) == *libportaudio.so.2* ]] ;;
    pulseaudio) type -P pulseaudio >/dev/null ;;
    pulseaudio-utils) type -P pacat >/dev/null ;;
    libasound2-plugins)
        for file in /usr/lib*/alsa-lib/libasound_module_pcm_pulse.so /usr/lib*/*/alsa-lib/libasound_module_pcm_pulse.so; do
            if [ -e "$file" ]; then return; fi
        done
        return 1
        ;;
    *) die "has_package does not know $1" ;;
    esac
}

# add_packages WHO PACKAGE...: sees to it that they are there; where it cannot, it says what WHO
# lacks and goes on.
add_packages() {
    local who=$1 package missing=()
    shift
    for package; do
        has_package "$package" || missing+=("$package")
    done
    if ((${#missing[@]} == 0)) || apt_install "${missing[@]}"; then return; fi
    say "$who: not without these system packages; run: sudo apt install ${missing[*]}"
}

make_venv() {
    can_make_venv "$python" || add_venv_module
    say "making .venv with Python $version"
    rm -rf "$venv"
    mkdir "$venv" 2>/dev/null || die "cannot write $venv"
    touch "$unfinished"
    "$python" -m venv "$venv" >"$log" 2>&1 || die "could not make .venv; see $log"
}

# Makes .venv again when it is of another Python, was left half-made, moved, or is broken.
keep_or_make_venv() {
    local why=
    if [ ! -e "$venv" ]; then
        make_venv
        return
    fi
    if [ -e "$unfinished" ]; then
        why="was left half-made"
    elif [ "$("$venv/bin/python" -c 'import pip, sys; print(sys.prefix)' 2>/dev/null)" != "$venv" ]; then
        why="does not work"
    elif ! grep -qF "$venv" "$venv/bin/activate"; then
        why="was moved here"
    elif [[ $(python_at "$venv/bin/python") != "$version "* ]]; then
        why="is of another Python than $version"
    fi
    if [ -n "$why" ]; then
        say ".venv $why: making it again"
        make_venv
    fi
}

# One line a fact, so that a change of any of them installs again.
digest() {
    { echo "$version $root" && cat "$root/pyproject.toml" "$root/requirements.txt"; } | sha256sum | cut -d' ' -f1
}

# Succeeds when .venv works and has all of the extras $@.
is_set_up() {
    local had extra
    { read -r had && [ "$had" = "$(digest)" ] && read -r had; } 2>/dev/null <"$stamp" || return 1
    for extra; do
        case ",$had," in *",$extra,"*) ;; *) return 1 ;; esac
    done
    [ ! -e "$unfinished" ] && "$venv/bin/python" -I -c 'import edge' 2>/dev/null
}

install() {
    local extras
    # What an earlier run installed stays, and follows a change of the versions.
    extras=$({ printf '%s\n' "$@" && sed -n 2p "$stamp" 2>/dev/null | tr , '\n' || true; } | sort -u | grep . | paste -sd,)
    say "installing edge[$extras] into .venv (needs the network, once)"
    touch "$unfinished"
    trap 'exit 130' INT # leaves the mark: pip may have stopped half-way
    if ! (cd "$root" && PIP_DISABLE_PIP_VERSION_CHECK=1 "$venv/bin/python" -m pip install --quiet --no-input \
        -c requirements.txt -e ".[$extras]") >"$log" 2>&1; then
        rm -f "$unfinished" # pip takes back what it cannot finish
        if grep -q 'connection broken' "$log"; then
            die "could not install the packages: the package index cannot be reached (see $log)"
        fi
        die "could not install the packages: $(grep -im1 '^ *error' "$log") (see $log)"
    fi
    printf '%s\n' "$(digest)" "$extras" >"$stamp"
    rm -f "$unfinished"
    trap - INT
}

set_up() {
    local lock
    choose_python
    # The lock is on this file, so that it leaves nothing behind.
    exec {lock}<"$root/tools/setup.sh"
    flock -n "$lock" || { say "waiting for another run to finish its set-up" && flock "$lock"; }
    if ! is_set_up "$@"; then
        keep_or_make_venv
        install "$@"
    fi
    exec {lock}<&-
}
