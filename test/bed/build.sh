#!/usr/bin/env bash
# Builds what a bed is made of, each part once, into $BED_CACHE; what is there already is left alone:
#   $K8S/bin     Kubernetes and etcd from their Go modules, by the ordinary `go build`
#   $K8S/img     the static Pods' programs as OCI archives, under the names that kubeadm asks for
#   $K8S/layer   what every node has beside its operating system: an overlay layer
#   rootfs-…     the operating system of every node: a Debian with systemd as PID 1
# Usage: K8S=v1.34.4 BED_CACHE=/var/cache/bed test/bed/build.sh     3 minutes on 4 cores, 11 on 2; seconds when cached
# Every part is made beside its place and renamed into it, so a build that dies is gone on with by the next.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BED_COMMAND=up   # what is asked for, not what an existing bed was made with
# shellcheck source=lib/settings.sh
. "$here/lib/settings.sh"

bin=$BUILT/bin img=$BUILT/img mod=$BUILT/mod
kubernetes_programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kubeadm kube-proxy kubectl)

# write_module DIR PACKAGE...: a Go module that imports the packages, tidied; go.mod's requirements come on stdin.
# Tidied once: tools.go is written last, so a module that has it is complete.
write_module() {
  local dir=$1 tools package; shift
  tools=$(printf '//go:build tools\n\npackage tools\n\nimport (\n'; printf '\t_ "%s"\n' "$@"; printf ')\n')
  [ "$(cat "$dir/tools.go" 2>/dev/null)" = "$tools" ] && return
  rm -rf "$dir.part" && mkdir -p "$dir.part"
  { printf 'module bed\n\ngo 1.24.0\n\n'; cat; } > "$dir.part/go.mod"
  printf '%s\n' "$tools" > "$dir.part/tools.go"
  (cd "$dir.part" && GOFLAGS=-mod=mod go mod tidy) >> "$BUILT/build.log" 2>&1 || die "go mod tidy failed: see $BUILT/build.log"
  rm -rf "$dir" && mv "$dir.part" "$dir"
}

