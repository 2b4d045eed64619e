// What every fault of the demo works with.
import { setTimeout as wait } from 'node:timers/promises';
import type { CertificateId } from '../../catalogue/ids.ts';
import { terminalPhases, type CertificateRotation } from '../../kube/types.ts';
import type { Cluster } from '../cluster/start.ts';
import { rotationsPath } from '../observer/observer.ts';

export interface FaultContext {
  readonly cluster: Cluster;
  /** Where the dashboard is. */
  readonly page: string;
  readonly say: (line: string) => void;
  readonly rotations: () => readonly CertificateRotation[];
  readonly signal: AbortSignal;
}

export interface Fault {
  /** Where servers are silent while it is played. */
  readonly silences: readonly string[];
  /** Brings it about, waits for what comes of it, and heals it. */
  readonly play: (context: FaultContext) => Promise<void>;
}

const lookMs = 300;
/** Longer than anything here takes. */
const patienceMs = 180_000;

/** As soon as there is one. @throws Error when it does not come, or the signal aborts */
export async function until<T>(
  what: string,
  { signal }: FaultContext,
  look: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const latest = Date.now() + patienceMs;
  while (Date.now() < latest) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(lookMs, undefined, { signal });
  }
  throw new Error(`${what} has not come within ${patienceMs / 1000} s`);
}

export type Match = (rotation: CertificateRotation) => boolean;

let asked = 0;

/** A rotation that a person asks for. Result: which it is. */
export async function askFor(
  context: FaultContext,
  nodeName: string,
  certificates: readonly CertificateId[],
): Promise<Match> {
  const { admin } = context.cluster;
  const nodeUID = await until(`node ${nodeName}`, context, async () => uidOf(context.cluster, nodeName));
  const name = `${nodeName}-by-hand-${++asked}`;
  await admin.call('POST', rotationsPath, {
    apiVersion: 'certrotator.cpaas.io/v1alpha1',
    kind: 'CertificateRotation',
    metadata: { name },
    spec: { nodeName, nodeUID, certificates, reason: 'Manual' },
  });
  return ({ metadata }) => metadata.name === name;
}

interface NodeList {
  readonly items: readonly { readonly metadata: { readonly name: string; readonly uid: string } }[];
}

/** Undefined: it has not registered itself yet. */
async function uidOf({ admin }: Cluster, name: string): Promise<string | undefined> {
  const { items } = await admin.call<NodeList>('GET', '/api/v1/nodes');
  return items.find(({ metadata }) => metadata.name === name)?.metadata.uid;
}

/** Until such a rotation has come to its end. */
export async function ended(context: FaultContext, matches: Match): Promise<CertificateRotation> {
  return until('the end of a rotation', context, () =>
    context.rotations().find((one) => {
      const phase = one.status?.phase;
      return matches(one) && phase !== undefined && terminalPhases.has(phase);
    }),
  );
}

/** Until no rotation is under way. */
export async function idle(context: FaultContext): Promise<void> {
  await until('a moment of rest', context, () => (context.rotations().some(isUnderWay) ? undefined : true));
}

const isUnderWay: Match = ({ status }) => ['Admitted', 'Running', 'Verifying'].includes(status?.phase ?? '');

export function rootOf(cluster: Cluster, name: string): string {
  const node = cluster.plan.nodes.find((each) => each.name === name);
  if (node === undefined) throw new Error(`there is no node ${name}`);
  return cluster.rootOf(node);
}
