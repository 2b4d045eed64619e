// Which ConfigMaps, Secrets and Services the controller may write: its own, by their names.
import { allowed, controller, denied, kubectl, namespace, policy, read, report } from './kubectl.ts';

export function object(kind: 'ConfigMap' | 'Secret' | 'Service', name: string, where: string): object {
  const spec = kind === 'Service' ? { spec: { ports: [{ port: 8080 }] } } : {};
  return { apiVersion: 'v1', kind, metadata: { name, namespace: where }, ...spec };
}

export function checkWrites(publicNamespace: string): void {
  // Names of a trial: those that exist would be refused as existing.
  const inventory = object('ConfigMap', 'node-local-certs-check-of-the-policy', publicNamespace);
  allowed('the controller makes an inventory', inventory, controller);
  for (const [kind, name, where] of [
    ['ConfigMap', 'coredns', publicNamespace],
    ['ConfigMap', 'my-node-local-certs-n1', publicNamespace],
    ['ConfigMap', 'anything', namespace],
    ['ConfigMap', 'cluster-cert-rotator-config', namespace],
    ['Secret', 'anything', publicNamespace],
    ['Secret', 'anything', namespace],
    ['Secret', 'kubernetes-ca', namespace],
    ['Secret', 'cluster-cert-rotator-controller-tls', publicNamespace],
    ['Secret', 'cluster-cert-rotator-web-tls', namespace],
    ['Service', 'anything', publicNamespace],
  ] as const) {
    denied(`the controller makes ${kind} ${name} in ${where}`, object(kind, name, where), controller);
  }
  checkFrontend(publicNamespace);
  // Every namespace has this one, by the controller-manager.
  const other = read(['-n', publicNamespace, 'get', 'configmap', 'kube-root-ca.crt']);
  const { ok, text } = kubectl(['replace', '--dry-run=server', '-f', '-', `--as=${controller}`], other);
  report(!ok && policy.test(text), 'denied:  the controller changes ConfigMap kube-root-ca.crt', text);
}

/** R19: a Service of this name that is somebody else's is changed by nobody of ours. Tried where it is there already. */
function checkFrontend(publicNamespace: string): void {
  const get = ['-n', publicNamespace, 'get', 'service', 'frontend'];
  if (!kubectl(get).ok) {
    allowed(
      'the controller makes Service frontend',
      object('Service', 'frontend', publicNamespace),
      controller,
    );
    return;
  }
  const found: { metadata: { labels?: Record<string, string> } } = JSON.parse(read(get));
  const isOurs = found.metadata.labels?.['app.kubernetes.io/managed-by'] === 'cluster-cert-rotator';
  const changed = { ...found, metadata: { ...found.metadata, annotations: { check: 'changed' } } };
  const args = ['replace', '--dry-run=server', '-f', '-', `--as=${controller}`];
  const { ok, text } = kubectl(args, JSON.stringify(changed));
  const good = isOurs ? ok : !ok && policy.test(text);
  report(
    good,
    `${isOurs ? 'allowed: ' : 'denied:  '}the controller changes Service frontend, which is ${isOurs ? 'its own' : 'not'}`,
    text,
  );
}
