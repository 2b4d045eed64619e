# The cluster over the nodes: kubeadm makes it, haproxy stands in front of several control planes. Sourced.
# shellcheck shell=bash

kube() { "$BUILT/bin/kubectl" --kubeconfig "$STATE/admin.conf" "$@"; }
endpoint() { if [ "$CONTROL_PLANES" -gt 1 ]; then echo "$NET.2:6443"; else echo "$NET.11:6443"; fi; }
now() { date -u +%FT%T.%6NZ; }
# knob PREFIX NODE DEFAULT: the setting of one node, PREFIX_NODE, else PREFIX, else the default
knob() { local one="$1_$2"; echo "${!one:-${!1:-$3}}"; }
layout() { if is_control_plane "$1"; then knob LAYOUT "$1" kubeadm; else knob LAYOUT "$1" acp; fi; }

start_bridge() {
  ip link show "br-$BED" >/dev/null 2>&1 && return
  ip link add "br-$BED" type bridge
  ip addr add "$NET.1/24" dev "br-$BED"
  ip link set "br-$BED" up
}

# haproxy asks /readyz of every API server twice a second, and passes TCP through. A "no" counts at once, a slow "yes" is no
# "no": without a time of its own a check has 500 ms, and a slow disk takes all API servers out of service together
start_balancer() {
  local node
  [ "$CONTROL_PLANES" -gt 1 ] || return 0
  need haproxy
  kill_node lb
  connect_network lb
  {
    printf 'global\n  maxconn 4000\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 1h\n  timeout server 1h\n  timeout check 5s\n  retries 3\n  option redispatch\n'
    printf 'listen api\n  bind %s\n  option httpchk GET /readyz\n  http-check expect status 200\n' "$(endpoint)"
    printf '  default-server check check-ssl verify none inter 500ms fall 1 rise 2\n'
    for node in $(control_planes); do printf '  server %s %s:6443\n' "$node" "$(node_address "$node")"; done
  } > "$STATE/haproxy.cfg"
  ip netns exec "bed-$BED-lb" haproxy -D -f "$STATE/haproxy.cfg" 8>&- 9>&- > "$STATE/haproxy.log" 2>&1 || die "haproxy does not start: see $STATE/haproxy.log"
}

# The audit policy and the ClusterConfiguration of kubeadm. Knobs: APISERVER_ARGS="name=value …", CLUSTER_EXTRA (YAML), KUBELET_EXTRA (YAML)
write_kubeadm_configuration() {
  local node argument
  for node in $(control_planes); do
    mkdir -p "$STATE/$node/upper/etc/kubernetes-audit"
    printf 'apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n' > "$STATE/$node/upper/etc/kubernetes-audit/policy.yaml"
  done
  cat > "$STATE/n1/upper/root/kubeadm.yaml" <<Y
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: $NET.11, bindPort: 6443}
nodeRegistration: {criSocket: unix:///run/containerd/containerd.sock, name: n1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: $K8S
clusterName: $BED
controlPlaneEndpoint: "$(endpoint)"
networking: {podSubnet: 10.244.0.0/16}
apiServer:
  extraArgs:
  - {name: audit-policy-file, value: /etc/kubernetes-audit/policy.yaml}
  - {name: audit-log-path, value: /var/log/kubernetes/audit/audit.log}
  - {name: audit-log-maxsize, value: "1000"}
  - {name: audit-log-maxbackup, value: "2"}
$(for argument in ${APISERVER_ARGS:-}; do printf '  - {name: %s, value: "%s"}\n' "${argument%%=*}" "${argument#*=}"; done)
  extraVolumes:
  - {name: audit-policy, hostPath: /etc/kubernetes-audit, mountPath: /etc/kubernetes-audit, readOnly: true, pathType: Directory}
  - {name: audit-log, hostPath: /var/log/kubernetes/audit, mountPath: /var/log/kubernetes/audit, pathType: Directory}
${CLUSTER_EXTRA:-}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
# the machine's disk is not the node's: neither evict nor collect images because somebody else filled it
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
${KUBELET_EXTRA:-}
Y
}

kubeadm_init() {
  inside n1 kubeadm init --upload-certs --config /root/kubeadm.yaml --skip-phases=addon/kube-proxy,addon/coredns \
    --ignore-preflight-errors=all > "$STATE/n1/kubeadm.log" 2>&1 || die "kubeadm init failed: see $STATE/n1/kubeadm.log"
  publish_kubeconfig
}

kubeadm_join() {
  local node=$1 log=$STATE/n1/kubeadm.log token key hash role=()
  token=$(sed -nE 's/.*--token ([^ ]+).*/\1/p' "$log" | head -1)
  key=$(sed -nE 's/.*--certificate-key ([^ ]+).*/\1/p' "$log" | head -1)
  hash=$(grep -oE 'sha256:[0-9a-f]{64}' "$log" | head -1)
  is_control_plane "$node" && role=(--control-plane --certificate-key "$key")
  inside "$node" kubeadm join "$(endpoint)" --token "$token" --discovery-token-ca-cert-hash "$hash" "${role[@]}" --node-name "$node" \
    --ignore-preflight-errors=all --cri-socket unix:///run/containerd/containerd.sock > "$STATE/$node/kubeadm.log" 2>&1 ||
    die "kubeadm join of $node failed: see $STATE/$node/kubeadm.log"
}

