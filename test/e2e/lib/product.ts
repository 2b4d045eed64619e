// The product as an operator has it: installed by `make deploy`, seen by kubectl. Nothing of src/ is used here.
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { run, waitFor, withFile } from './command.ts';
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
    readonly dueAt?: string;
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
  await withFile('values.json', JSON.stringify({ config: configuration }), async (values) => {
    await run('make', ['-s', 'deploy', `KUBECONFIG=${bed.kubeconfig}`, `HELM_ARGS=-f ${values}`], {
      cwd: repository,
    });
  });
}

export async function rotations(bed: Bed): Promise<readonly Rotation[]> {
  return await kubectlOf(bed).list<Rotation>('certificaterotations');
}

/** Waits until a rotation of the node has ended otherwise than by giving way to another; the last such one. */
export async function ended(bed: Bed, node: string, seconds: number): Promise<Rotation> {
  return await waitFor(
    `a rotation of ${node} to end`,
    async () => {
      const own = (await rotations(bed)).filter(({ spec }) => spec.nodeName === node);
      const done = own.filter(
        ({ status }) => terminal.has(status?.phase ?? '') && status?.phase !== 'Superseded',
      );
      const last = done.toSorted((a, b) => finish(a).localeCompare(finish(b))).at(-1);
      if (last !== undefined) return last;
      throw new Error(
        own.map((r) => `${r.metadata.name}: ${r.status?.phase} ${r.status?.message}`).join('; '),
      );
    },
    { seconds, every: 1000 },
  );
}

const finish = ({ status }: Rotation) => status?.finishedAt ?? '';

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

export interface Inventory {
  readonly collectedAt: string;
  readonly clock: string;
  readonly certificates: readonly { readonly id: string; readonly state: string; readonly serial: string }[];
  readonly notes?: readonly string[];
}

/** What ConfigMap node-local-certs-<node> says, from objects by the names of world.ts. */
export function inventoryOf(objects: ReadonlyMap<string, KubeObject>, node: string): Inventory {
  const found = objects.get(`api:configmaps/${publicNamespace}/node-local-certs-${node}`);
  return readInventory(found);
}

function readInventory(configMap: KubeObject | undefined): Inventory {
  const data = configMap?.['data'];
  const text = typeof data === 'object' && data !== null ? Reflect.get(data, 'certificates.json') : undefined;
  if (typeof text !== 'string') throw new Error('there is no inventory');
  const inventory: Inventory = JSON.parse(text);
  return inventory;
}

/** Waits until every node has been read after a moment. */
export async function scannedAfter(bed: Bed, moment: Date, seconds: number): Promise<void> {
  const kubectl = kubectlOf(bed);
  await waitFor(
    'every node to be read again',
    async () => {
      for (const node of bed.nodes) {
        const found = await kubectl.get('configmap', `node-local-certs-${node}`, publicNamespace);
        const { collectedAt } = readInventory(found);
        if (Date.parse(collectedAt) <= moment.getTime())
          throw new Error(`${node} was read at ${collectedAt}`);
      }
      return true;
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
  readonly spec: { readonly holderIdentity?: string; readonly renewTime?: string };
}

interface Pod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
}

/** Waits until the open rotation of a node is in a phase. */
export async function inPhase(bed: Bed, node: string, phase: string, seconds: number): Promise<Rotation> {
  return await waitFor(
    `the rotation of ${node} to be ${phase}`,
    async () => {
      const own = (await rotations(bed)).filter(({ spec }) => spec.nodeName === node);
      const found = own.find(({ status }) => status?.phase === phase);
      if (found !== undefined) return found;
      throw new Error(
        own.map((r) => `${r.metadata.name}: ${r.status?.phase} ${r.status?.message}`).join('; '),
      );
    },
    { seconds, every: 200 },
  );
}

export async function approve(bed: Bed, { metadata }: Rotation): Promise<void> {
  await kubectlOf(bed)('annotate', 'certrot', metadata.name, 'certrotator.cpaas.io/approved=true');
}

async function lease(bed: Bed): Promise<Lease['spec']> {
  const found = await kubectlOf(bed).get<Lease>('lease', 'cluster-cert-rotator', privateNamespace);
  return found?.spec ?? {};
}

export interface Leader {
  readonly pod: string;
  readonly node: string;
  /** containerd's ID. */
  readonly container: string;
}

/**
 * Whom the Lease names, and where it runs. The container is asked of containerd: what the API says of it is old while
 * its kubelet is stopped, and for a moment after each restart.
 */
export async function leader(bed: Bed): Promise<Leader | undefined> {
  const { holderIdentity = '' } = await lease(bed);
  if (holderIdentity === '') return undefined;
  const pod = await kubectlOf(bed).get<Pod>('pod', holderIdentity, privateNamespace);
  const node = pod?.spec.nodeName;
  if (node === undefined) return undefined;
  const labels = `labels."io.kubernetes.pod.name"==${holderIdentity},labels."io.kubernetes.container.name"==controller`;
  const known = await bed.exec(node, 'ctr', '-n', 'k8s.io', 'containers', 'ls', '-q', labels);
  const running = await bed.exec(node, 'ctr', '-n', 'k8s.io', 'tasks', 'ls');
  const container = known
    .split('\n')
    .find((id) => id !== '' && new RegExp(`^${id} .*RUNNING`, 'm').test(running));
  return container === undefined ? undefined : { pod: holderIdentity, node, container };
}

/** SIGKILLs the leading controller on its node; when it was dead. */
export async function killLeader(bed: Bed): Promise<Date> {
  // the one that was killed before may still be named
  const found = await waitFor('a leader that lives', async () => leader(bed), { seconds: 60 });
  await bed.exec(found.node, 'ctr', '-n', 'k8s.io', 'tasks', 'kill', '-s', 'SIGKILL', found.container);
  return new Date();
}

/** Waits until somebody leads since that moment: another Pod, or the same one started anew by its kubelet. */
export async function newLeaderAfter(bed: Bed, moment: Date, seconds: number): Promise<void> {
  await waitFor(
    'a leader',
    async () => Date.parse((await lease(bed)).renewTime ?? '') > moment.getTime() || undefined,
    { seconds },
  );
}

/** Kills the leader while the rotation of a node is in a phase, and waits for the next one. */
export async function killLeaderIn(bed: Bed, node: string, phase: string): Promise<void> {
  await inPhase(bed, node, phase, 240);
  await newLeaderAfter(bed, await killLeader(bed), 90);
}
