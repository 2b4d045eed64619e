# One node: a Debian with its own systemd as PID 1, in its own namespaces, network address and cgroups. Sourced.
# shellcheck shell=bash
# Everything of a node carries the name bed-$BED-$node: network namespace, cgroup of every hierarchy; its interface on
# the bridge br-$BED is v-$BED-$node. So all of it can be found again without any record, when this script was killed.
#   $STATE/$node/upper       what the node wrote over the common layers: its disk
#   $STATE/$node/containerd  its /var/lib/containerd (overlayfs cannot be the upper of an overlay)
#   $STATE/$node/audit       its /var/log/kubernetes/audit, outside of what is saved
#   $STATE/$node/pid         PID 1 as the machine counts it

node_address() {
  case $1 in
    n*) echo "$NET.$((10 + ${1#n}))" ;;
    w*) echo "$NET.$((20 + ${1#w}))" ;;
    lb) echo "$NET.2" ;;
  esac
}

control_planes() { seq -f 'n%g' "$CONTROL_PLANES"; }
workers() { seq -f 'w%g' "$WORKERS"; }
nodes() { control_planes; workers; }
is_control_plane() { [[ $1 = n* ]]; }
check_node() { grep -qx -- "${1:-}" <<<"$(nodes)" || die "no node $1: there are $(nodes | tr '\n' ' ')"; }

# Each node's Pods have a /24 of 10.244.0.0/16: n1 → 10.244.11.0/24, w1 → 10.244.21.0/24
pod_subnet() { echo "10.244.$(node_address "$1" | cut -d. -f4).0/24"; }

# cgroup v1 hierarchies of this machine, as names under /sys/fs/cgroup
hierarchies() { awk '$3 == "cgroup" && $2 ~ "^/sys/fs/cgroup/" { sub("/sys/fs/cgroup/", "", $2); print $2 }' /proc/mounts; }

# All roots under which a node has a cgroup of its own: those, and the unified one beside them, where systemd keeps track
# of its services (in a shared one, one node's systemd would stop the services of another)
cgroup_roots() { hierarchies; if [ -f /sys/fs/cgroup/unified/cgroup.procs ]; then echo unified; fi; }

check_machine() {
  [ "$(id -u)" = 0 ] || die "run me as root: a bed makes namespaces, mounts and cgroups"
  [ "$(hierarchies | grep -cxE 'pids|memory|cpuset|devices|freezer|systemd')" -eq 6 ] ||
    die "this machine has no cgroup v1 hierarchies under /sys/fs/cgroup (pids memory cpuset devices freezer systemd): a bed needs them; boot it with systemd.unified_cgroup_hierarchy=0"
  # every systemd, kubelet and containerd watches files; the usual 128 of one user are for fewer than all nodes of two beds
  raise fs.inotify.max_user_instances 8192
  raise fs.inotify.max_user_watches 1048576
}

raise() { [ "$(sysctl -n "$1")" -ge "$2" ] || sysctl -qw "$1=$2"; }

is_alive() { [ -s "$STATE/$1/pid" ] && [ -d "/proc/$(cat "$STATE/$1/pid")/root/run/systemd" ] && [ "$(cgroup_pids "$1" | grep -cx "$(cat "$STATE/$1/pid")")" = 1 ]; }

