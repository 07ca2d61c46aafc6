#!/usr/bin/env bash
# What a container engine does, with the kernel's own means: a root of its own, the mounts asked
# for, a process of its own namespaces. Programs are the machine's, bound read-only into the root.
#
#   container.sh ROOT WORKDIR USER [HOST:INSIDE...] -- COMMAND...
set -euo pipefail
root=$1 workdir=$2 user=$3
shift 3
export PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$root"/{usr,proc,dev,sys,tmp,run/old,etc,root,var/tmp}
mount --bind "$root" "$root"
for program in bin sbin lib lib64; do
    ln -sfn "usr/$program" "$root/$program"
done
mount --bind /usr "$root/usr"
mount -o remount,bind,ro "$root/usr"
cp -a /etc/{passwd,group,ld.so.cache,nsswitch.conf,alternatives} "$root/etc/"
printf "127.0.0.1 localhost\n::1 localhost\n" >"$root/etc/hosts" # the engine writes it
chmod 1777 "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
cp -a /dev/{null,zero,full,random,urandom,tty} "$root/dev/"
for node in ${CONTAINER_NODES-}; do
    cp -a "$node" "$root/dev/"
done
while [[ $1 != -- ]]; do
    source=${1%%:*} target=$root${1#*:}
    if [[ -d $source ]]; then mkdir -p "$target"; else mkdir -p "${target%/*}" && : >>"$target"; fi
    mount --bind "$source" "$target"
    shift
done
shift
cd "$root"
pivot_root . run/old
cd /
umount -l /run/old
[[ -n ${CONTAINER_SHARES_NETWORK-} ]] || ip link set lo up
cd "$workdir"
export PATH=/usr/local/bin:/usr/bin:/bin
[[ $user == root ]] || exec setpriv --reuid="$user" --regid="$user" --clear-groups -- "$@"
exec "$@"
