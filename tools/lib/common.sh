# Shell functions that the commands in tools/ share: find the tree, install what is missing, configure, build.
# Not a command: source it from a script in tools/, after which $plait_root is the source tree.
#
#   ensure_packages GROUP...       installs what tools/packages.txt lists for these groups and is not there
#   build_dir NAME                 prints where build folder NAME is; below ~/.cache when the tree cannot be written
#   configure BUILD_DIR OPTION...  sets up Meson's build folder, or adapts it when the options changed
#   build BUILD_DIR TARGET...      builds, with ninja's progress
#   say TEXT, fail TEXT            a line of progress; an error that ends the script with status 1

set -euo pipefail

plait_root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
plait_tool=$(readlink -f "$0")
plait_tool=${plait_tool#"$plait_root"/}

say() { printf '==> %s\n' "$*"; }

fail() {
    printf '%s: %s\n' "$plait_tool" "$*" >&2
    exit 1
}

usage_error() {
    printf '%s: %s; see %s --help\n' "$plait_tool" "$*" "$plait_tool" >&2
    exit 2
}

# --- packages -------------------------------------------------------------------------------------------------------

# Prints the package of every line of the list that belongs to one of the groups and is not satisfied.
missing_packages() {
    local groups=" $* " line_groups package command group asked=()
    while read -r line_groups package command _; do
        [[ -z $line_groups || $line_groups == \#* ]] && continue
        for group in ${line_groups//,/ }; do
            [[ $groups == *" $group "* ]] || continue
            if [[ -n $command ]]; then
                command -v "$command" >/dev/null || printf '%s\n' "$package"
            else
                asked+=("$package")
            fi
            break
        done
    done <"$plait_root/tools/packages.txt"
    ((${#asked[@]})) || return 0

    # One question for all of them: starting dpkg-query is what takes the time.
    local installed name status
    installed=" $(dpkg-query --show --showformat '${Package} ${db:Status-Status}\n' "${asked[@]}" 2>/dev/null |
        while read -r name status; do [[ $status == installed ]] && printf '%s ' "$name"; done || true)"
    for package in "${asked[@]}"; do
        [[ $installed == *" $package "* ]] || printf '%s\n' "$package"
    done
}

ensure_packages() {
    if ! command -v dpkg-query >/dev/null; then
        say "not a Debian system: trusting that what tools/packages.txt lists for '$*' is installed"
        return 0
    fi
    local missing
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    if ((EUID != 0)); then
        {
            printf '%s: not installed here: %s\n' "$plait_tool" "${missing[*]}"
            printf 'Installing packages needs root. Ask an administrator to run this once, then try again:\n'
            printf '  apt-get update && apt-get install -y --no-install-recommends %s\n' "${missing[*]}"
        } >&2
        exit 1
    fi
    install_packages "${missing[@]}"
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]} == 0)) || fail "apt-get succeeded, yet these are still missing: ${missing[*]}"
}

install_packages() {
    local log
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    say "asking Debian's mirrors for their package lists"
    apt-get -q update </dev/null >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        fail "apt-get update failed (above): is the network there, and are the lines in /etc/apt right?"
    }
    say "installing with apt-get: $*"
    # RUNLEVEL=1 keeps packages from starting their daemons where there is no systemd, such as in a container.
    RUNLEVEL=1 apt-get -q install -y --no-install-recommends -o APT::Status-Fd=3 -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Options::=--force-confold "$@" 3>&1 </dev/null >"$log" 2>&1 | show_apt_progress || {
        tail -n 30 "$log" >&2
        fail "apt-get install failed (above)"
    }
    rm -f "$log"
}

# apt's status lines are `dlstatus:part:percent:text` while it downloads and `pmstatus:package:percent:text` after.
show_apt_progress() {
    local kind percent text shown='' step
    while IFS=: read -r kind _ percent text; do
        case $kind in
        dlstatus) text='downloading' ;;
        pmstatus) text='unpacking and setting up' ;;
        *) continue ;;
        esac
        percent=${percent%%.*}
        if [[ -t 1 ]]; then
            printf '\r    %-26s %3d %%' "$text" "$percent"
        else
            step="$text $((percent / 20 * 20))"
            [[ $step == "$shown" ]] || printf '    %-26s %3d %%\n' "$text" "$percent"
            shown=$step
        fi
    done
    [[ ! -t 1 ]] || printf '\n'
}

# --- building -------------------------------------------------------------------------------------------------------

build_dir() {
    local inside=$plait_root/$1
    if [[ -d $inside ]]; then
        [[ -w $inside ]] && printf '%s\n' "$inside" && return
    elif [[ -w $plait_root ]]; then
        printf '%s\n' "$inside" && return
    fi
    # One folder for each tree, so that two read-only trees do not build over each other.
    local tree
    tree=$(printf '%s' "$plait_root" | cksum | cut -d ' ' -f 1)
    printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/plait/$tree/$1"
}

configure() {
    local dir=$1
    shift
    [[ $dir == "$plait_root"/* ]] || say "$plait_root cannot be written: building in $dir"
    local stamp=$dir/plait-options
    if [[ ! -f $dir/build.ninja ]]; then
        say "configuring $dir"
        mkdir -p "$dir"
        meson setup "$dir" "$plait_root" "$@" >"$dir/setup.log" 2>&1 || {
            tail -n 40 "$dir/setup.log" >&2
            fail "Meson could not configure $dir (above; whole log in $dir/setup.log)"
        }
        printf '%s\n' "$*" >"$stamp"
    elif [[ $(cat "$stamp" 2>/dev/null) != "$*" ]]; then
        (($# == 0)) || meson configure "$dir" "$@"
        printf '%s\n' "$*" >"$stamp"
    fi
}

build() {
    local dir=$1 started=$SECONDS
    shift
    say "building in $dir"
    ninja -C "$dir" "$@" || fail "the build failed (above)"
    say "built in $((SECONDS - started)) s"
}
