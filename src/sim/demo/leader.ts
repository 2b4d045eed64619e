// Which of the controllers leads: as the Lease says.
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../cluster/start.ts';
import { ApiError } from '../node/api.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/cluster-cert-rotator/leases/cluster-cert-rotator';
const lookMs = 100;
const patienceMs = 180_000;

/** The name of its Pod, as soon as one leads. @throws Error when nobody does, or the signal aborts */
export async function leaderOf({ admin }: Cluster, signal: AbortSignal): Promise<string> {
  const latest = Date.now() + patienceMs;
  while (Date.now() < latest) {
    const holder = await holderOf(admin);
    if (holder !== '') return holder;
    await wait(lookMs, undefined, { signal });
  }
  throw new Error(`no controller leads after ${patienceMs / 1000} s`);
}

/** Empty: nobody. */
async function holderOf(admin: Cluster['admin']): Promise<string> {
  try {
    const { spec } = await admin.call<{ spec: { holderIdentity?: string } }>('GET', path);
    return spec.holderIdentity ?? '';
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return '';
    throw error;
  }
}
