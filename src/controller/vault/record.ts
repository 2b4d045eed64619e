// Which CAs were accepted, kept apart from their keys: whoever deletes Secret kubernetes-ca must not thereby have another
// CA accepted without a person (R11). In the private namespace, where only the controller writes.
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { caIds, type CaId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { privateNamespace } from '../../kube/types.ts';

export const recordName = 'cluster-cert-rotator-accepted-cas';
const ref = { name: recordName, namespace: privateNamespace } as const;

/** Fingerprints, sha256 over DER in lower-case hex. */
export type Recorded = Readonly<Partial<Record<CaId, string>>>;

/** Errors: those of the API. */
export async function readRecord(client: KubeClient): Promise<Recorded> {
  return recordedIn(await client.get(resources.configMaps, ref));
}

/** What such a ConfigMap records; nothing where there is none. */
export function recordedIn(map: ConfigMap | undefined): Recorded {
  const entries = caIds.map((id) => [id, map?.data?.[id]] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ''));
}

/** Records what was accepted, before it is used. Errors: Conflict (another leader writes it), those of the API. */
export async function writeRecord(client: KubeClient, accepted: Recorded): Promise<void> {
  const before = await client.get(resources.configMaps, ref);
  const known = recordedIn(before);
  if (caIds.every((id) => accepted[id] === undefined || accepted[id] === known[id])) return;
  const map: ConfigMap = {
    ...before,
    metadata: { labels: { 'app.kubernetes.io/name': 'cluster-cert-rotator' }, ...before?.metadata, ...ref },
    data: { ...before?.data, ...accepted },
  };
  const written = await (before === undefined
    ? client.create(resources.configMaps, map)
    : client.replace(resources.configMaps, map));
  if (!written.ok) throw new CertError('Conflict', `ConfigMap ${recordName}: ${written.message}`);
}