# go_program DIR PACKAGE NAME [LDFLAGS]: builds one program of the module into bin
go_program() {
  [ -x "$bin/$3" ] && return
  say "building $3"
  (cd "$1" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w ${4:-}" -o "$bin/.$3.part" "$2") >> "$BUILT/build.log" 2>&1 ||
    die "go build $2 failed: see $BUILT/build.log"
  mv "$bin/.$3.part" "$bin/$3"
}

build_kubernetes() {
  local program missing=() v=k8s.io/component-base/version gomod staging=v0.${K8S#v1.} minor
  for program in "${kubernetes_programs[@]}"; do [ -x "$bin/$program" ] || missing+=("$program"); done
  [ ${#missing[@]} -eq 0 ] && return
  minor=$(cut -d. -f2 <<<"$K8S")
  gomod=$(cd "$mod" && go mod download -json "k8s.io/kubernetes@$K8S" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p') || true
  [ -n "$gomod" ] || die "the Go module proxy has no k8s.io/kubernetes@$K8S"
  # k8s.io/kubernetes requires its staging modules at v0.0.0 and replaces them by path: pin the published ones
  { printf 'require k8s.io/kubernetes %s\n\nreplace (\n' "$K8S"
    grep '=> ./staging' "$gomod" | sed -E "s#^[[:space:]]*(replace )?([^ ]+) => .*#\t\2 => \2 $staging#"
    printf ')\n'; } | write_module "$mod/kubernetes" "${kubernetes_programs[@]/#/k8s.io/kubernetes/cmd/}"
  for program in "${missing[@]}"; do
    # without a version of its own kubeadm refuses itself
    go_program "$mod/kubernetes" "k8s.io/kubernetes/cmd/$program" "$program" \
      "-X $v.gitVersion=$K8S -X $v.gitMajor=1 -X $v.gitMinor=$minor -X $v.gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=$K8S"
  done
}

build_etcd() {
  [ -x "$bin/etcd" ] && [ -x "$bin/etcdctl" ] && return
  printf 'require (\n\tgo.etcd.io/etcd/server/v3 %s\n\tgo.etcd.io/etcd/etcdctl/v3 %s\n)\n' "$ETCD" "$ETCD" |
    write_module "$mod/etcd-programs" go.etcd.io/etcd/server/v3 go.etcd.io/etcd/etcdctl/v3
  go_program "$mod/etcd-programs" go.etcd.io/etcd/server/v3 etcd
  go_program "$mod/etcd-programs" go.etcd.io/etcd/etcdctl/v3 etcdctl
}

# The sandbox's program: it only waits for the signal to end.
build_pause() {
  [ -x "$bin/pause" ] && return
  mkdir -p "$mod/pause"
  printf 'module pause\n\ngo 1.24\n' > "$mod/pause/go.mod"
  cat > "$mod/pause/main.go" <<'G'
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
G
  go_program "$mod/pause" . pause
}

# pack REFERENCE PROGRAM: an OCI archive with the one static program, the same bytes every time
pack() {
  local reference=$1 program=$2 work layer_digest config_digest manifest_digest
  [ -s "$img/$program.tar" ] && return
  work=$(mktemp -d "$img/.$program.XXXXXX")
  mkdir -p "$work/root/usr/local/bin" "$work/root/tmp" "$work/root/etc" "$work/oci/blobs/sha256"
  chmod 1777 "$work/root/tmp"; ln "$bin/$program" "$work/root/usr/local/bin/$program"
  tar -C "$work/root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --hard-dereference -cf "$work/layer" .
  blob() { local digest; digest=$(sha256sum < "$1" | cut -d' ' -f1); mv "$1" "$work/oci/blobs/sha256/$digest"; echo "$digest"; }
  size() { stat -c %s "$work/oci/blobs/sha256/$1"; }
  layer_digest=$(blob "$work/layer")
  printf '{"architecture":"amd64","os":"linux","config":{"Env":["PATH=/usr/local/bin:/usr/bin:/bin"],"Entrypoint":["/usr/local/bin/%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$program" "$layer_digest" > "$work/config"
  config_digest=$(blob "$work/config")
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"sha256:%s","size":%s}]}' \
    "$config_digest" "$(size "$config_digest")" "$layer_digest" "$(size "$layer_digest")" > "$work/manifest"
  manifest_digest=$(blob "$work/manifest")
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s","org.opencontainers.image.ref.name":"%s"}}]}' \
    "$manifest_digest" "$(size "$manifest_digest")" "$reference" "${reference##*:}" > "$work/oci/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' > "$work/oci/oci-layout"
  tar -C "$work/oci" --sort=name --mtime=@0 --owner=0 --group=0 -cf "$work/image" .
  mv "$work/image" "$img/$program.tar"; rm -rf "$work"
}

pack_images() {
  local program images
  images=$("$bin/kubeadm" config images list --kubernetes-version "$K8S" 2>/dev/null)
  for program in kube-apiserver kube-controller-manager kube-scheduler; do
    pack "registry.k8s.io/$program:$K8S" "$program"
  done
  pack "$(grep /etcd: <<<"$images")" etcd
  grep /pause: <<<"$images" > "$BUILT/pause.ref"
  pack "$(cat "$BUILT/pause.ref")" pause
}

build_layer() {
  local program
  [ -x "$BUILT/layer/usr/bin/etcdctl" ] && [ -x "$BUILT/layer/usr/bin/kubectl" ] && return
  rm -rf "$BUILT/layer.part" && mkdir -p "$BUILT/layer.part/usr/bin" "$BUILT/layer.part/opt/cni"
  for program in kubelet kubeadm kube-proxy kubectl etcdctl; do ln "$bin/$program" "$BUILT/layer.part/usr/bin/$program"; done
  ln -s /usr/lib/cni "$BUILT/layer.part/opt/cni/bin"
  rm -rf "$BUILT/layer" && mv "$BUILT/layer.part" "$BUILT/layer"
}

build_rootfs() {
  [ -d "$ROOTFS" ] && return
  say "building the nodes' operating system"
  need debootstrap
  rm -rf "$ROOTFS.part"
  debootstrap --variant=minbase --include="$ROOTFS_PACKAGES" "$ROOTFS_SUITE" "$ROOTFS.part" > "$BED_CACHE/rootfs.log" 2>&1 ||
    die "debootstrap failed: see $BED_CACHE/rootfs.log"
  : > "$ROOTFS.part/etc/machine-id"   # every node gets its own
  rm -rf "$ROOTFS.part"/var/cache/apt/archives/*.deb
  mv "$ROOTFS.part" "$ROOTFS"
}

mkdir -p "$bin" "$img" "$mod"
exec 9> "$BUILT/.lock"; flock 9   # beds that start side by side build once
build_kubernetes
build_etcd
build_pause
pack_images
build_layer
exec 9> "$ROOTFS.lock"; flock 9
build_rootfs
echo "$BUILT"
