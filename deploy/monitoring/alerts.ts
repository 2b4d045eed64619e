// Every alert as data: the chart's PrometheusRule, docs/alerts.md and the promtool tests are made from this table.
// Gauges of the leader are taken over all replicas and over 15 minutes, so that a change of leader ends no alert's wait.
import { urgentDays } from '../../src/policy/ending.ts';

export interface Alert {
  readonly name: string;
  readonly severity: 'critical' | 'warning';
  /** PromQL. */
  readonly expr: string;
  /** How long it must hold. */
  readonly for: string;
  /** One line; may name labels. */
  readonly summary: string;
  /** For the runbook: what it means. */
  readonly means: string;
  /** For the runbook: what to do, one step an item. */
  readonly steps: readonly string[];
}

const day = 86_400;
const node = '{{ $labels.nodename }}';

/** The newest word on each series within 15 minutes, whoever led. */
const recent = (metric: string, labels: string): string =>
  `max by (${labels}) (max_over_time(${metric}[15m]))`;

const certificate = `${node}: {{ $labels.filepath }}`;
const expiry = 'min by (nodename, filepath, subject_CN) (certificate_expires_time) - time()';

const expiries: readonly Alert[] = [
  {
    name: 'CertificateExpiresSoon',
    severity: 'warning',
    expr: `${expiry} <= 30 * ${day}`,
    for: '1d',
    summary: `${certificate} ends within 30 days and has been so for a day`,
    means:
      'ACP’s first threshold. Certificates are due before or at this point, so one that is still there a day later waits for something. The day is what keeps a renewal that is on its way from alerting.',
    steps: [
      'See why it waits: `kubectl get certrot`, column REASON, and `kubectl describe certrot NAME`.',
      'If there is no rotation for it: column STATE of `kubectl -n cpaas-system get configmap node-local-certs-NODE -o yaml` says who owns it. `Unmanaged` and `KubeletManaged` are not renewed by this product; renew them where they come from.',
      'Is it a CA? See `CertificateAuthorityEndsWithinAYear`.',
      'By hand, on the node: `cert-renew check`, then what it says.',
    ],
  },
  {
    name: 'CertificateExpiresVerySoon',
    severity: 'critical',
    expr: `${expiry} <= ${urgentDays.leaf} * ${day}`,
    for: '1m',
    summary: `${certificate} ends within ${urgentDays.leaf} days`,
    means:
      'ACP’s second threshold. Below 7 days a rotation is urgent: soft gates (windows, neighbours that are not Ready, an upgrade) give way to it. What still holds it then is hard, or the node cannot be worked on.',
    steps: [
      'As for `CertificateExpiresSoon`, today.',
      'If the node’s kubelet does not start Pods (`KubeletNotTakingPods`), renew on the node: `cert-renew all`, which needs no API.',
    ],
  },
  {
    name: 'CertificateExpired',
    severity: 'critical',
    expr: `${expiry} <= 0`,
    for: '1m',
    summary: `${certificate} has expired`,
    means:
      'ACP’s third threshold. Who checks this certificate refuses it now. With an expired kubelet client certificate the node goes NotReady at the kubelet’s next start.',
    steps: [
      'On the node: `cert-renew all`. A worker has no CA key: `cert-renew request` there, `cert-renew sign` on a control plane, `cert-renew install` there.',
      'The runbook for your case: [runbooks](runbooks/README.md).',
    ],
  },
  {
    name: 'CertificateAuthorityEndsWithinAYear',
    severity: 'warning',
    expr: `min by (ca) (cert_rotator_ca_not_after) - time() <= 365 * ${day}`,
    for: '1h',
    summary: 'CA {{ $labels.ca }} ends within a year',
    means:
      'No certificate outlives its CA. From now on the leaves of a control plane get shorter lives at every renewal. CAs are watched, never renewed, by this product: everybody who trusts one must learn of its successor first.',
    steps: [
      'Plan the replacement: a new CA beside the old one in the trust bundles, then new leaves, then the old one out (Kubernetes documentation, “Manual Rotation of CA Certificates”).',
      'After it, the new CA is accepted by an annotation of a person: [security.md](security.md), “Where keys are”.',
    ],
  },
  {
    name: 'CertificateAuthorityEndsSoon',
    severity: 'critical',
    expr: `min by (ca) (cert_rotator_ca_not_after) - time() <= ${urgentDays.ca} * ${day}`,
    for: '1h',
    summary: `CA {{ $labels.ca }} ends within ${urgentDays.ca} days`,
    means:
      'With it end all certificates that it signed, on one day, and renewing them gains nothing any more.',
    steps: [
      'As for `CertificateAuthorityEndsWithinAYear`, now.',
      'When it has ended: [the runbook of an expired CA](runbooks/ca-expired.md).',
    ],
  },
];

