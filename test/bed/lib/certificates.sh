# Certificates re-issued at any age by openssl alone: the tests' way to make something due. Sourced.
# shellcheck shell=bash
# Subject, SANs, usages, key, file modes, owners and links stay; serial and validity are new.

certificate_ids='apiserver.crt apiserver-etcd-client.crt apiserver-kubelet-client.crt front-proxy-client.crt etcd/server.crt etcd/peer.crt
etcd/healthcheck-client.crt /root/.kube/config admin.conf super-admin.conf controller-manager.conf scheduler.conf kubelet.crt kubelet-client-current.pem'

# Only when they are named: over the same key, on every node and in every kubeconfig that holds a copy
authority_ids='ca.crt front-proxy-ca.crt etcd/ca.crt'

component_of() {
  case $1 in
    apiserver* | front-proxy*) echo kube-apiserver ;;
    etcd/server.crt | etcd/peer.crt) echo etcd ;;
    controller-manager.conf) echo kube-controller-manager ;;
    scheduler.conf) echo kube-scheduler ;;
    kubelet*) echo kubelet ;;
  esac
}

# path_of NODE ID: the node's own path
path_of() {
  local configured
  case $2 in
    /*) echo "$2" ;;
    *.conf) echo "/etc/kubernetes/$2" ;;
    kubelet-client-current.pem) echo "/var/lib/kubelet/pki/$2" ;;
    kubelet.crt)
      configured=$(sed -n 's/^tlsCertFile: *//p' "$(node_file "$1" /var/lib/kubelet/config.yaml)")
      echo "${configured:-/var/lib/kubelet/pki/kubelet.crt}" ;;
    *) echo "/etc/kubernetes/pki/$2" ;;
  esac
}

