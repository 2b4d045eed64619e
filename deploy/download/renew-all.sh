#!/bin/sh
# Renews all certificates of the node that it runs on. Needs no API, no DNS, no network.
#
#   sh renew-all.sh [options of `cert-renew all`, such as --dry-run]
#
#   CERT_DAYS        days that the new certificates live; unset: 91 for the kubelet's, 365 for the others
#   CERT_RENEW_TOOL  the tool; unset: the one laid down on this node, else cert-renew beside this script, else in PATH
#
# The exit code is that of cert-renew: 0 done, 1 failed and put back, 2 refused before anything was touched, 3 nothing to
# do, 4 this node is done as far as it can be now.

staged=/var/lib/cluster-cert-rotator/bin/cert-renew

refuse() {
  printf 'renew-all.sh: %s\n' "$1" >&2
  exit 2
}

# The tool runs as root: who else may write it, or put another in its place, would be root as well.
judge() {
  case $1 in /* | ./* | ../*) ;; *) set -- "./$1" ;; esac
  directory=$(dirname "$1")
  if [ -h "$1" ]; then refuse "$1 is a link: name the tool itself in CERT_RENEW_TOOL"; fi
  is_ours "$1" || refuse "$1 is somebody else's: download it as the user who runs this, or name a tool in CERT_RENEW_TOOL"
  is_ours "$directory/." || refuse "$1 lies in a directory of somebody else, who may replace it: move it, or name a tool in CERT_RENEW_TOOL"
  is_shut "$1" || refuse "$1 may be written by others: download it again, or look at it and chmod go-w $1"
  # Where the sticky bit is set, as in /tmp, nobody replaces what is another's.
  is_sticky "$directory/." || is_shut "$directory/." ||
    refuse "$1 may be replaced by others, who may write its directory: chmod go-w $directory, or name a tool in CERT_RENEW_TOOL"
}

is_ours() { [ -n "$(find "$1" -prune \( -user 0 -o -user "$(id -u)" \))" ]; }
is_shut() { [ -n "$(find "$1" -prune ! -perm -020 ! -perm -002)" ]; }
is_sticky() { [ -n "$(find "$1" -prune -perm -1000)" ]; }

here=$(dirname -- "$0")

if [ -n "${CERT_RENEW_TOOL:-}" ]; then
  tool=$CERT_RENEW_TOOL
elif [ -e "$staged" ]; then
  tool=$staged
elif [ -e "$here/cert-renew" ] || [ -h "$here/cert-renew" ]; then
  tool=$here/cert-renew
  judge "$tool"
else
  tool=$(command -v cert-renew) || refuse "there is no cert-renew beside this script, none at $staged and none in PATH: download it first, or name it in CERT_RENEW_TOOL"
  # An entry of PATH that is not absolute is the working directory, or below it.
  case $tool in /*) ;; *) judge "$tool" ;; esac
fi

[ -f "$tool" ] || refuse "$tool is no file: name the tool cert-renew in CERT_RENEW_TOOL"
[ -x "$tool" ] || refuse "$tool may not be executed: chmod +x $tool"
case $tool in */*) ;; *) tool=./$tool ;; esac

# What only asks changes nothing, and what is for a program is for a program: neither ends in a sentence of ours.
speaks=yes
for word in "$@"; do
  case $word in
    --dry-run | --json | --help | -h) speaks=no ;;
  esac
done

# --force: this script promises all, not what is due. For what is due there is `cert-renew all`.
set -- all --force ${CERT_DAYS:+"--days=$CERT_DAYS"} "$@"

# env -i: nothing in the caller's environment may change what runs as root here (LD_PRELOAD, BUN_OPTIONS, proxies).
env -i \
  PATH="${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" \
  HOME="${HOME:-/root}" \
  ${TERM:+"TERM=$TERM"} ${LANG:+"LANG=$LANG"} ${NO_COLOR:+"NO_COLOR=$NO_COLOR"} \
  "$tool" "$@"
code=$?

[ "$speaks" = yes ] && case $code in
  0) echo 'Done: the certificates of this node are renewed.' ;;
  3) echo 'Nothing to do: cert-renew found nothing on this node to renew.' ;;
  # Without --force: what is new already stays, and is proved.
  4) echo "Not done yet: go on as told above, then run this on this node again: $tool all" ;;
esac

exit "$code"