const rotations: readonly Alert[] = [
  {
    name: 'CertRotatorRotationFailed',
    severity: 'warning',
    expr: `${recent('cert_rotator_rotation_failed{result!="NeedsManual"}', 'nodename, result, reason')} > 0`,
    for: '1m',
    summary: `${node}: the last rotation ended {{ $labels.result }} ({{ $labels.reason }})`,
    means:
      'A rotation ended without success; RolledBack: the old files are back and serve. It is tried again after 1 h, 2 h, up to 32 h. The breaker lets one rotation at a time through until one has succeeded.',
    steps: [
      '`kubectl describe certrot NAME` says in which step and why; `kubectl describe node NODE` shows the Events.',
      'On the node the journal and the backups lie in `/var/lib/cluster-cert-rotator`.',
      'When the cause is gone, wait for the next attempt, or ask for one: a `CertificateRotation` of your own is put into the queue at once.',
    ],
  },
  {
    name: 'CertRotatorNeedsManual',
    severity: 'critical',
    expr: `${recent('cert_rotator_rotation_failed{result="NeedsManual"}', 'nodename, reason')} > 0`,
    for: '1m',
    summary: `${node}: a rotation stopped half-way and needs a person ({{ $labels.reason }})`,
    means:
      'The new certificates could not be proved, and the old ones are no place to return to (expired, or nearly so): the new files were kept. Or, with reason `KubeletNotTakingPods`, the kubelet starts no Pod that could go on.',
    steps: [
      '`kubectl describe certrot NAME` names the component that did not come back.',
      'On the node: `cert-renew check`, then `cert-renew all`, which goes on with the journal; [the runbook of a half-done rotation](runbooks/half-done.md).',
    ],
  },
  {
    name: 'CertRotatorGateShut',
    severity: 'warning',
    // Windows and the width of the queue are shut by design, a pause has an alert of its own.
    expr: `${recent('cert_rotator_gate_closed{gate!~"OutsideWindow|ParallelLimit|Settling|Paused|ModeObserve"}', 'gate')} > 0`,
    for: '1d',
    summary: 'Gate {{ $labels.gate }} has held rotations for a day ({{ $value }} now)',
    means:
      'Rotations are due and a gate has been shut for a day. A gate says that something in the cluster is not well, or that a person is waited for (`AwaitingApproval`).',
    steps: [
      '`kubectl get certrot` shows which rotations wait; the message of one names what the gate saw.',
      'Mend that: the node that is not Ready, the etcd member, the clock, the CA. Soft gates give way 7 days before an end, hard ones never do.',
      '`AwaitingApproval`: annotate the rotation with `certrotator.cpaas.io/approved=true`.',
    ],
  },
  {
    name: 'CertRotatorQueueOld',
    severity: 'warning',
    expr: `max(max_over_time(cert_rotator_oldest_due_seconds[15m])) > 3 * ${day}`,
    for: '15m',
    summary: 'A rotation has been due for {{ $value | humanizeDuration }}',
    means:
      'The queue does not empty. A thousand workers take some hours, five at a time; three days are more than any cluster should need, unless its windows are rare.',
    steps: [
      '`kubectl get certrot` with the oldest DUE first: what does it wait for?',
      '`OutsideWindow`: longer or more frequent `config.windows`. `ParallelLimit`: more `config.parallelWorkers`.',
    ],
  },
];

