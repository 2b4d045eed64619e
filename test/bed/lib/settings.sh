# Names, places and small words that all parts of the bed share. Sourced, never run.
# shellcheck shell=bash disable=SC2034

say() { printf '%s bed %s: %s\n' "$(date +%T)" "${BED:-}" "$*" >&2; }
die() { printf 'bed %s: %s\n' "${BED:-}" "$*" >&2; exit 1; }

BED=${BED:-dev}
[[ $BED =~ ^[a-z][a-z0-9]{0,5}$ ]] || die "BED=$BED: 1 to 6 of a-z and 0-9, a letter first (it becomes part of interface names)"
BED_CACHE=${BED_CACHE:-/var/cache/bed}
STATE=${BED_STATE:-/var/lib/cluster-cert-rotator-bed}/$BED

# What an existing bed was made with comes back, so that only `up` needs to be told.
if [ "${BED_COMMAND:-}" != up ] && [ -f "$STATE/settings" ]; then
  # shellcheck source=/dev/null
  . "$STATE/settings"
fi
K8S=${K8S:-v1.34.4}
[[ $K8S =~ ^v1\.(3[2-7])\.[0-9]+$ ]] || die "K8S=$K8S: a version from v1.32.x to v1.37.x is needed"
ETCD=${ETCD:-v3.6.16}
CONTROL_PLANES=${CONTROL_PLANES:-1}
WORKERS=${WORKERS:-1}
BUILT=$BED_CACHE/$K8S

ROOTFS_SUITE=bookworm
# strace, e2fsprogs (chattr) and attr are for the tests: faults at system calls, immutable files, extended attributes
ROOTFS_PACKAGES=systemd,systemd-sysv,dbus,containerd,runc,containernetworking-plugins,iptables,conntrack,iproute2,socat,ethtool,kmod,mount,util-linux,procps,ca-certificates,curl,openssl,strace,e2fsprogs,attr
ROOTFS=$BED_CACHE/rootfs-$(sha256sum <<<"$ROOTFS_SUITE $ROOTFS_PACKAGES" | cut -c1-12)

# need PACKAGE...: Debian packages that the machine must have; installed when they are not
need() {
  "$(dirname "${BASH_SOURCE[0]}")/../../../scripts/debian.sh" install "$@" || die "cannot install $*"
}
