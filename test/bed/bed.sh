#!/usr/bin/env bash
# A real kubeadm cluster on this machine, for tests: every node is a Debian with its own systemd as PID 1, containerd
# and kubelet, in its own namespaces, cgroups and network address; kubeadm makes the control plane of static Pods.
#
#   bed.sh up [--fresh]           makes it, or boots what is made already; --fresh makes it anew. Prints the kubeconfig's path
#   bed.sh down                   ends everything and removes every trace
#   bed.sh save [NAME]            saves the disks of all nodes, etcd among them (default name: base)
#   bed.sh restore [NAME]         puts all of it back, boots, and waits for every /readyz and every Node
#   bed.sh exec NODE COMMAND...   runs a command inside a node, as root (n1 n2 n3 are control planes, w1 w2 … workers)
#   bed.sh load NODE|all FILE...  imports OCI archives into containerd
#   bed.sh reissue [--days-left N] [--lifetime DAYS] [--node NODE] [--no-restart] [ID...]
#                                 re-issues certificates at any age, by openssl, and restarts what uses them. Default: all of
#                                 all nodes, 20 days left (DAYS_LEFT=) of 365, of 91 for the kubelet's. IDs: the names in
#                                 src/catalogue/ids.ts. N may be a fraction, or below 0: expired. ca.crt, front-proxy-ca.crt and
#                                 etcd/ca.crt, when named, are re-issued over their keys, in every copy; nothing is restarted for them
#   bed.sh kill NODE              kills its PID 1: power loss          bed.sh boot NODE   boots the disk as it is
#   bed.sh peek NODE COMMAND...   runs a command over the disk of a killed node, read-only
#   bed.sh status                 what there is                        bed.sh logs NODE [UNIT]   its journal (default: kubelet)
#   bed.sh audit                  the paths of the audit logs of its API servers
#   bed.sh root NODE              the path under which this machine sees the files of a running node
#   bed.sh state                  the directory in which the bed is kept
#
# What to make is told by the environment, to `up` alone (the rest remembers):
#   BED=dev                  name, up to 6 letters and digits; several beds stand side by side. The rest needs it too
#   CONTROL_PLANES=1 WORKERS=1 K8S=v1.34.4 (1.32 to 1.37)   NET=10.89.X (chosen by itself)
#   LAYOUT=kubeadm|acp, LAYOUT_w1=…   where kubelet.crt lies. Default: control planes kubeadm's, workers ACP's
#                            (/etc/kubernetes/pki/kubelet.crt, named in the kubelet's configuration, signed by the cluster's CA)
#   DAYS_LEFT=20             re-issues all certificates once it is up: they are due
#   ROTATE_CLIENT=true|false, ROTATE_CLIENT_w1=…   the kubelet's rotateCertificates. With true the kubelet renews its own client
#                            certificate once 70 to 90 % of its life are over (chosen at random, at each start), for a year: so
#                            one with 20 of 91 days left may go at any start. With false it stays due
#   APISERVER_ARGS='shutdown-delay-duration=10s …'   CLUSTER_EXTRA, KUBELET_EXTRA: YAML for kubeadm's and the kubelet's configuration
#   BED_CACHE=/var/cache/bed BED_STATE=/var/lib/cluster-cert-rotator-bed
# Kubeconfig: .bed/$BED/admin.conf in this clone. Needs root, Linux with cgroup v1, Debian's packages, Go.
set -euo pipefail
BED_HOME=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BED_COMMAND=${1:-help}
shift || true
# shellcheck source=lib/settings.sh
. "$BED_HOME/lib/settings.sh"
# shellcheck source=lib/node.sh
. "$BED_HOME/lib/node.sh"
# shellcheck source=lib/cluster.sh
. "$BED_HOME/lib/cluster.sh"
# shellcheck source=lib/save.sh
. "$BED_HOME/lib/save.sh"
# shellcheck source=lib/certificates.sh
. "$BED_HOME/lib/certificates.sh"
KUBECONFIG_HOME=$(cd "$BED_HOME/../.." && pwd)/.bed/$BED