# The CA of an id, as a path without its .crt and .key. The keys are those of n1: a worker has none.
ca_of() {
  local pki; pki=$(node_file n1 /etc/kubernetes/pki)
  case $1 in
    etcd/* | apiserver-etcd-client.crt) echo "$pki/etcd/ca" ;;
    front-proxy*) echo "$pki/front-proxy-ca" ;;
    *) echo "$pki/ca" ;;
  esac
}

utc() { date -u -d "@$1" +%Y%m%d%H%M%SZ; }

# issue REQUEST CA-CERTIFICATE CA-KEY EXTENSIONS OUT [-selfsign]: signs the request as it stands, valid from $from to $to
issue() {
  local config=$work/openssl.cnf
  : > "$work/index"
  cat > "$config" <<C
[ca]
default_ca = bed
[bed]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copyall
unique_subject = no
x509_extensions = extensions
[any]
commonName = optional
[extensions]
$4
C
  openssl ca -batch -preserveDN -config "$config" -in "$1" -cert "$2" -keyfile "$3" -startdate "$(utc "$from")" -enddate "$(utc "$to")" \
    -notext -out "$5" "${@:6}" 2> "$work/ca.log" || die "openssl ca: $(cat "$work/ca.log")"
}

# successor CERTIFICATE KEY CA OUT: the same certificate with a new serial and validity
successor() {
  local extensions=''
  openssl x509 -in "$1" -noout -text > "$work/text"
  ! grep -q 'Authority Key Identifier' "$work/text" || extensions=$'authorityKeyIdentifier = keyid\n'
  if grep -q 'Subject Key Identifier' "$work/text"; then extensions+='subjectKeyIdentifier = hash'; else extensions+='subjectKeyIdentifier = none'; fi
  openssl x509 -x509toreq -in "$1" -signkey "$2" -copy_extensions copyall -out "$work/request" 2> "$work/request.log" || die "openssl x509 -x509toreq: $(cat "$work/request.log")"
  issue "$work/request" "$3.crt" "$3.key" "$extensions" "$4"
}

# kubeadm's own kubelet.crt: signed by a CA that the kubelet made, named like the old one, and forgot
successor_of_own_ca() {
  local name
  name=$(openssl x509 -in "$1" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//; s/^CN=//')
  openssl genrsa -out "$work/own.key" 2048 2>/dev/null
  openssl req -new -key "$work/own.key" -subj "/CN=$name" -out "$work/own.csr" \
    -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign'
  issue "$work/own.csr" "$work/own.csr" "$work/own.key" 'subjectKeyIdentifier = hash' "$work/own.crt" -selfsign
  successor "$1" "$2" "$work/own" "$3"
  cat "$work/own.crt" >> "$3"
}

# reissue_authority ID: the CA's certificate anew, over its key, in every place that holds the old one
reissue_authority() {
  local id=$1 pki old=$work/old-ca.crt new=$work/new-ca.crt node file
  pki=$(node_file n1 /etc/kubernetes/pki)
  cat "$pki/$id" > "$old"
  openssl x509 -x509toreq -in "$old" -signkey "$pki/${id%.crt}.key" -copy_extensions copyall -out "$work/request" 2> "$work/request.log" || die "openssl x509 -x509toreq: $(cat "$work/request.log")"
  issue "$work/request" "$old" "$pki/${id%.crt}.key" 'subjectKeyIdentifier = hash' "$new" -selfsign
  for node in $(nodes); do
    for file in "$(node_file "$node" "/etc/kubernetes/pki/$id")" "$(node_file "$node" /etc/kubernetes)"/*.conf "$(node_file "$node" /root/.kube/config)"; do
      [ -f "$file" ] || continue
      if [[ $file = *.crt ]]; then cat "$new" > "$file"; continue; fi
      sed "s#$(base64 -w0 < "$old")#$(base64 -w0 < "$new")#" "$file" > "$work/kubeconfig"
      cat "$work/kubeconfig" > "$file"
    done
  done
  printf '%-4s %-28s %s → %s\n' all "$id" "$(date -u -d "@$from" +%FT%TZ)" "$(date -u -d "@$to" +%FT%TZ)"
}

# reissue_file NODE ID: rewrites in place, so that mode, owner and links stay
reissue_file() {
  local node=$1 id=$2 path file ca old=$work/old.crt key=$work/old.key new=$work/new.crt
  path=$(path_of "$node" "$id"); ca=$(ca_of "$id")
  [ "$id" = kubelet-client-current.pem ] && path=$(inside "$node" readlink -f "$path")
  file=$(node_file "$node" "$path")
  [ -f "$file" ] || return 1
  case $id in
    *.conf | */config)
      sed -n 's/^ *client-certificate-data: *//p' "$file" | base64 -d > "$old"
      sed -n 's/^ *client-key-data: *//p' "$file" | base64 -d > "$key"
      successor "$old" "$key" "$ca" "$new"
      sed "s#^\( *client-certificate-data: *\).*#\1$(base64 -w0 < "$new")#" "$file" > "$work/kubeconfig"
      cat "$work/kubeconfig" > "$file" ;;
    kubelet-client-current.pem)
      openssl x509 -in "$file" -out "$old"; openssl pkey -in "$file" -out "$key"
      successor "$old" "$key" "$ca" "$new"
      { cat "$new"; sed -n '/PRIVATE KEY/,/PRIVATE KEY/p' "$file"; } > "$work/combined"
      cat "$work/combined" > "$file" ;;
    *)
      openssl x509 -in "$file" -out "$old"; cat "${file%.crt}.key" > "$key"
      if openssl verify -no_check_time -partial_chain -CAfile "$ca.crt" "$old" > /dev/null 2>&1; then
        successor "$old" "$key" "$ca" "$new"
      else
        successor_of_own_ca "$old" "$key" "$new"
      fi
      cat "$new" > "$file" ;;
  esac
  printf '%-4s %-28s %s → %s  %s\n' "$node" "$id" "$(date -u -d "@$from" +%FT%TZ)" "$(date -u -d "@$to" +%FT%TZ)" "$path"
}

