# Save and restore of a whole bed: the disks of all nodes, etcd's data among them, at one moment. Sourced.
# shellcheck shell=bash
# A save stops nothing: all nodes are frozen while their disks are copied, a few seconds. A restore pulls the plug of
# every node, puts the saved disks in place and boots: what came since is gone, API objects, files and images alike.

freeze_nodes() {
  local node _
  for node in $(nodes); do echo FROZEN > "/sys/fs/cgroup/freezer/bed-$BED-$node/freezer.state"; done
  for node in $(nodes); do
    for _ in $(seq 200); do
      [ "$(cat "/sys/fs/cgroup/freezer/bed-$BED-$node/freezer.state")" = FROZEN ] && continue 2
      sleep 0.05
    done
    thaw_nodes; die "node $node does not freeze"
  done
}
thaw_nodes() {
  local node state
  for node in $(nodes); do
    state=/sys/fs/cgroup/freezer/bed-$BED-$node/freezer.state
    [ ! -f "$state" ] || echo THAWED > "$state"
  done
}

# copy_containerd FROM TO. Blobs and the files of snapshots are never changed once written, only added and removed
# (a container that was running will not run again after a boot): hard links, which also share the page cache.
copy_containerd() {
  local from=$1 to=$2 part
  mkdir -p "$to"
  for part in "$from"/*; do
    case $(basename "$part") in
      io.containerd.content.v1.content)
        mkdir -p "$to/io.containerd.content.v1.content/ingest"
        cp -al "$part/blobs" "$to/io.containerd.content.v1.content/" ;;
      io.containerd.snapshotter.v1.overlayfs)
        mkdir -p "$to/io.containerd.snapshotter.v1.overlayfs"
        cp -al "$part/snapshots" "$to/io.containerd.snapshotter.v1.overlayfs/"
        cp -a "$part/metadata.db" "$to/io.containerd.snapshotter.v1.overlayfs/" ;;
      *) cp -a "$part" "$to/" ;;
    esac
  done
}

copy_disks() { # FROM TO
  local node
  for node in $(nodes); do
    mkdir -p "$2/$node"
    cp -a --reflink=auto "$1/$node/upper" "$2/$node/upper"
    copy_containerd "$1/$node/containerd" "$2/$node/containerd"
  done
}

save_bed() {
  local to=$STATE/saved/$1 node
  for node in $(nodes); do is_alive "$node" || die "node $node is not running: a bed is saved when it is whole"; done
  rm -rf "$to.part"; mkdir -p "$to.part"
  trap thaw_nodes EXIT
  freeze_nodes
  copy_disks "$STATE" "$to.part"
  thaw_nodes
  trap - EXIT
  rm -rf "$to.old"; [ ! -d "$to" ] || mv "$to" "$to.old"
  mv "$to.part" "$to"; rm -rf "$to.old"
}

restore_bed() {
  local from=$STATE/saved/$1 node trash since
  [ -d "$from" ] || die "nothing is saved under the name $1: $(ls "$STATE/saved" 2>/dev/null | tr '\n' ' ')"
  trash=$STATE/trash; mkdir -p "$trash"
  each_node kill_node
  for node in $(nodes); do
    mkdir -p "$trash/$node.$$"
    mv "$STATE/$node"/{upper,containerd} "$trash/$node.$$/" 2>/dev/null || true   # not there when a restore was killed
    rm -rf "$STATE/$node"/audit
  done
  copy_disks "$from" "$STATE"
  start_bridge
  start_balancer
  since=$(now)
  each_node boot_node
  publish_kubeconfig
  wait_ready "$since" 180
  # the saved leaders are dead: their successors need not wait for the Leases to run out (they do, where this fails)
  kube -n kube-system delete lease kube-controller-manager kube-scheduler --ignore-not-found > /dev/null || true
  rm -rf "$trash"
}

# each_node FUNCTION: for all nodes side by side; fails if one does
each_node() {
  local node pids=() pid failed=0
  for node in $(nodes); do "$1" "$node" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
  [ "$failed" = 0 ] || die "$1 failed"
}