# sign NODE NAME SUBJECT DAYS EXTENSIONS: a new RSA pair, signed by the cluster's CA; lands in $STATE/$NODE/NAME.{crt,key}
sign() {
  local d=$STATE/$1 name=$2 pki; pki=$(node_file n1 /etc/kubernetes/pki)
  (umask 077; openssl genrsa -traditional -out "$d/$name.key" 2048 2>/dev/null)
  openssl req -new -key "$d/$name.key" -subj "$3" |
    openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -set_serial "0x$(openssl rand -hex 8 | sed 's/^[89a-f]/1/')" -days "$4" -sha256 \
      -extfile <(printf '%s\nbasicConstraints=critical,CA:FALSE\nauthorityKeyIdentifier=keyid\n' "$5") -out "$d/$name.crt" 2>/dev/null
}

# kube-proxy logs in as itself: copies of an administrator's kubeconfig on every node would be in the way of the tests
start_proxy() {
  local node=$1 f; f=$(node_file "$node" /etc/kube-proxy)
  sign "$node" kube-proxy /CN=system:kube-proxy 3650 $'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=clientAuth'
  mkdir -p "$f"
  kube config view --raw -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}' | base64 -d > "$f/ca.crt"
  install -m 644 "$STATE/$node/kube-proxy.crt" "$f/client.crt"
  install -m 600 "$STATE/$node/kube-proxy.key" "$f/client.key"
  rm "$STATE/$node"/kube-proxy.{crt,key}
  cat > "$f/kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: bed, cluster: {server: "https://$(endpoint)", certificate-authority: /etc/kube-proxy/ca.crt}}]
users: [{name: kube-proxy, user: {client-certificate: /etc/kube-proxy/client.crt, client-key: /etc/kube-proxy/client.key}}]
contexts: [{name: bed, context: {cluster: bed, user: kube-proxy}}]
current-context: bed
Y
  inside "$node" systemctl start kube-proxy
}

# ACP's layout: kubelet.crt under /etc/kubernetes/pki, named by the kubelet's configuration, signed by the cluster's CA,
# CN=kubelet, RSA in PKCS#1, 10 years, serverAuth, the host's name and addresses, both files 0600
lay_out_acp() {
  local node=$1 pki config; pki=$(node_file "$node" /etc/kubernetes/pki); config=$(node_file "$node" /var/lib/kubelet/config.yaml)
  sign "$node" kubelet /CN=kubelet 3650 "$(printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:%s,IP:%s' "$node" "$(node_address "$node")")"
  install -m 600 "$STATE/$node"/kubelet.{crt,key} "$pki/"; rm "$STATE/$node"/kubelet.{crt,key}
  printf 'tlsCertFile: /etc/kubernetes/pki/kubelet.crt\ntlsPrivateKeyFile: /etc/kubernetes/pki/kubelet.key\n' >> "$config"
  rm -f "$(node_file "$node" /var/lib/kubelet/pki)"/kubelet.{crt,key}
  inside "$node" systemctl restart kubelet
}

# finish_node NODE: what a joined node gets beside kubeadm's doing
finish_node() {
  local node=$1 root rotate
  start_proxy "$node"
  rotate=$(knob ROTATE_CLIENT "$node" true)
  # kubeadm writes true, whatever it is given
  if [ "$rotate" != true ]; then
    sed -i "s/^rotateCertificates: .*/rotateCertificates: $rotate/" "$(node_file "$node" /var/lib/kubelet/config.yaml)"
    inside "$node" systemctl restart kubelet
  fi
  case $(layout "$node") in
    kubeadm) ;;
    acp) lay_out_acp "$node" ;;
    *) die "LAYOUT_$node=$(layout "$node"): kubeadm or acp" ;;
  esac
  if is_control_plane "$node"; then
    root=$(node_file "$node" /root)
    mkdir -p "$root/.kube"; install -m 600 "$(node_file "$node" /etc/kubernetes/admin.conf)" "$root/.kube/config"
  fi
}

# The administrator's kubeconfig, for this script and, in the clone that calls, for tests and people
publish_kubeconfig() {
  install -m 600 "$(node_file n1 /etc/kubernetes/admin.conf)" "$STATE/admin.conf"
  mkdir -p "$KUBECONFIG_HOME"; install -m 600 "$STATE/admin.conf" "$KUBECONFIG_HOME/admin.conf"
}

# api_ready NODE: /readyz of this control plane's own API server answers
api_ready() { [ "$(kube --server "https://$(node_address "$1"):6443" --request-timeout=3s get --raw /readyz 2>/dev/null)" = ok ]; }

# nodes_ready SINCE: every Node is Ready and its kubelet has said so after SINCE (a restored Node object is only a memory)
nodes_ready() {
  local since=$1 ready leases
  ready=$(kube --request-timeout=5s get nodes -o 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\n"}{end}' 2>/dev/null | grep -c ' True$') || return 1
  [ "$ready" -eq $((CONTROL_PLANES + WORKERS)) ] || return 1
  leases=$(kube --request-timeout=5s -n kube-node-lease get leases -o 'jsonpath={range .items[*]}{.spec.renewTime}{"\n"}{end}' 2>/dev/null) || return 1
  [ "$(awk -v since="$since" '$1 >= since' <<<"$leases" | grep -c .)" -eq $((CONTROL_PLANES + WORKERS)) ]
}

# wait_ready SINCE SECONDS
wait_ready() {
  local since=$1 end=$((SECONDS + $2)) node waiting
  while :; do
    waiting=
    for node in $(control_planes); do api_ready "$node" || { waiting="/readyz of $node"; break; }; done
    [ -n "$waiting" ] || nodes_ready "$since" || waiting='a Node that is not Ready'
    [ -n "$waiting" ] || return 0
    [ $SECONDS -lt $end ] || die "not ready after $2 s: $waiting (test/bed/bed.sh logs NODE)"
    sleep 0.5
  done
}