# restart_components NODE COMPONENT...: kills the containers while the kubelet is down, so that it makes new ones at once
restart_components() {
  local node=$1; shift
  # shellcheck disable=SC2016
  inside "$node" bash -c '
    systemctl stop kubelet
    for component; do
      [ "$component" = kubelet ] && continue
      for container in $(ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.container.name\"==$component"); do
        ctr -n k8s.io tasks kill -s KILL "$container" 2>/dev/null || true   # an earlier one that has ended
      done
    done
    systemctl start kubelet' - "$@"
}

components_healthy() {
  local node
  for node in $(control_planes); do
    inside "$node" curl -fsSk --max-time 3 https://127.0.0.1:10257/healthz https://127.0.0.1:10259/healthz > /dev/null 2>&1 || return 1
    inside "$node" curl -fsS --max-time 3 http://127.0.0.1:2381/readyz > /dev/null 2>&1 || return 1
  done
}

wait_components() {
  local _
  for _ in $(seq 120); do components_healthy && return; sleep 0.5; done
  die 'etcd, kube-controller-manager or kube-scheduler is not healthy after 60 s'
}

# reissue [--days-left N] [--lifetime DAYS] [--node NODE] [--no-restart] [ID...]
reissue() {
  local left=${DAYS_LEFT:-20} lifetime='' only='' restart=yes ids=() authorities=() node id since same changed seconds now_seconds
  while [ $# -gt 0 ]; do
    case $1 in
      --days-left) left=$2; shift 2 ;;
      --lifetime) lifetime=$2; shift 2 ;;
      --node) check_node "$2"; only=$2; shift 2 ;;
      --no-restart) restart=no; shift ;;
      -*) die "reissue: unknown option $1" ;;
      ca.crt | front-proxy-ca.crt | etcd/ca.crt) authorities+=("$1"); shift ;;
      *) grep -qxF -- "$1" <(printf '%s\n' $certificate_ids) || die "reissue: no certificate $1; there are: ${certificate_ids//$'\n'/ } $authority_ids"; ids+=("$1"); shift ;;
    esac
  done
  [[ $left =~ ^-?[0-9]+(\.[0-9]+)?$ ]] || die "reissue: --days-left $left: a number of days"
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  now_seconds=$(date +%s); since=$(now); seconds=$(awk -v d="$left" 'BEGIN { printf "%d", d * 86400 }')
  to=$((now_seconds + seconds)); from=$((to - ${lifetime:-3650} * 86400))
  for id in "${authorities[@]}"; do reissue_authority "$id"; done
  [ ${#authorities[@]} -eq 0 ] || [ ${#ids[@]} -gt 0 ] || { publish_kubeconfig; return; }
  for node in ${only:-$(nodes)}; do
    changed=()
    # where all are asked for, /root/.kube/config stays the copy of admin.conf that it is
    same=no; cmp -s "$(node_file "$node" /root/.kube/config)" "$(node_file "$node" /etc/kubernetes/admin.conf)" && same=yes
    # shellcheck disable=SC2086
    for id in ${ids[@]:-$certificate_ids}; do
      to=$((now_seconds + seconds))
      case $id in kubelet*) from=$((to - ${lifetime:-91} * 86400)) ;; *) from=$((to - ${lifetime:-365} * 86400)) ;; esac
      reissue_file "$node" "$id" || continue
      changed+=("$(component_of "$id")")
    done
    if [ "$same" = yes ] && [ ${#ids[@]} -eq 0 ]; then cat "$(node_file "$node" /etc/kubernetes/admin.conf)" > "$(node_file "$node" /root/.kube/config)"; fi
    printf '%s\n' "${changed[@]}" | sort -u | grep . > "$work/restart-$node" || true
  done
  [ "$restart" = yes ] && [ -n "$(cat "$work"/restart-*)" ] && { each_node restart_changed; wait_ready "$since" 180; wait_components; }
  publish_kubeconfig
}

# All nodes side by side: it is the tests' own preparation, nobody is served by this cluster meanwhile
restart_changed() {
  local components
  [ -s "$work/restart-$1" ] || return 0
  mapfile -t components < "$work/restart-$1"
  restart_components "$1" "${components[@]}"
}
