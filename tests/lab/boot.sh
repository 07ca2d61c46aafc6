#!/usr/bin/env bash
# Boots a real systemd as PID 1 of its own namespaces, over a throw-away overlay of /.
#
#   boot.sh DIRECTORY [READ-ONLY-PATH...]
#
# DIRECTORY must be empty and on a real filesystem; it only holds mount points and the boot's log.
# Each READ-ONLY-PATH is shown inside at the same place.  Prints "ready PID" on stdout when systemd
# answers, or says on stderr why not: exit 77 where a lab cannot be had (not root, no namespaces),
# exit 1 when it should have worked.  The machine lives until standard input closes, so it cannot
# outlive whoever started it; then every process, mount and cgroup of it is gone.  A line on standard
# input boots it again on the same disk, once it has ended ("reboot") or at once ("power"), and
# "ready PID" is printed once more.
set -euo pipefail

readonly BOOT_DEADLINE_SECONDS=20
readonly CGROUPS=/sys/fs/cgroup
readonly KEPT=( # what still starts at boot
    dbus.service dbus.socket
    systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket
    systemd-logind.service systemd-tmpfiles-setup.service systemd-user-sessions.service
)

fail() {
    echo "boot.sh: $*" >&2
    exit 1
}

unavailable() {
    echo "boot.sh: $*" >&2
    exit 77
}

# Stage 1: mounts made from here on are seen by nobody else.
enter_own_mounts() {
    [[ $EUID == 0 ]] || unavailable "needs root"
    [[ -x /lib/systemd/systemd ]] || unavailable "needs systemd (/lib/systemd/systemd is missing)"
    local tool
    for tool in unshare nsenter setpriv pgrep; do
        command -v "$tool" >/dev/null || unavailable "needs $tool (util-linux, procps)"
    done
    unshare --mount --pid --fork --uts --ipc --cgroup --net true 2>/dev/null || unavailable "may not make namespaces"
    exec unshare --mount bash "$0" --supervise "$@"
}

# Stage 2, outside: owns the machine's cgroup, starts the machine, waits for its end, clears up.
supervise() {
    directory=$1
    cgroup=$CGROUPS/tabbydoctor-lab-$$
    if [[ $(stat --file-system --format=%T "$CGROUPS") != cgroup2fs ]]; then
        mount -t cgroup2 cgroup2 "$CGROUPS" 2>/dev/null || unavailable "may not mount cgroup2"
    fi
    mkdir "$cgroup" 2>/dev/null || unavailable "may not make a cgroup"
    trap clear_up EXIT
    mkdir -p "$directory"/{root,overlay}
    trap 'exit 1' HUP INT TERM
    mount -t tmpfs -o mode=755 tmpfs "$directory/overlay" # its disk, which outlasts a boot
    mkdir "$directory"/overlay/{upper,work}

    start "$@"
    # Standard input closes when the machine is no longer wanted.
    while read -r how; do
        [[ $how == reboot ]] || kill -KILL "$outer" 2>/dev/null || true
        wait "$outer" 2>/dev/null || true
        await_empty_cgroup
        mkdir "$cgroup"
        start "$@"
    done
}

start() {
    setpriv --pdeathsig KILL -- bash -c 'echo 0 >"$1/cgroup.procs" && shift && exec "$@"' join "$cgroup" \
        unshare --mount --pid --fork --kill-child --uts --ipc --cgroup --net bash "$0" --inside "$@" \
        >"$directory/boot.log" 2>&1 </dev/null &
    outer=$!
    wait_for_systemd
    echo "ready $pid"
}

wait_for_systemd() {
    local deadline=$((SECONDS + BOOT_DEADLINE_SECONDS))
    until pid=$(pgrep -P "$outer") && [[ -S /proc/$pid/root/run/systemd/private ]]; do
        kill -0 "$outer" 2>/dev/null || fail "the machine did not start: $(tail -n 5 "$directory/boot.log")"
        ((SECONDS < deadline)) || fail "systemd did not answer in time: $(tail -n 5 "$directory/boot.log")"
        sleep 0.02
    done
}

clear_up() {
    if [[ -n ${outer-} ]]; then
        kill -KILL "$outer" 2>/dev/null || true # --kill-child takes PID 1 with it, and PID 1 the rest
        wait "$outer" 2>/dev/null || true
    fi
    await_empty_cgroup
    umount "$directory/overlay" 2>/dev/null || true
    rmdir "$directory"/{root,overlay} 2>/dev/null || true # the directory may be gone already
}

