#!/usr/bin/env bash
# Makes a host ready for a Tidegate node: what `tidegate tune` says that hurts, this changes. README.md beside it says what each
# topic does and what it costs.
#
# Every old value is kept in a state folder before it is changed, so that --undo brings it back; what is as it should be is
# left alone, so running it again changes nothing. TIDEGATE_ROOT=DIR works on a tree of files instead of the machine (tests).
set -euo pipefail
shopt -s inherit_errexit

readonly TOPICS=(governor idle clock irqs irqbalance thp sysctl limits disk boot)
# Longest time to wake from an idle state, in microseconds: as `tidegate tune` has it.
readonly IDLE_LATENCY_MAX_US=10

ROOT="${TIDEGATE_ROOT:-}"
ROOT="${ROOT%/}"
HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
readonly ROOT HERE
readonly STATE="/var/lib/tidegate/host-tune"
readonly CPU="/sys/devices/system/cpu"

dry_run=no
changes=0
refusals=0
is_new=no
cores=""
disks=()

usage() {
    cat <<END
usage: tune.sh [--dry-run] [--cores LIST] [--disk NAME]... [TOPIC]...
       tune.sh [--dry-run] --undo
       tune.sh --list

Without a topic: all of them but boot, which needs a restart of the machine to be in force.

  --dry-run      print what would be done, and do nothing
  --undo         bring back everything that was changed since the first run
  --cores LIST   cores of the pipeline, as 3-7 or 2,3 (default: the isolated ones, else the node's core plan: the last five
                 of six or more, else the last one)
  --disk NAME    disk below the data folder, as in /sys/block (for the topic disk)
  --list         print the topics

Exit codes: 0 done, 1 something was refused by the kernel or failed, 2 wrong usage or not root.
END
}

fail() {
    echo "tune.sh: $1" >&2
    exit 2
}

# --- values ---------------------------------------------------------------------------------------------------------------

# The value of a file of the kernel: `none [mq-deadline]` is mq-deadline.
now() {
    local text
    text="$(tr -d '\0' <"$ROOT$1" 2>/dev/null)" || return 1
    case "$text" in
    *"["*"]"*) text="${text#*\[}" && text="${text%%\]*}" ;;
    esac
    printf '%s' "$text"
}

# Keeps the first old value of a path, before it is changed: what came between two runs is ours.
remember() {
    local kind="$1" path="$2" old="$3" file="$ROOT$STATE/state"
    mkdir -p "$ROOT$STATE"
    touch "$file"
    is_new=no
    if ! is_remembered "$path"; then
        printf '%s\t%s\t%s\n' "$kind" "$path" "$old" >>"$file"
        is_new=yes
    fi
}

is_remembered() {
    [ -e "$ROOT$STATE/state" ] && cut -f2 "$ROOT$STATE/state" | grep -qxF -- "$1"
}

# Takes back what was remembered last, because nothing came of it.
forget() {
    [ "$is_new" = no ] || sed -i '$d' "$ROOT$STATE/state"
}

# Makes a file of the kernel have a value. With a third word a refusal is no failure: some of them are not ours to move.
set_value() {
    local path="$1" value="$2" may_refuse="${3:-}" old
    [ -e "$ROOT$path" ] || return 0
    old="$(now "$path")" || return 0
    [ "$old" != "$value" ] || return 0
    if [ "$dry_run" = yes ]; then
        echo "would write $value to $path (now: $old)"
        changes=$((changes + 1))
        return 0
    fi
    remember value "$path" "$old"
    if write_value "$path" "$value"; then
        changes=$((changes + 1))
        echo "wrote $value to $path (was: $old)"
        return 0
    fi
    forget
    if [ -n "$may_refuse" ]; then
        echo "$path stays $old: the kernel does not let it go"
    else
        echo "tune.sh: the kernel refuses $value for $path (now: $old)" >&2
        refusals=$((refusals + 1))
    fi
}

