#!/usr/bin/env bash
# Installs the product into the cluster of KUBECONFIG, with the images that its nodes already have.
#   KUBECONFIG=… scripts/deploy.sh [helm's own arguments, such as --set config.mode=observe or -f values.yaml]
# RELEASE=cluster-cert-rotator NAMESPACE=cpaas-system TIMEOUT=5m CHART=deploy/chart HELM_ARGS='…'
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

: "${KUBECONFIG:?name the cluster: make deploy KUBECONFIG=path/to/kubeconfig}"
export KUBECONFIG
release=${RELEASE:-cluster-cert-rotator}
namespace=${NAMESPACE:-cpaas-system}
chart=${CHART:-$here/deploy/chart}
[ -r "$KUBECONFIG" ] || { echo "deploy: cannot read $KUBECONFIG" >&2; exit 1; }

if [ -z "${HELM:-}" ]; then
  HELM=$("$here/scripts/tools.sh" helm)/helm
fi

# HELM_ARGS is split into words on purpose: it is how `make deploy` hands arguments over.
# shellcheck disable=SC2086
if ! "$HELM" upgrade --install "$release" "$chart" --namespace "$namespace" --create-namespace \
  --wait --timeout "${TIMEOUT:-5m}" ${HELM_ARGS:-} "$@"; then
  cat >&2 <<HINT

The controller did not become ready. Where to look:
  kubectl -n cluster-cert-rotator get pods,events
  kubectl -n cluster-cert-rotator logs deploy/cluster-cert-rotator-controller
Pods that wait for an image (ErrImagePull): import the archives on every node, under the names that the chart uses:
  ctr -n k8s.io images import dist/image-amd64.tar     (control planes)
  ctr -n k8s.io images import dist/agent-amd64.tar     (all nodes)
Pods that stay Pending: the controller runs on control planes only (node-role.kubernetes.io/control-plane).
HINT
  exit 1
fi
