// Which ConfigMaps, Secrets and Services the controller may write: its own, by their names.
import type { Service } from 'kubernetes-types/core/v1.js';
import { objectPath, resources } from '../../src/kube/resources.ts';
import { ask, controller, namespace, read, tryReplace, type KubeObject } from './api.ts';
import { allowed, denied, reportAllowed, reportDenied } from './report.ts';

export function object(kind: 'ConfigMap' | 'Secret' | 'Service', name: string, where: string): KubeObject {
  const spec = kind === 'Service' ? { spec: { ports: [{ port: 8080 }] } } : {};
  return { apiVersion: 'v1', kind, metadata: { name, namespace: where }, ...spec };
}

export async function checkWrites(publicNamespace: string): Promise<void> {
  // Names of a trial: those that exist would be refused as existing.
  const inventory = object('ConfigMap', 'node-local-certs-check-of-the-policy', publicNamespace);
  await allowed('the controller makes an inventory', inventory, controller);
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
    await denied(`the controller makes ${kind} ${name} in ${where}`, object(kind, name, where), controller);
  }
  await checkFrontend(publicNamespace);
  // Every namespace has this one, by the controller-manager.
  const root = { name: 'kube-root-ca.crt', namespace: publicNamespace };
  const other = await read<KubeObject>(objectPath(resources.configMaps, root));
  reportDenied('the controller changes ConfigMap kube-root-ca.crt', await tryReplace(other, controller));
}

/** R19: a Service of this name that is somebody else's is changed by nobody of ours. Tried where it is there already. */
async function checkFrontend(publicNamespace: string): Promise<void> {
  const path = objectPath(resources.services, { name: 'frontend', namespace: publicNamespace });
  const there = await ask({ method: 'GET', path });
  if (!there.ok) {
    const made = object('Service', 'frontend', publicNamespace);
    await allowed('the controller makes Service frontend', made, controller);
    return;
  }
  const found: Service = JSON.parse(there.text);
  const isOurs = found.metadata?.labels?.['app.kubernetes.io/managed-by'] === 'cluster-cert-rotator';
  const changed = { ...found, metadata: { ...found.metadata, annotations: { check: 'changed' } } };
  const answer = await tryReplace(changed, controller);
  const what = 'the controller changes Service frontend, which is';
  if (isOurs) reportAllowed(`${what} its own`, answer);
  else reportDenied(`${what} not`, answer);
}