await_empty_cgroup() {
    local deadline=$((SECONDS + 10))
    until [[ ! -d $cgroup ]] || remove_cgroup; do
        ((SECONDS < deadline)) || fail "the cgroup $cgroup is still in use"
        sleep 0.02
    done
}

remove_cgroup() {
    find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null
}

# Stage 3, inside: becomes the machine's PID 1.
become_the_machine() {
    directory=$1 root=$1/root
    shift
    local first=yes
    [[ ! -e $directory/overlay/booted ]] || first=no
    touch "$directory/overlay/booted"
    mount -t overlay overlay "$root" \
        -o "lowerdir=/,upperdir=$directory/overlay/upper,workdir=$directory/overlay/work"
    mount_kernel_filesystems
    mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$root/run"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp" # Debian's systemd empties /tmp when it boots
    show_read_only "$@"
    [[ $first == no ]] || write_configuration

    mkdir "$root/run/old"
    cd "$root"
    pivot_root . run/old
    cd /
    umount -l /run/old
    # As any boot has it: what systemd mounts for a unit (its credentials) must propagate.
    mount --make-rshared /
    rmdir /run/old
    exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --system --unit=multi-user.target --log-target=journal --show-status=no
}

# What would reach the real machine's kernel settings is read-only, as in systemd-nspawn(1).
mount_kernel_filesystems() {
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    [[ ! -e $root/proc/sysrq-trigger ]] || mount --bind /dev/null "$root/proc/sysrq-trigger"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup" # of its cgroup namespace

    # A /dev of its own: tests make device nodes in it, journald its socket.
    mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
    cp -a /dev/{null,zero,full,random,urandom,tty} "$root/dev/"
    mkdir "$root"/dev/{pts,shm,mqueue}
    mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s null "$root/dev/console"
    ln -s /proc/self/fd "$root/dev/fd"
    ln -s fd/0 "$root/dev/stdin"
    ln -s fd/1 "$root/dev/stdout"
    ln -s fd/2 "$root/dev/stderr"
}

show_read_only() {
    local path
    for path in "$@"; do
        mkdir -p "$root$path"
        mount --bind "$path" "$root$path"
        mount -o remount,bind,ro "$root$path"
    done
}

# Nothing the real machine has enabled or configured for systemd counts inside, only what is written here.
write_configuration() {
    local etc=$root/etc
    rm -rf "$etc/systemd" "$root/usr/local/lib/systemd" "$root/var/log/journal"
    mkdir -p "$etc"/systemd/{system,user,journald.conf.d,system.conf.d,system-generators}
    printf '[Journal]\nStorage=volatile\nReadKMsg=no\nAudit=no\nRateLimitIntervalSec=0\n' \
        >"$etc/systemd/journald.conf.d/lab.conf"
    printf '[Manager]\nDefaultTimeoutStopSec=5s\n' >"$etc/systemd/system.conf.d/lab.conf"
    mask_noise

    echo lab >"$etc/hostname"
    printf '127.0.0.1 localhost lab\n::1 localhost lab\n' >"$etc/hosts"
    rm -f "$etc/machine-id" "$etc/fstab" # a machine of its own: its journal is its own too
    rm -f "$root/.dockerenv" # nor is it the container that the machine outside may be
    tr -d - </proc/sys/kernel/random/uuid >"$etc/machine-id"
}

# Of what packages start at boot only KEPT remains; no generator adds to it.
mask_noise() {
    local path name
    for path in "$root"/lib/systemd/system/{sysinit,sockets,timers,basic,local-fs,multi-user}.target.wants/*; do
        name=${path##*/}
        [[ " ${KEPT[*]} " == *" $name "* ]] || ln -sf /dev/null "$root/etc/systemd/system/$name"
    done
    for name in modprobe@.service systemd-remount-fs.service systemd-hwdb-update.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$name"
    done
    for path in "$root"/lib/systemd/system-generators/*; do
        ln -s /dev/null "$root/etc/systemd/system-generators/${path##*/}"
    done
}

case ${1-} in
    --supervise) shift && supervise "$@" ;;
    --inside) shift && become_the_machine "$@" ;;
    "") fail "usage: boot.sh DIRECTORY [READ-ONLY-PATH...]" ;;
    *) enter_own_mounts "$@" ;;
esac