help() { sed -n '2,/^set -/{/^set -/d; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; }

# The network of a new bed: a free /24, looked for from a number that the name gives
choose_network() {
  local number _
  number=$(($(cksum <<<"$BED" | cut -d' ' -f1) % 250))
  for _ in $(seq 250); do
    NET=10.89.$((number + 1))
    [[ $(ip -o -4 address) = *" $NET."* ]] || grep -qsx "NET=$NET" "$(dirname "$STATE")"/*/settings || return 0
    number=$(((number + 1) % 250))
  done
  die 'no free network in 10.89.0.0/16'
}

# Every knob that makes one bed differ from another
wanted() {
  local name
  for name in K8S ETCD CONTROL_PLANES WORKERS APISERVER_ARGS CLUSTER_EXTRA KUBELET_EXTRA LAYOUT ROTATE_CLIENT ${!LAYOUT_*} ${!ROTATE_CLIENT_*}; do
    printf '%s=%q\n' "$name" "${!name:-}"
  done
}

clean() {
  local name link
  # found by their names, not by records: a killed script keeps none
  for name in $({ ip netns list | awk '{print $1}'; ls /sys/fs/cgroup/pids 2>/dev/null; } | sed -n "s/^bed-$BED-//p" | sort -u); do kill_node "$name"; done
  for link in $(ip -o link show | sed -nE "s/^[0-9]+: (v-$BED-[a-z0-9]+|br-$BED)[@:].*/\1/p"); do ip link del "$link"; done
  rm -rf "$STATE" "$KUBECONFIG_HOME"
}

up() {
  local node settings since
  check_machine
  need iproute2 openssl util-linux procps
  "$BED_HOME/build.sh" > /dev/null
  if [ "${1:-}" != --fresh ] && [ -f "$STATE/complete" ] && [ "$(grep -v '^NET=' "$STATE/settings")" = "$(wanted)" ]; then
    . "$STATE/settings"
    boot_what_is_down
    return
  fi
  clean
  mkdir -p "$STATE"
  [ -n "${NET:-}" ] || choose_network
  settings=$(wanted); printf '%s\nNET=%s\n' "$settings" "$NET" > "$STATE/settings.part"; mv "$STATE/settings.part" "$STATE/settings"
  say "$CONTROL_PLANES control planes and $WORKERS workers of Kubernetes $K8S at $NET.0/24"
  start_bridge
  start_balancer
  for node in $(nodes); do write_disk "$node"; done
  write_kubeadm_configuration
  each_node boot_node
  each_node load_kubernetes
  say 'kubeadm init'
  kubeadm_init
  for node in $(control_planes); do [ "$node" = n1 ] || { say "kubeadm join of $node"; kubeadm_join "$node"; }; done
  say "kubeadm join of $WORKERS workers"
  each_node join_worker
  since=$(now)
  for node in $(nodes); do finish_node "$node"; done
  wait_ready "$since" 180
  wait_components
  [ -z "${DAYS_LEFT:-}" ] || (reissue > /dev/null)
  date -u +%FT%TZ > "$STATE/complete"
}

load_kubernetes() {
  local program
  load_image "$1" "$BUILT/img/pause.tar"
  is_control_plane "$1" || return 0
  for program in etcd kube-apiserver kube-controller-manager kube-scheduler; do load_image "$1" "$BUILT/img/$program.tar"; done
}
join_worker() { is_control_plane "$1" || kubeadm_join "$1"; }

boot_what_is_down() {
  local node since down=()
  for node in $(nodes); do is_alive "$node" || down+=("$node"); done
  since=$(now)
  [ ${#down[@]} -gt 0 ] || since=$(date -u -d '-40 seconds' +%FT%TZ)   # a kubelet renews its lease every 10 s
  thaw_nodes   # a save that was killed leaves them frozen
  start_bridge
  [ -n "$(ip netns pids "bed-$BED-lb" 2>/dev/null)" ] || start_balancer
  for node in "${down[@]}"; do say "booting $node"; boot_node "$node"; done
  publish_kubeconfig
  wait_ready "$since" 180
}

peek() {
  local node=$1 d=$STATE/$1; shift
  ! is_alive "$node" || die "node $node is running: bed.sh exec"
  # shellcheck disable=SC2016
  unshare --mount bash -c 'mount -t overlay overlay -o "ro,lowerdir=$1/upper:$2" "$1/root" && mount -t proc proc "$1/root/proc" && exec chroot "$1/root" "${@:3}"' - "$d" "$BUILT/layer:$ROOTFS" "$@"
}

status() {
  local node
  [ -f "$STATE/settings" ] || die "there is no such bed (BED=$BED test/bed/bed.sh up)"
  printf '%s\n' "state: $STATE" "kubeconfig: $KUBECONFIG_HOME/admin.conf" "network: $NET.0/24" "Kubernetes: $K8S" \
    "complete: $(cat "$STATE/complete" 2>/dev/null || echo no)" "saved: $(ls "$STATE/saved" 2>/dev/null | tr '\n' ' ')"
  for node in $(nodes); do
    printf '%-4s %s  %s  %s\n' "$node" "$(node_address "$node")" "$(is_alive "$node" && echo "running, PID 1 is $(cat "$STATE/$node/pid")" || echo 'not running')" \
      "$(is_control_plane "$node" && { api_ready "$node" && echo 'readyz ok' || echo 'readyz fails'; } || true)"
  done
  kube get nodes -o wide
}

must_be_made() { [ -f "$STATE/settings" ] || die "there is no such bed: BED=$BED test/bed/bed.sh up"; }
# One at a time changes a bed; looking goes on beside it. The file is not taken away: who waits for it would hold another one
# than who comes then
lock() { exec 8> "/run/lock/cluster-cert-rotator-bed-$BED"; flock -w 900 8 || die 'another bed.sh works on this bed for 15 minutes'; }
timed() { local began=$EPOCHREALTIME; "$@"; say "$1 took $(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"; }

case $BED_COMMAND in
  up) lock; timed up "$@"; echo "$KUBECONFIG_HOME/admin.conf" ;;
  down) check_machine; lock; clean; rmdir "$(dirname "$STATE")" "$(dirname "$KUBECONFIG_HOME")" 2>/dev/null || true ;;
  save) must_be_made; lock; timed save_bed "${1:-base}" ;;
  restore) must_be_made; check_machine; lock; timed restore_bed "${1:-base}" ;;
  exec) must_be_made; check_node "$1"; inside "$@" ;;
  load) must_be_made; for node in $([ "$1" = all ] && nodes || echo "$1"); do check_node "$node"; for file in "${@:2}"; do load_image "$node" "$file"; done; done ;;
  reissue) must_be_made; lock; timed reissue "$@" ;;
  kill) must_be_made; check_node "$1"; kill_node "$1" ;;
  boot) must_be_made; check_machine; check_node "$1"; boot_node "$1" ;;
  peek) must_be_made; check_node "$1"; peek "$@" ;;
  status) must_be_made; status ;;
  logs) must_be_made; check_node "$1"; inside "$1" journalctl --no-pager -u "${2:-kubelet}" ;;
  audit) must_be_made; for node in $(control_planes); do echo "$STATE/$node/audit/audit.log"; done ;;
  root) must_be_made; check_node "$1"; node_file "$1" '' ;;
  state) echo "$STATE" ;;
  help | --help | -h) help ;;
  *) help >&2; exit 2 ;;
esac