write_value() {
    { printf '%s\n' "$2" >"$ROOT$1"; } 2>/dev/null
}

# Makes a file of the system have the text of standard input, which is no pipe: this counts. What was there before is kept.
install_file() {
    local path="$1" text saved
    text="$(cat)"
    if [ -e "$ROOT$path" ] && [ "$(cat "$ROOT$path")" = "$text" ]; then
        return 0
    fi
    changes=$((changes + 1))
    if [ "$dry_run" = yes ]; then
        echo "would install $path"
        return 0
    fi
    if is_remembered "$path"; then
        : # What was there first is kept already.
    elif [ -e "$ROOT$path" ]; then
        saved="$ROOT$STATE/saved$path"
        mkdir -p "$(dirname "$saved")"
        cp -p "$ROOT$path" "$saved"
        remember file "$path" saved
    else
        remember file "$path" absent
    fi
    mkdir -p "$(dirname "$ROOT$path")"
    printf '%s\n' "$text" >"$ROOT$path"
    echo "installed $path"
}

# Runs a command of the machine; on a tree of files there is nobody to be told.
run() {
    if [ "$dry_run" = yes ]; then
        echo "would run $*"
    elif [ -n "$ROOT" ]; then
        :
    elif [ ! -d /run/systemd/system ]; then
        echo "left out, because systemd does not run here: $*"
    elif ! "$@"; then
        echo "tune.sh: failed: $*" >&2
        refusals=$((refusals + 1))
    fi
}

# --- cores ----------------------------------------------------------------------------------------------------------------

# `1-3,5` as one number a line; fails on what is no list.
expand() {
    local part first last
    local parts=()
    IFS=, read -r -a parts <<<"$1"
    for part in "${parts[@]}"; do
        [[ "$part" =~ ^[0-9]{1,5}(-[0-9]{1,5})?$ ]] || return 1
        first="${part%-*}"
        last="${part#*-}"
        [ "$first" -le "$last" ] || return 1
        seq "$first" "$last"
    done
}

# Numbers, one a line and in order, as `1-3,5`.
compress() {
    awk 'function out() { printf "%s%s", sep, (first == last ? first : first "-" last); sep = "," }
         NR == 1 { first = last = $1; next }
         $1 == last + 1 { last = $1; next }
         { out(); first = last = $1 }
         END { if (NR) out() }'
}

online_cores() {
    expand "$(now "$CPU/online")"
}

# As engine/pipeline has it: five stages from the last core down where there are six cores, else one thread on the last.
default_cores() {
    local isolated count
    isolated="$(now "$CPU/isolated" || true)"
    if [ -n "$isolated" ]; then
        printf '%s' "$isolated"
        return 0
    fi
    count="$(online_cores | wc -l)"
    if [ "$count" -ge 6 ]; then
        printf '%s-%s' $((count - 5)) $((count - 1))
    elif [ "$count" -ge 2 ]; then
        printf '%s' $((count - 1))
    fi
}

other_cores() {
    comm -23 <(online_cores | sort) <(expand "$cores" | sort) | sort -n | compress
}

# Topics about the pipeline's cores have nothing to do where it has none of its own.
has_cores() {
    [ -n "$cores" ] || {
        echo "$1: one core: nothing to keep apart"
        return 1
    }
}

fill_in() {
    sed -e "s/@PIPELINE_CORES@/$cores/g" -e "s/@OTHER_CORES@/$(other_cores)/g" \
        -e "s/@ALL_CORES@/$(online_cores | compress)/g" "$1"
}

# --- topics ---------------------------------------------------------------------------------------------------------------

topic_governor() {
    local path
    for path in "$ROOT$CPU"/cpu[0-9]*/cpufreq/scaling_governor; do
        set_value "${path#"$ROOT"}" performance
    done
}

