// The judge of the world's difference: every file that matters on every node and every object of the API, before and
// after, against an explicit list of what may change.
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import type { Bed } from './bed.ts';
import { errorCode } from './command.ts';
import { changedFields } from './json.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';

/** Directories of every node whose whole content is compared. */
export const watchedDirectories = [
  '/etc/kubernetes',
  '/var/lib/kubelet',
  '/root/.kube',
  '/var/lib/cluster-cert-rotator',
  '/etc/systemd/system',
] as const;

export interface World {
  readonly at: Date;
  /** `n1:/etc/kubernetes/admin.conf` → `0600 0:0 file sha256…`, or `link → target` */
  readonly files: ReadonlyMap<string, string>;
  /** `api:configmaps/kube-system/kubeadm-config` → the object */
  readonly objects: ReadonlyMap<string, KubeObject>;
}

export interface Change {
  readonly what: string;
  readonly how: 'added' | 'removed' | 'changed';
  /** Of an object: paths of the fields that differ, `status.phase`. Of a file: what it was and is. */
  readonly details: readonly string[];
}

/** One line of the list of what may change. */
export interface Allowance {
  readonly what: RegExp;
  readonly how?: readonly Change['how'][];
  /** Every differing field must match; absent: any. */
  readonly fields?: RegExp;
  readonly why: string;
}

/** What changes on every cluster by itself, with nobody doing anything. */
export const clusterNoise: readonly Allowance[] = [
  { what: /^api:leases\.coordination\.k8s\.io\//, why: 'Leases are renewed every few seconds' },
  { what: /^api:events(\.events\.k8s\.io)?\//, why: 'Events come and go' },
  { what: /^api:nodes\//, how: ['changed'], fields: /^status(\.|$)/, why: 'the kubelet reports its status' },
  {
    what: /^api:pods\/kube-system\/(etcd|kube-[a-z-]+)-n\d$/,
    how: ['changed'],
    fields: /^status(\.|$)/,
    why: 'the kubelet reports the status of static Pods',
  },
  {
    what: /^[nw]\d+:\/var\/lib\/kubelet\/(pods|plugins|device-plugins|pod-resources|checkpoints)(\/|$)/,
    why: 'the kubelet’s directories of Pods and plugins',
  },
  {
    what: /^[nw]\d+:\/var\/lib\/kubelet\/((cpu|memory|dra)_manager_state|(actuated|allocated)_pods_state)$/,
    why: 'the kubelet writes down what its managers and Pods have been given',
  },
  {
    what: /^[nw]\d+:\/var\/lib\/kubelet\/\.\d+$/,
    why: 'it writes them beside their places first, and leaves such a file for good when it is restarted meanwhile',
  },
];

export async function readWorld(bed: Bed): Promise<World> {
  const files = new Map<string, string>();
  for (const node of bed.nodes) {
    for (const directory of watchedDirectories) {
      walk(bed.file(node, directory), `${node}:${directory}`, files);
    }
  }
  return { at: new Date(), files, objects: await readObjects(bed) };
}

function walk(path: string, name: string, files: Map<string, string>): void {
  let entries: readonly string[];
  try {
    const stat = lstatSync(path);
    entries = stat.isDirectory() ? readdirSync(path) : [];
    files.set(name, fact(path, stat));
  } catch (error) {
    // a directory that is not there, or what went while it was looked at
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  for (const entry of entries) walk(`${path}/${entry}`, `${name}/${entry}`, files);
}

function fact(path: string, stat: Stats): string {
  const owner = `${(stat.mode & 0o7777).toString(8).padStart(4, '0')} ${stat.uid}:${stat.gid}`;
  if (stat.isSymbolicLink()) return `link → ${readlinkSync(path)}`;
  if (stat.isDirectory()) return `${owner} directory`;
  if (!stat.isFile()) return `${owner} other`;
  return `${owner} file ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}

async function readObjects(bed: Bed): Promise<Map<string, KubeObject>> {
  const kubectl = kubectlOf(bed);
  const resources = readResources(
    await kubectl('api-resources', '--verbs=list', '--no-headers', '-o', 'wide'),
  );
  const objects = new Map<string, KubeObject>();
  for (const object of await kubectl.list([...resources.values()].join(','))) {
    const resource = resources.get(`${object.apiVersion} ${object.kind}`) ?? object.kind;
    objects.set(`api:${resource}/${object.metadata.namespace ?? '-'}/${object.metadata.name}`, object);
  }
  return objects;
}

/** `apps/v1 Deployment` → `deployments.apps`, from kubectl's table: NAME [SHORTNAMES] APIVERSION NAMESPACED KIND VERBS … */
function readResources(table: string): Map<string, string> {
  const resources = new Map<string, string>();
  for (const line of table.split('\n')) {
    const words = line.split(/\s+/);
    const namespaced = words.findIndex((word) => word === 'true' || word === 'false');
    const [version, kind, name] = [words[namespaced - 1], words[namespaced + 1], words[0]];
    if (version === undefined || kind === undefined || name === undefined || name === 'componentstatuses')
      continue;
    const group = version.includes('/') ? `.${version.split('/')[0]}` : '';
    resources.set(`${version} ${kind}`, name + group);
  }
  return resources;
}

/** What differs, sorted by name. */
export function difference(before: World, after: World): readonly Change[] {
  return [
    ...compare(before.files, after.files, (was, is) => (was === is ? [] : [`was ${was}`, `is ${is}`])),
    ...compare(before.objects, after.objects, (was, is) => changedFields(significant(was), significant(is))),
  ].toSorted((a, b) => (a.what < b.what ? -1 : 1));
}

/** An object without what the API server counts. */
function significant(object: KubeObject): unknown {
  const { managedFields: _, resourceVersion: __, generation: ___, ...metadata } = object.metadata;
  return { ...object, metadata };
}

function compare<T>(
  before: ReadonlyMap<string, T>,
  after: ReadonlyMap<string, T>,
  differs: (was: T, is: T) => readonly string[],
): Change[] {
  const changes: Change[] = [];
  for (const [what, was] of before) {
    const is = after.get(what);
    if (is === undefined) {
      changes.push({ what, how: 'removed', details: [] });
      continue;
    }
    const details = differs(was, is);
    if (details.length > 0) changes.push({ what, how: 'changed', details });
  }
  for (const what of after.keys()) {
    if (!before.has(what)) changes.push({ what, how: 'added', details: [] });
  }
  return changes;
}

/** The changes that no line of the list allows. An empty list is the judge's yes. */
export function unexpected(changes: readonly Change[], allowed: readonly Allowance[]): readonly Change[] {
  return changes.filter((change) => !allowed.some((line) => allows(line, change)));
}

function allows(line: Allowance, change: Change): boolean {
  if (!line.what.test(change.what)) return false;
  if (line.how && !line.how.includes(change.how)) return false;
  return line.fields === undefined || change.details.every((field) => line.fields?.test(field));
}

/** One line for each change, for a test's message. */
export function tell(changes: readonly Change[]): string {
  return changes.map((c) => `${c.how} ${c.what}${c.details.map((d) => `\n    ${d}`).join('')}`).join('\n');
}
