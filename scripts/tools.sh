#!/usr/bin/env bash
# Builds the programs that packaging and tests need and npm does not have, from their Go modules, pinned by version (the Go
# checksum database pins the bytes). Prints the directory that holds them.
#   scripts/tools.sh [helm] [helm4] [promtool] [prometheus]      (default: helm)
# Prometheus takes some ten minutes of one processor, once.
# The cache is outside the repository, so that a fresh clone on the same machine need not build again.
set -euo pipefail

helm3_version=v3.22.0
helm4_version=v4.3.1
# Prometheus 3.16.0: its module counts otherwise
prometheus_version=v0.316.0

cache=${TOOLS_CACHE:-/var/cache/cluster-cert-rotator/tools}
mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=${XDG_CACHE_HOME:-$HOME/.cache}/cluster-cert-rotator/tools
mkdir -p "$cache"

# build NAME PACKAGE VERSION [FLAG...]: $cache/NAME is a link to NAME-VERSION, so that a new pin builds anew
build() {
  local name=$1 package=$2 version=$3 target
  shift 3
  target=$cache/$name-$version
  if [ ! -x "$target" ]; then
    command -v go >/dev/null || { echo "scripts/tools.sh: $name is built from its Go module: install Go" >&2; exit 1; }
    echo "building $name $version" >&2
    local bin
    bin=$(mktemp -d "$cache/build.XXXXXX")
    GOBIN=$bin GOFLAGS=-trimpath CGO_ENABLED=0 go install "$@" "$package@$version" >&2
    mv "$bin/${package##*/}" "$target"
    rm -rf "$bin"
  fi
  ln -sfn "$name-$version" "$cache/$name"
}

# build_helm NAME MODULE VERSION
build_helm() { build "$1" "$2/cmd/helm" "$3" -ldflags "-s -w -X $2/internal/version.version=$3"; }

# one at a time: two callers must not build the same program beside each other
exec 9> "$cache/.lock"
flock 9
[ $# -gt 0 ] || set -- helm
for tool in "$@"; do
  case $tool in
    helm) build_helm helm helm.sh/helm/v3 "$helm3_version" ;;
    helm4) build_helm helm4 helm.sh/helm/v4 "$helm4_version" ;;
    # without its page, and without the clouds' ways to find what to scrape: a quarter of the time
    promtool | prometheus)
      build "$tool" "github.com/prometheus/prometheus/cmd/$tool" "$prometheus_version" -tags remove_all_sd -ldflags "-s -w" ;;
    *) echo "scripts/tools.sh: no such tool: $tool (helm, helm4, promtool, prometheus)" >&2; exit 2 ;;
  esac
done
echo "$cache"
