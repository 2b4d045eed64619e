#!/usr/bin/env bash
# Builds the programs that packaging needs and npm does not have, from their Go modules, pinned by version (the Go
# checksum database pins the bytes). Prints the directory that holds them.
#   scripts/tools.sh [helm] [helm4]      (default: helm)
# The cache is outside the repository, so that a fresh clone on the same machine need not build again.
set -euo pipefail

helm3_version=v3.22.0
helm4_version=v4.3.1

cache=${TOOLS_CACHE:-/var/cache/cluster-cert-rotator/tools}
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=${XDG_CACHE_HOME:-$HOME/.cache}/cluster-cert-rotator/tools
mkdir -p "$cache"

# build NAME MODULE VERSION: $cache/NAME is a link to NAME-VERSION, so that a new pin builds anew
build() {
  local name=$1 module=$2 version=$3 target
  target=$cache/$name-$version
  if [ ! -x "$target" ]; then
    command -v go >/dev/null || { echo "scripts/tools.sh: $name is built from its Go module: install Go" >&2; exit 1; }
    echo "building $name $version" >&2
    local bin
    bin=$(mktemp -d "$cache/build.XXXXXX")
    GOBIN=$bin GOFLAGS=-trimpath CGO_ENABLED=0 go install \
      -ldflags "-s -w -X $module/internal/version.version=$version" "$module/cmd/helm@$version" >&2
    mv "$bin/helm" "$target"
    rm -rf "$bin"
  fi
  ln -sfn "$name-$version" "$cache/$name"
}

# one at a time: two callers must not build the same program beside each other
exec 9> "$cache/.lock"
flock 9
[ $# -gt 0 ] || set -- helm
for tool in "$@"; do
  case $tool in
    helm) build helm helm.sh/helm/v3 "$helm3_version" ;;
    helm4) build helm4 helm.sh/helm/v4 "$helm4_version" ;;
    *) echo "scripts/tools.sh: no such tool: $tool (helm, helm4)" >&2; exit 2 ;;
  esac
done
echo "$cache"
