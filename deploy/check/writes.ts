// Which ConfigMaps and Secrets the controller may write: its own, by their names.
import { allowed, controller, denied, kubectl, namespace, policy, read, report } from './kubectl.ts';

function object(kind: 'ConfigMap' | 'Secret', name: string, where: string): object {
  return { apiVersion: 'v1', kind, metadata: { name, namespace: where } };
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
  ] as const) {
    denied(`the controller makes ${kind} ${name} in ${where}`, object(kind, name, where), controller);
  }
  // Every namespace has this one, by the controller-manager.
  const other = read(['-n', publicNamespace, 'get', 'configmap', 'kube-root-ca.crt']);
  const { ok, text } = kubectl(['replace', '--dry-run=server', '-f', '-', `--as=${controller}`], other);
  report(!ok && policy.test(text), 'denied:  the controller changes ConfigMap kube-root-ca.crt', text);
}
