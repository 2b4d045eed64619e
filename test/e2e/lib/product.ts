// The product as an operator has it: installed by `make deploy`, seen by kubectl. Nothing of src/ is used here.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { run, waitFor } from './command.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';

export const repository = join(import.meta.dirname, '..', '..', '..');
export const privateNamespace = 'cluster-cert-rotator';
export const publicNamespace = 'cpaas-system';

export interface Rotation extends KubeObject {
  readonly spec: {
    readonly nodeName: string;
    readonly certificates: readonly string[];
    readonly reason: string;
  };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly step?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
    readonly steps?: readonly {
      readonly name: string;
      readonly startedAt?: string;
      readonly finishedAt?: string;
      readonly result?: string;
      readonly message?: string;
    }[];
    readonly certificates?: readonly {
      readonly id: string;
      readonly oldSerial?: string;
      readonly newSerial?: string;
      readonly oldNotAfter?: string;
      readonly newNotAfter?: string;
      readonly proof?: string;
    }[];
  };
}

const terminal = new Set(['Succeeded', 'RolledBack', 'Failed', 'NeedsManual', 'Superseded']);

/** Loads the images into every node. Once for a bed, before it is saved. */
export async function loadImages(bed: Bed): Promise<void> {
  await bed.load('all', join(repository, 'dist', 'agent-amd64.tar'));
  for (const node of bed.controlPlanes) await bed.load(node, join(repository, 'dist', 'image-amd64.tar'));
}

