#!/usr/bin/env bash
# The one place that asks apt for anything, one caller at a time; a machine that has all it needs is left alone.
#   scripts/debian.sh install PACKAGE...             packages that the machine must have (as root)
#   scripts/debian.sh download DIRECTORY PACKAGE...  the .deb files alone; apt checks their signatures
set -euo pipefail

die() { echo "scripts/debian.sh: $*" >&2; exit 1; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# apt does not wait for its own lock of the package lists: another clone's update would fail ours
one_at_a_time() {
  local lock=/run/lock/cluster-cert-rotator-apt
  [ "$(id -u)" -eq 0 ] || lock=${TMPDIR:-/tmp}/cluster-cert-rotator-apt-$(id -u)
  exec 9> "$lock"
  flock 9
}

# A fresh machine updates itself: until that is over, the locks are its own. 120 tries, one a second
update() {
  local try log
  for ((try = 0; try < 120; try++)); do
    log=$(apt-get -qq update 2>&1 < /dev/null 9>&-) && return
    [[ $log = *'Could not get lock'* ]] || break
    sleep 1
  done
  die "apt-get update failed: $log"
}

# with_lists COMMAND...: a fresh machine has no package lists, or old ones that name versions which are gone. What a
# package starts must not keep our lock
with_lists() {
  local log
  "$@" > /dev/null 2>&1 < /dev/null 9>&- && return
  update
  log=$("$@" 2>&1 < /dev/null 9>&-) || die "$* failed: $log"
}

install_packages() {
  local package missing=()
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] || die "missing: sudo apt-get install ${missing[*]}"
  echo "installing ${missing[*]}" >&2
  one_at_a_time
  DEBIAN_FRONTEND=noninteractive with_lists apt-get -y -qq -o DPkg::Lock::Timeout=300 install "${missing[@]}"
}

download_packages() {
  local directory=$1; shift
  one_at_a_time
  cd "$directory"
  with_lists apt-get -qq -o APT::Sandbox::User=root download "$@"
}

case ${1:-} in
  # elsewhere the programs come some other way; what misses one of them says so
  install) shift; command -v dpkg-query > /dev/null || exit 0; install_packages "$@" ;;
  download) shift; download_packages "$@" ;;
  *) die 'usage: install PACKAGE... | download DIRECTORY PACKAGE...' ;;
esac