cgroup_pids() { find "/sys/fs/cgroup/pids/bed-$BED-$1" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

# inside NODE COMMAND...: in all namespaces of the node, with the environment of a root login
inside() {
  local node=$1; shift
  is_alive "$node" || die "node $node is not running (test/bed/bed.sh boot $node)"
  nsenter -t "$(cat "$STATE/$node/pid")" -a -- env -i -C /root HOME=/root USER=root TERM="${TERM:-dumb}" \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# file NODE PATH: where the machine sees a file of a running node
node_file() { echo "/proc/$(cat "$STATE/$1/pid")/root$2"; }

# kill_node NODE: like pulling the plug. Nothing of the node's disk is lost that had been handed to the kernel.
kill_node() {
  local node=$1 pids i group
  for i in $(seq 100); do
    # a frozen process does not die
    for group in $(find "/sys/fs/cgroup/freezer/bed-$BED-$node" -name freezer.state 2>/dev/null); do echo THAWED > "$group" 2>/dev/null || true; done
    pids=$({ cgroup_pids "$node"; ip netns pids "bed-$BED-$node" 2>/dev/null || true; } | sort -u)
    [ -n "$pids" ] || break
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    sleep 0.1
    [ "$i" -lt 100 ] || die "processes of node $node do not die: $pids"
  done
  rm -f "$STATE/$node/pid"
  ip netns del "bed-$BED-$node" 2>/dev/null || true
  ip link del "v-$BED-$node" 2>/dev/null || true
  find /sys/fs/cgroup/*/"bed-$BED-$node" -depth -type d -exec rmdir {} \; 2>/dev/null || true
}

connect_network() {
  local node=$1 ns=bed-$BED-$1 other
  ip netns add "$ns"
  ip link add "v-$BED-$node" type veth peer name eth0 netns "$ns"
  ip link set "v-$BED-$node" master "br-$BED" up
  ip -n "$ns" addr add "$(node_address "$node")/24" dev eth0
  ip -n "$ns" link set lo up
  ip -n "$ns" link set eth0 up
  ip -n "$ns" route add default via "$NET.1"
  ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
  for other in $(nodes); do
    [ "$other" = "$node" ] || ip -n "$ns" route add "$(pod_subnet "$other")" via "$(node_address "$other")"
  done
}

make_cgroups() {
  local node=$1 hierarchy
  for hierarchy in $(cgroup_roots); do mkdir -p "/sys/fs/cgroup/$hierarchy/bed-$BED-$node"; done
  # an empty cpuset takes no process
  cat /sys/fs/cgroup/cpuset/cpuset.cpus > "/sys/fs/cgroup/cpuset/bed-$BED-$node/cpuset.cpus"
  cat /sys/fs/cgroup/cpuset/cpuset.mems > "/sys/fs/cgroup/cpuset/bed-$BED-$node/cpuset.mems"
}

# boot_node NODE: starts PID 1 over the node's disk as it is
boot_node() {
  local node=$1 d=$STATE/$1 hierarchy i
  kill_node "$node"
  connect_network "$node"
  make_cgroups "$node"
  rm -rf "$d/work"; mkdir -p "$d"/{upper,work,root,containerd,audit}
  (
    for hierarchy in $(cgroup_roots); do echo "$BASHPID" > "/sys/fs/cgroup/$hierarchy/bed-$BED-$node/cgroup.procs"; done
    # what the caller holds open (locks) is no business of the node's
    exec 8>&- 9>&- setsid ip netns exec "bed-$BED-$node" unshare --cgroup --mount --pid --uts --ipc --fork \
      bash "$BED_HOME/init.sh" "$d" "$BUILT/layer:$ROOTFS" "$node" "$(hierarchies | tr '\n' ' ')" > "$d/boot.log" 2>&1 < /dev/null
  ) &
  for i in $(seq 300); do
    is_alive "$node" && inside "$node" ctr plugins ls 2>/dev/null | awk '$2 == "cri" && $NF == "ok" { ok = 1 } END { exit !ok }' && return
    sleep 0.2
  done
  die "node $node does not boot: see $d/boot.log and journalctl inside ($(tail -1 "$d/boot.log"))"
}

# write_disk NODE: the files of a new node, over the common layers
write_disk() {
  local node=$1 u=$STATE/$1/upper other timer
  mkdir -p "$u"/etc/{cni/net.d,containerd,systemd/system/multi-user.target.wants,systemd/system/kubelet.service.d} "$u/root" "$u/var/lib"
  chmod 700 "$u/root"
  echo "$node" > "$u/etc/hostname"
  tr -d - < /proc/sys/kernel/random/uuid > "$u/etc/machine-id"
  { echo '127.0.0.1 localhost'; for other in $(nodes); do echo "$(node_address "$other") $other"; done; } > "$u/etc/hosts"
  echo 'nameserver 127.0.0.1' > "$u/etc/resolv.conf"   # there is no DNS: answered at once by nobody
  for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do ln -s /dev/null "$u/etc/systemd/system/$timer.timer"; done
  cat > "$u/etc/cni/net.d/10-bed.conflist" <<C
{"cniVersion":"0.4.0","name":"bed","plugins":[
  {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"ipam":{"type":"host-local","ranges":[[{"subnet":"$(pod_subnet "$node")"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
  {"type":"portmap","capabilities":{"portMappings":true}}]}
C
  # restrict_oom_score_adj: a machine without CAP_SYS_RESOURCE cannot lower it, and runc then fails with an EOF on its pipe
  cat > "$u/etc/containerd/config.toml" <<C
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "$(cat "$BUILT/pause.ref")"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
C
  cat > "$u/etc/systemd/system/kubelet.service" <<'C'
[Unit]
Description=kubelet: The Kubernetes Node Agent
After=containerd.service
[Service]
ExecStart=/usr/bin/kubelet
Restart=always
RestartSec=2
StartLimitIntervalSec=0
[Install]
WantedBy=multi-user.target
C
  cat > "$u/etc/systemd/system/kubelet.service.d/10-kubeadm.conf" <<'C'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
C
  # kube-proxy is a service of the node: its image would have to hold iptables
  cat > "$u/etc/systemd/system/kube-proxy.service" <<C
[Unit]
Description=kube-proxy
ConditionPathExists=/etc/kube-proxy/kubeconfig
[Service]
ExecStart=/usr/bin/kube-proxy --kubeconfig=/etc/kube-proxy/kubeconfig --cluster-cidr=10.244.0.0/16 --proxy-mode=iptables --hostname-override=$node --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0
Restart=always
RestartSec=2
StartLimitIntervalSec=0
[Install]
WantedBy=multi-user.target
C
  ln -s ../kubelet.service ../kube-proxy.service "$u/etc/systemd/system/multi-user.target.wants/"
}

load_image() { inside "$1" ctr -n k8s.io images import - < "$2" > /dev/null; }
