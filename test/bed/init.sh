#!/usr/bin/env bash
# The first process of a node: runs in the node's fresh namespaces, puts its root together, and becomes its /sbin/init.
#   init.sh STATE-OF-THE-NODE LOWER-LAYERS HOSTNAME "HIERARCHY..."
# The root is mounted here and not on the machine: when PID 1 dies, every mount of the node goes with it.
set -eu
state=$1 layers=$2 hostname=$3 hierarchies=$4 r=$1/root
# /proc is still the machine's: this is our pid as the machine counts it, and it stays the same through exec
read -r pid _ < /proc/self/stat
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$layers,upperdir=$state/upper,workdir=$state/work,index=off,metacopy=off" "$r"
mount -t proc proc "$r/proc"
mount -t sysfs sysfs "$r/sys"
mount -t tmpfs -o mode=755 tmpfs "$r/run"
mount -t tmpfs tmpfs "$r/tmp"
mount -t tmpfs -o mode=755 tmpfs "$r/dev"
for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 kmsg:1:11; do
  IFS=: read -r name major minor <<<"$device"
  mknod -m 666 "$r/dev/$name" c "$major" "$minor"
done
mkdir "$r/dev/pts" "$r/dev/shm" "$r/dev/mqueue"
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts "$r/dev/pts"
mount -t tmpfs tmpfs "$r/dev/shm"
ln -s pts/ptmx "$r/dev/ptmx"
ln -s /proc/self/fd "$r/dev/fd"
ln -s fd/0 "$r/dev/stdin"; ln -s fd/1 "$r/dev/stdout"; ln -s fd/2 "$r/dev/stderr"
# the node's own part of every cgroup hierarchy
mount -t tmpfs -o mode=755 tmpfs "$r/sys/fs/cgroup"
for hierarchy in $hierarchies; do
  mkdir "$r/sys/fs/cgroup/$hierarchy"
  option=$hierarchy; [ "$hierarchy" = systemd ] && option=none,name=systemd
  mount -t cgroup -o "$option" cgroup "$r/sys/fs/cgroup/$hierarchy"
done
mkdir -p "$r/var/lib/containerd" "$r/var/log/kubernetes/audit"
mount --bind "$state/containerd" "$r/var/lib/containerd"
mount --bind "$state/audit" "$r/var/log/kubernetes/audit"
hostname "$hostname"
echo "$pid" > "$state/pid"
cd "$r"
mkdir -p .old
pivot_root . .old
exec chroot . /bin/bash -c 'umount -l /.old; rmdir /.old; mount --make-rshared /; exec env -i container=bed PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init'