# Switches off, on the pipeline's cores, the idle states that take long to wake from.
topic_idle() {
    local core state us
    for core in $(if [ -n "$cores" ]; then expand "$cores"; else online_cores; fi); do
        for state in "$ROOT$CPU/cpu$core/cpuidle"/state[0-9]*; do
            us="$(now "${state#"$ROOT"}/latency" || echo 0)"
            if [ "$us" -gt "$IDLE_LATENCY_MAX_US" ]; then
                set_value "${state#"$ROOT"}/disable" 1
            fi
        done
    done
}

topic_clock() {
    local folder=/sys/devices/system/clocksource/clocksource0
    if grep -qsw tsc "$ROOT$folder/available_clocksource"; then
        set_value "$folder/current_clocksource" tsc
    fi
}

topic_irqs() {
    local path others
    has_cores irqs || return 0
    others="$(other_cores)"
    for path in "$ROOT"/proc/irq/[0-9]*/smp_affinity_list; do
        [ -e "$path" ] || continue
        # One that does not come to the pipeline's cores may stay where it is.
        if comm -12 <(expand "$(now "${path#"$ROOT"}")" | sort) <(expand "$cores" | sort) | grep -q .; then
            set_value "${path#"$ROOT"}" "$others" may-refuse
        fi
    done
}

topic_irqbalance() {
    local before=$changes
    has_cores irqbalance || return 0
    if ! grep -qsx irqbalance "$ROOT"/proc/[0-9]*/comm; then
        echo "irqbalance: does not run"
        return 0
    fi
    install_file /etc/systemd/system/irqbalance.service.d/90-tidegate.conf < <(fill_in "$HERE/systemd/irqbalance.conf")
    if [ "$changes" != "$before" ]; then
        run systemctl daemon-reload
        run systemctl try-restart irqbalance.service
    fi
}

topic_thp() {
    set_value /sys/kernel/mm/transparent_hugepage/enabled madvise
}

topic_sysctl() {
    local key value
    install_file /etc/sysctl.d/90-tidegate.conf < <(sysctl_file)
    while IFS=' =' read -r key value; do
        [ -z "$key" ] || set_value "/proc/sys/${key//.//}" "$value"
    done < <(sysctl_file | grep -v '^#')
}

# The file beside this script; but buffers that are larger already, and a swappiness that is lower, stay as they are.
sysctl_file() {
    local line key value is
    while IFS= read -r line; do
        IFS=' =' read -r key value <<<"$line"
        is="$(now "/proc/sys/${key//.//}" 2>/dev/null || true)"
        case "$key" in
        net.core.*) [[ ! "$is" =~ ^[0-9]+$ ]] || [ "$is" -le "$value" ] || line="$key = $is" ;;
        vm.swappiness) [[ ! "$is" =~ ^[0-9]+$ ]] || [ "$is" -ge "$value" ] || line="$key = $is" ;;
        esac
        printf '%s\n' "$line"
    done <"$HERE/sysctl.d/90-tidegate.conf"
}

topic_limits() {
    local before=$changes
    install_file /etc/security/limits.d/90-tidegate.conf <"$HERE/limits.d/90-tidegate.conf"
    install_file /etc/systemd/system/tidegate.service.d/90-host.conf < <(fill_in "$HERE/systemd/90-host.conf")
    if [ "$changes" != "$before" ]; then
        run systemctl daemon-reload
        echo "limits: in force at the node's next start and at the next login"
    fi
}

topic_disk() {
    local disk
    if [ ${#disks[@]} = 0 ]; then
        echo "disk: name it with --disk, as \`tidegate tune --data-dir DIR\` does"
        return 0
    fi
    for disk in "${disks[@]}"; do
        [ -e "$ROOT/sys/block/$disk/queue/scheduler" ] || fail "--disk $disk: there is no /sys/block/$disk/queue/scheduler"
        set_value "/sys/block/$disk/queue/scheduler" none
    done
}

topic_boot() {
    local before=$changes
    has_cores boot || return 0
    install_file /etc/default/grub.d/90-tidegate.cfg < <(fill_in "$HERE/grub.d/90-tidegate.cfg")
    if [ "$changes" != "$before" ]; then
        echo "boot: run update-grub and restart the machine; then run tune.sh once more, because what it wrote is gone then"
    fi
}

# --- undo -----------------------------------------------------------------------------------------------------------------

undo() {
    local kind path old file="$ROOT$STATE/state"
    if [ ! -e "$file" ]; then
        echo "nothing to undo"
        return 0
    fi
    while IFS=$'\t' read -r kind path old; do
        if [ "$kind" = value ]; then
            [ ! -e "$ROOT$path" ] || undo_value "$path" "$old"
        elif [ "$dry_run" = yes ]; then
            echo "would bring back $path ($old)"
        elif [ "$old" = saved ]; then
            cp -p "$ROOT$STATE/saved$path" "$ROOT$path"
            echo "brought back $path"
        else
            rm -f "$ROOT$path"
            echo "removed $path"
        fi
    done < <(tac "$file")
    run systemctl daemon-reload
    [ "$dry_run" = yes ] || [ "$refusals" != 0 ] || rm -r "$ROOT$STATE"
}

undo_value() {
    if [ "$dry_run" = yes ]; then
        echo "would write $2 to $1"
    elif write_value "$1" "$2"; then
        echo "wrote $2 to $1"
    else
        echo "tune.sh: the kernel refuses $2 for $1; it is kept in $STATE/state" >&2
        refusals=$((refusals + 1))
    fi
}

# --------------------------------------------------------------------------------------------------------------------------

main() {
    local topics=() topic is_undo=no
    while [ $# -gt 0 ]; do
        case "$1" in
        --dry-run) dry_run=yes ;;
        --undo) is_undo=yes ;;
        --list)
            printf '%s\n' "${TOPICS[@]}"
            return 0
            ;;
        --cores)
            cores="${2:-}"
            expand "$cores" >/dev/null && [ -n "$cores" ] || fail "--cores '$cores': a list such as 3-7 or 2,3"
            shift
            ;;
        --disk)
            [[ "${2:-}" =~ ^[A-Za-z0-9_-]+$ ]] || fail "--disk '${2:-}': a name in /sys/block, such as nvme0n1"
            disks+=("$2")
            shift
            ;;
        -h | --help)
            usage
            return 0
            ;;
        -*) fail "$1: no such option; --help lists them" ;;
        *)
            [[ " ${TOPICS[*]} " == *" $1 "* ]] || fail "$1: no such topic; there are: ${TOPICS[*]}"
            topics+=("$1")
            ;;
        esac
        shift
    done
    if [ "$dry_run" = no ] && [ -z "$ROOT" ] && [ "$(id -u)" != 0 ]; then
        fail "this changes settings of the machine and needs root: sudo $0 (--dry-run does not)"
    fi
    [ -r "$ROOT$CPU/online" ] || fail "$ROOT$CPU/online cannot be read: mount /sys"
    if [ "$is_undo" = yes ]; then
        [ ${#topics[@]} = 0 ] || fail "--undo brings back everything: name no topic"
        undo
    else
        [ -n "$cores" ] || cores="$(default_cores)"
        if [ -n "$cores" ] && comm -13 <(online_cores | sort) <(expand "$cores" | sort) | grep -q .; then
            fail "--cores $cores: only $(online_cores | compress) are there"
        fi
        if [ -n "$cores" ] && [ -z "$(other_cores)" ]; then
            fail "--cores $cores: these are all; leave at least one for everything else"
        fi
        [ ${#topics[@]} -gt 0 ] || topics=(governor idle clock irqs irqbalance thp sysctl limits disk)
        echo "pipeline cores: ${cores:-none}"
        for topic in "${topics[@]}"; do
            "topic_$topic"
        done
        [ "$changes" != 0 ] || echo "nothing to change"
    fi
    [ "$refusals" = 0 ]
}

main "$@"
