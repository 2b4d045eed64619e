#!/usr/bin/env bash
# The bed's own test: 1 + 1 comes up over what a killed one left, is saved, changed, restored, and answers as before.
# Usage: BED=self test/bed/selftest.sh     prints the seconds of each step and closes with "N passed, N failed"
# KEEP=1 leaves the bed up, as it was saved under the name base.
set -euo pipefail
export BED=${BED:-self} CONTROL_PLANES=1 WORKERS=1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bed=$here/bed.sh
kubeconfig=$(cd "$here/../.." && pwd)/.bed/$BED/admin.conf
state=$("$bed" state)
passed=0 failed=0

# check SENTENCE COMMAND...: what it says goes to a log that is shown when it fails
check() {
  local sentence=$1 began=$EPOCHREALTIME log; log=$(mktemp); shift
  if ("$@") > "$log" 2>&1; then
    passed=$((passed + 1)); printf '  ok    %6.1f s  %s\n' "$(since "$began")" "$sentence"
  else
    failed=$((failed + 1)); printf '  FAILED %5.1f s  %s\n' "$(since "$began")" "$sentence"; sed 's/^/           | /' "$log"
  fi
  rm -f "$log"
}
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'; }
fails() { ! "$@"; }
kube() { "$("$bed" exec n1 true && "$here/build.sh")/bin/kubectl" --kubeconfig "$kubeconfig" "$@"; }
live_serial() { echo | openssl s_client -connect "$1" 2>/dev/null | openssl x509 -noout -serial; }
address() { kube get node "$1" -o 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}'; }

leave_like_a_killed_bed() {
  "$bed" down
  ip link add "br-$BED" type bridge
  ip netns add "bed-$BED-n1"; ip link add "v-$BED-n1" type veth peer name eth0 netns "bed-$BED-n1"
  mkdir -p "/sys/fs/cgroup/pids/bed-$BED-n1/child" "$state/n1/upper/etc"
  echo half > "$state/settings.part"
  setsid sleep 3600 > /dev/null 2>&1 < /dev/null &
  echo $! > "/sys/fs/cgroup/pids/bed-$BED-n1/child/cgroup.procs"
  echo $! > "$leftover"
}
within() { local began=$EPOCHREALTIME limit=$1; shift; "$@" && [ "$(since "$began" | cut -d. -f1)" -lt "$limit" ]; }
all_ready() { [ "$(kube get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}')" = 'True True' ]; }
change() {
  kube -n default create configmap changed
  "$bed" exec n1 touch /etc/kubernetes/changed
  "$bed" reissue --days-left 20 --node w1 kubelet.crt
}
is_as_saved() {
  fails kube -n default get configmap changed && "$bed" exec n1 test ! -e /etc/kubernetes/changed && [ "$(live_serial "$(address w1):10250")" = "$(cat "$serial")" ]
}
days_left() { openssl x509 -in "$("$bed" root w1)/etc/kubernetes/pki/kubelet.crt" -noout -checkend $((20 * 86400 - 600)) && fails openssl x509 -in "$("$bed" root w1)/etc/kubernetes/pki/kubelet.crt" -noout -checkend $((20 * 86400)); }
# The bed's images hold one program each: the Pod borrows curl from its host
pod_asks() {
  kube -n default apply -f - <<Y
apiVersion: v1
kind: Pod
metadata: {name: asks}
spec:
  nodeName: w1
  restartPolicy: OnFailure
  volumes: [{name: host, hostPath: {path: /usr}}]
  containers:
  - name: asks
    image: $(cat "$("$here/build.sh")/pause.ref")
    imagePullPolicy: Never
    command: [/host/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2, --library-path, /host/lib/x86_64-linux-gnu, /host/bin/curl, -fsSk, --max-time, "5", https://10.96.0.1/readyz]
    volumeMounts: [{name: host, mountPath: /host, readOnly: true}]
Y
  kube -n default wait pod/asks --for 'jsonpath={.status.phase}=Succeeded' --timeout 30s && [ "$(kube -n default logs asks)" = ok ] && kube -n default delete pod asks --wait=false
}
in_audit_log() { kube -n default create configmap "$1" && grep -q "/configmaps.*\"$1\"" "$("$bed" audit)"; }
power_loss() {
  "$bed" exec w1 touch /etc/kubernetes/before-the-loss
  "$bed" kill w1
  "$bed" peek w1 test -e /etc/kubernetes/before-the-loss && "$bed" boot w1 && "$bed" exec w1 test -e /etc/kubernetes/before-the-loss
}
nothing_left() {
  [ -z "$(ip netns list | grep "^bed-$BED-"; ip -o link | grep -E " (v|br)-${BED}[-:@]"; ls -d /sys/fs/cgroup/*/bed-"$BED"-* "$state" 2>/dev/null)" ]
}

leftover=$(mktemp) serial=$(mktemp)
trap 'rm -f "$leftover" "$serial"' EXIT
check 'a killed bed is pretended' leave_like_a_killed_bed
check 'it comes up over what the killed one left' "$bed" up --fresh
check 'the process that was left is gone' fails kill -0 "$(cat "$leftover")"
check 'up again finds it up, within 15 s' within 15 "$bed" up
check 'both Nodes are Ready' all_ready
check 'a Pod on the worker asks the API through its ClusterIP, and its log is readable' pod_asks
check 'a ClusterIP answers from the worker' "$bed" exec w1 curl -fsSk --max-time 5 https://10.96.0.1/readyz
check 'a write stands in the audit log' in_audit_log "audited-$$"
check 'it is saved' "$bed" save
live_serial "$(address w1):10250" > "$serial"
check 'it is changed: an object, a file, a certificate with 20 days left' change
check 'the re-issued certificate has 20 days left' days_left
check 'its kubelet serves the re-issued one' fails test "$(live_serial "$(address w1):10250")" = "$(cat "$serial")"
check 'it is restored within 60 s' within 60 "$bed" restore
check 'it is as it was saved' is_as_saved
check 'both Nodes are Ready after the restore' all_ready
check 'a node boots from its own disk after power loss' power_loss
if [ -z "${KEEP:-}" ]; then
  check 'it is taken down' "$bed" down
  check 'nothing of it is left' nothing_left
else
  check 'it is restored once more, to be used' "$bed" restore
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