const controller: readonly Alert[] = [
  {
    name: 'CertRotatorScanStale',
    severity: 'warning',
    expr: `time() - max by (nodename) (cert_rotator_last_scan_time) > 2 * scalar(max(cert_rotator_scan_interval_seconds))`,
    for: '1h',
    summary: `${node}: its certificates were not read for two scan intervals`,
    means:
      'What is known of this node is old, or nothing is known at all: its certificates may have changed or expired unseen. Nothing is rotated on a node whose inventory is missing.',
    steps: [
      '`kubectl get node NODE`: is it Ready? `kubectl describe node NODE`: Events `ScanFailed` and `KubeletNotTakingPods` say why.',
      '`kubectl -n cluster-cert-rotator get pods -l certrotator.cpaas.io/kind=scan`: a Pod that stays Pending names a path or an image that the node does not have.',
      'Until it works: `cert-renew check` on the node.',
    ],
  },
  {
    name: 'CertRotatorUnseen',
    severity: 'warning',
    expr: `${recent('cert_rotator_unseen_components', 'nodename')} > 0`,
    for: '1h',
    summary: `${node}: components of the control plane cannot be seen and are not renewed: {{ $value }}`,
    means:
      'The last scan of this control plane did not find what a component runs with (etcd, API server, controller manager, scheduler): its manifest is not where the kubelet looks, its kubeconfig is gone, or one of them lies outside the directories that are mounted. It is not renewed, and when its certificates end is not known: no alert about an end will tell of it. Such a node is read every ten minutes; the hour keeps an upgrade, which takes manifests away for minutes, from alerting.',
    steps: [
      'The notes on the node’s page of the dashboard, or of `kubectl certrot explain NODE`, name each, why it is not seen and what to mend.',
      'A manifest that is gone: put it back where the note says that the kubelet looks, mostly `/etc/kubernetes/manifests`. Is the component not to run there any more, move away what the note says is left of it; is it started by something else than the kubelet, silence this alert for the node.',
      'A file outside the directories that are mounted: add its directory to `extraHostPaths` in the chart’s values.',
      'A kubeconfig that is gone: `cert-renew restore` on the node, or the `kubeadm` command that the note names.',
      'Until it is seen: `cert-renew check` on the node, which needs nothing mounted. When it is, the next scan ends the alert, within half an hour; later where scans fail (Events `ScanFailed`) or a rotation goes on.',
    ],
  },
  {
    name: 'CertRotatorPaused',
    severity: 'warning',
    expr: `${recent('cert_rotator_paused', 'scope, nodename')} == 1`,
    for: '3d',
    summary: 'Rotations are paused for three days ({{ $labels.scope }} {{ $labels.nodename }})',
    means:
      'Somebody paused the cluster or a node and may have forgotten it. While it lasts, certificates run out.',
    steps: [
      'Scope `cluster`: `config.paused` in the chart’s values, or “Pause everything” on the dashboard, or `kubectl certrot pause`. Scope `node`: annotation `certrotator.cpaas.io/paused` on the Node.',
      'Take it away, or silence this alert until a day that you name.',
    ],
  },
  {
    name: 'CertRotatorConfigurationRefused',
    severity: 'warning',
    expr: 'max(max_over_time(cert_rotator_configuration_refused[15m])) == 1',
    for: '15m',
    summary: 'The configuration is refused; the last good one is in force',
    means: 'ConfigMap `cluster-cert-rotator-config` does not say what it may say; nothing of it was taken.',
    steps: [
      'The Event `ConfigurationRefused` and the controller’s log name the field: `kubectl -n cluster-cert-rotator logs deploy/cluster-cert-rotator-controller`.',
      'A controller that starts anew with it does not start.',
    ],
  },
  {
    name: 'CertRotatorNotWorking',
    severity: 'critical',
    expr: 'time() - max(cert_rotator_last_pass_time) > 1800',
    for: '15m',
    summary: 'The loop has not come through without an error for {{ $value | humanizeDuration }}',
    means:
      'A controller runs and a part of every pass fails: it cannot read or write the API, or a CA cannot be had. What does not fail still goes on.',
    steps: [
      'The controller’s log names the part: `kubectl -n cluster-cert-rotator logs deploy/cluster-cert-rotator-controller`, level warn.',
      'Metric `cert_rotator_passes_total` counts by the error’s code.',
    ],
  },
  {
    name: 'CertRotatorAbsent',
    severity: 'critical',
    expr: 'absent(max_over_time(cert_rotator_leader[15m]) == 1)',
    for: '15m',
    summary: 'No controller leads, or its metrics cannot be read',
    means:
      'Nothing is scanned, planned or renewed, or nobody would know. All other alerts of this product are silent while this one fires.',
    steps: [
      '`kubectl -n cluster-cert-rotator get pods`, and `kubectl -n cluster-cert-rotator get lease cluster-cert-rotator` for who leads.',
      'If it leads: Prometheus’ page Targets says why it cannot be scraped. 401 or 403: its ServiceAccount may not GET `/metrics` (chart value `metrics.readers`). A TLS error: it does not have the newest `ca.crt` of Secret `cluster-cert-rotator-controller-tls`.',
    ],
  },
];

export const groups: readonly { readonly name: string; readonly alerts: readonly Alert[] }[] = [
  { name: 'cluster-cert-rotator.expiry', alerts: expiries },
  { name: 'cluster-cert-rotator.rotations', alerts: rotations },
  { name: 'cluster-cert-rotator.controller', alerts: controller },
];

export const alerts: readonly Alert[] = groups.flatMap(({ alerts }) => alerts);

/** Where the runbook of each stands; the chart puts the address of the documents before it. */
export const runbookFile = 'docs/alerts.md';

/** As Prometheus reads it. */
export function ruleFile(): { groups: object[] } {
  return {
    groups: groups.map(({ name, alerts }) => ({
      name,
      rules: alerts.map((alert) => ({
        alert: alert.name,
        expr: alert.expr,
        for: alert.for,
        labels: { severity: alert.severity },
        annotations: {
          summary: alert.summary,
          runbook_url: `${runbookFile}#${alert.name.toLowerCase()}`,
        },
      })),
    })),
  };
}