/** `make deploy` with fields of the product's configuration that differ from the chart's defaults. */
export async function deploy(bed: Bed, configuration: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'values-'));
  try {
    const values = join(scratch, 'values.json');
    writeFileSync(values, JSON.stringify({ config: configuration }));
    await run('make', ['-s', 'deploy', `KUBECONFIG=${bed.kubeconfig}`, `HELM_ARGS=-f ${values}`], {
      cwd: repository,
    });
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

export async function rotations(bed: Bed): Promise<readonly Rotation[]> {
  return await kubectlOf(bed).list<Rotation>('certificaterotations');
}

/** Waits until the product has captured the CAs and read every node: it is at rest unless something is due. */
export async function restsWithCas(bed: Bed, seconds = 120): Promise<void> {
  const kubectl = kubectlOf(bed);
  const wanted = ['secret/kubernetes-ca', ...bed.nodes.map((node) => `configmap/node-local-certs-${node}`)];
  await waitFor(
    wanted.join(', '),
    async () => (await kubectl('-n', publicNamespace, 'get', ...wanted)) !== '',
    { seconds },
  );
}

/** A CertificateRotation as a person makes it; its Node's UID is looked up unless it is given. */
export async function rotationOf(
  bed: Bed,
  asked: {
    readonly name: string;
    readonly nodeName: string;
    readonly nodeUID?: string;
    readonly certificates: readonly string[];
  },
): Promise<Rotation> {
  const kubectl = kubectlOf(bed);
  const { name, ...spec } = asked;
  const nodeUID = asked.nodeUID ?? (await kubectl.get('node', asked.nodeName))?.metadata.uid;
  const object = {
    apiVersion: 'certrotator.cpaas.io/v1alpha1',
    kind: 'CertificateRotation',
    metadata: { name },
    spec: { ...spec, nodeUID },
  };
  await kubectl.apply(object);
  const made = await kubectl.get<Rotation>('certificaterotation', name);
  if (made === undefined) throw new Error(`CertificateRotation ${name} is gone at once`);
  return made;
}

/** Waits until a rotation is in this phase. */
export async function phaseOf(bed: Bed, name: string, phase: string, seconds: number): Promise<Rotation> {
  return await waitFor(
    `CertificateRotation ${name} to be ${phase}`,
    async () => {
      const seen = await kubectlOf(bed).get<Rotation>('certificaterotation', name);
      if (seen?.status?.phase === phase) return seen;
      throw new Error(`it is ${seen?.status?.phase}: ${seen?.status?.message}`);
    },
    { seconds },
  );
}

/** Waits until no rotation of the plan is under way any more, and at least one has ended for each of the nodes. */
export async function allEnded(
  bed: Bed,
  nodes: readonly string[],
  seconds: number,
): Promise<readonly Rotation[]> {
  return await waitFor(
    `the rotations of ${nodes.join(', ')} to end`,
    async () => {
      const all = await rotations(bed);
      const active = all.filter(
        (r) => !terminal.has(r.status?.phase ?? '') && r.status?.phase !== 'Scheduled',
      );
      const missing = nodes.filter(
        (node) => !all.some((r) => r.spec.nodeName === node && terminal.has(r.status?.phase ?? '')),
      );
      if (active.length === 0 && missing.length === 0) return all;
      const waits = active.map((r) => `${r.metadata.name}: ${r.status?.phase} ${r.status?.message ?? ''}`);
      throw new Error([...waits, ...missing.map((node) => `nothing ended on ${node}`)].join('; '));
    },
    { seconds, every: 1000 },
  );
}

/** Per certificate old and new serial and the proof, per step the seconds: the record of a run. */
export function tellRotations(all: readonly Rotation[]): string {
  return all
    .toSorted((a, b) => (a.status?.startedAt ?? '').localeCompare(b.status?.startedAt ?? ''))
    .flatMap((rotation) => [
      `${rotation.metadata.name}: ${rotation.status?.phase} ${rotation.status?.reason ?? ''} — ${rotation.status?.message ?? ''}`,
      ...(rotation.status?.certificates ?? []).map(
        (c) =>
          `  ${c.id.padEnd(30)} ${c.oldSerial} → ${c.newSerial}  until ${c.newNotAfter}  ${c.proof ?? 'NOT PROVED'}`,
      ),
      ...(rotation.status?.steps ?? []).map(
        (s) =>
          `  step ${s.name.padEnd(34)} ${seconds(s.startedAt, s.finishedAt).padStart(7)}  ${s.result} ${s.message ?? ''}`,
      ),
    ])
    .join('\n');
}

function seconds(from?: string, to?: string): string {
  if (from === undefined || to === undefined) return '?';
  return `${((Date.parse(to) - Date.parse(from)) / 1000).toFixed(1)} s`;
}

/** The controller's and the agents' last words: what to read when a case has failed. */
export async function explain(bed: Bed): Promise<string> {
  const kubectl = kubectlOf(bed);
  const parts = await Promise.all([
    kubectl.try(['get', 'certrot', '-o', 'wide']),
    kubectl.try(['-n', privateNamespace, 'get', 'pods', '-o', 'wide']),
    kubectl.try(['-n', privateNamespace, 'logs', '-l', 'app=cluster-cert-rotator', '--tail=60', '--prefix']),
    kubectl.try(['get', 'events', '-A', '--sort-by=.lastTimestamp']),
  ]);
  return parts.map((part) => (part.stdout + part.stderr).slice(-6000)).join('\n----\n');
}

interface Lease extends KubeObject {
  readonly spec: { readonly holderIdentity?: string };
}

interface Pod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
}

/** The node whose Pod leads, by the Lease. */
export async function leader(bed: Bed): Promise<{ pod: string; node: string } | undefined> {
  const kubectl = kubectlOf(bed);
  const lease = await kubectl.get<Lease>('lease', 'cluster-cert-rotator', privateNamespace);
  const holder = lease?.spec.holderIdentity?.split('_')[0];
  if (holder === undefined || holder === '') return undefined;
  const pod = await kubectl.get<Pod>('pod', holder, privateNamespace);
  const node = pod?.spec.nodeName;
  return node === undefined ? undefined : { pod: holder, node };
}

/** SIGKILLs the process of the leading controller on its node. */
export async function killLeader(bed: Bed): Promise<void> {
  const found = await leader(bed);
  if (!found) throw new Error('nobody leads');
  // of the processes named node, the one in the leader's Pod: its hostname is the Pod's name
  const script = `for p in /proc/[0-9]*; do if tr '\\0' '\\n' < $p/environ 2>/dev/null | grep -qx 'HOSTNAME=${found.pod}'; then kill -9 \${p#/proc/} && exit 0; fi; done; exit 1`;
  const killed = await bed.tryExec(found.node, ['bash', '-c', script]);
  if (killed.code !== 0) throw new Error(`no process of ${found.pod} on ${found.node}: ${killed.stderr}`);
}
