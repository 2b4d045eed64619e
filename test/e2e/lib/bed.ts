// A bed as the tests hold it: test/bed/bed.sh and the paths that it keeps to.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { kubernetesPrograms, kubernetesVersion } from '../../kubernetes.ts';
import { errorCode, outcome, run, type Outcome, type RunOptions } from './command.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const script = join(repository, 'test', 'bed', 'bed.sh');

export interface BedOptions {
  readonly controlPlanes?: number;
  readonly workers?: number;
  readonly kubernetes?: string;
  /** More of bed.sh's environment: LAYOUT_w1, ROTATE_CLIENT, APISERVER_ARGS, … */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ReissueOptions {
  /** May be a fraction, or below 0: expired. */
  readonly daysLeft?: number;
  /** Days; 365, for the kubelet's 91, when absent. */
  readonly lifetime?: number;
  readonly node?: string;
  readonly ids?: readonly string[];
  readonly restart?: boolean;
}

export interface Bed {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly controlPlanes: readonly string[];
  readonly kubeconfig: string;
  /** The directory in which the bed keeps its nodes' disks. */
  readonly state: string;
  /** The directory of the programs that belong to this Kubernetes: kubectl, etcdctl, … */
  readonly programs: string;
  /** Makes it; `fresh` even when it is there. */
  up(how?: { fresh?: boolean }): Promise<void>;
  down(): Promise<void>;
  save(name?: string): Promise<void>;
  restore(name?: string): Promise<void>;
  /** When a state was saved; undefined when there is none of that name. */
  savedAt(name: string): Date | undefined;
  reissue(options?: ReissueOptions): Promise<string>;
  load(node: string, ...archives: string[]): Promise<void>;
  kill(node: string): Promise<void>;
  boot(node: string): Promise<void>;
  /** Runs a command in a node that must exit 0; its standard output. */
  exec(node: string, ...command: string[]): Promise<string>;
  tryExec(node: string, command: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Over the disk of a killed node, read-only. */
  peek(node: string, ...command: string[]): Promise<string>;
  address(node: string): string;
  /** Where this machine sees a path of a running node. Follow no absolute link below it: it would lead out. */
  file(node: string, path: string): string;
  auditLogs(): readonly string[];
  /** All processes of all nodes, or of one, as this machine counts them. */
  processes(node?: string): readonly number[];
}

const names = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i + 1}`);

export function openBed(name: string, options: BedOptions = {}): Bed {
  const controlPlanes = names('n', options.controlPlanes ?? 1);
  const workers = names('w', options.workers ?? 1);
  const nodes = [...controlPlanes, ...workers];
  const kubernetes = options.kubernetes ?? kubernetesVersion;
  const state = join(process.env['BED_STATE'] ?? '/var/lib/cluster-cert-rotator-bed', name);
  const env = {
    ...options.env,
    BED: name,
    K8S: kubernetes,
    CONTROL_PLANES: String(controlPlanes.length),
    WORKERS: String(workers.length),
  };
  const call = async (...words: string[]) => await run(script, words, { env, timeout: 1_800_000 });
  const address = (node: string) =>
    `${network(state)}.${(node.startsWith('n') ? 10 : 20) + Number(node.slice(1))}`;
  return {
    name,
    nodes,
    controlPlanes,
    state,
    kubeconfig: join(repository, '.bed', name, 'admin.conf'),
    programs: kubernetesPrograms(kubernetes),
    up: async (how = {}) => void (await call('up', ...(how.fresh === true ? ['--fresh'] : []))),
    down: async () => void (await call('down')),
    save: async (as = 'base') => void (await call('save', as)),
    restore: async (from = 'base') => void (await call('restore', from)),
    savedAt: (as) => statSync(join(state, 'saved', as), { throwIfNoEntry: false })?.mtime,
    reissue: async (how = {}) => await call('reissue', ...reissueWords(how)),
    load: async (node, ...archives) => void (await call('load', node, ...archives)),
    kill: async (node) => void (await call('kill', node)),
    boot: async (node) => void (await call('boot', node)),
    exec: async (node, ...command) => await call('exec', node, ...command),
    tryExec: async (node, command, how = {}) =>
      await outcome(script, ['exec', node, ...command], { ...how, env: { ...how.env, ...env } }),
    peek: async (node, ...command) => await call('peek', node, ...command),
    address,
    file: (node, path) => `/proc/${readFileSync(join(state, node, 'pid'), 'utf8').trim()}/root${path}`,
    auditLogs: () => controlPlanes.map((node) => join(state, node, 'audit', 'audit.log')),
    processes: (only) =>
      (only === undefined ? nodes : [only]).flatMap((node) =>
        processesUnder(`/sys/fs/cgroup/pids/bed-${name}-${node}`),
      ),
  };
}

function reissueWords(how: ReissueOptions): string[] {
  return [
    ...(how.daysLeft === undefined ? [] : ['--days-left', String(how.daysLeft)]),
    ...(how.lifetime === undefined ? [] : ['--lifetime', String(how.lifetime)]),
    ...(how.node === undefined ? [] : ['--node', how.node]),
    ...(how.restart === false ? ['--no-restart'] : []),
    ...(how.ids ?? []),
  ];
}

/** The first three numbers of the bed's network, which it chose when it was made. */
function network(state: string): string {
  const found = /^NET=(\S+)$/m.exec(readFileSync(join(state, 'settings'), 'utf8'));
  if (!found?.[1]) throw new Error(`${state}/settings has no NET: the bed is not up`);
  return found[1];
}

/** The processes of a cgroup and of all below it. One that goes while we look has no processes. */
function processesUnder(cgroup: string): number[] {
  try {
    const own = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
    const below = readdirSync(cgroup, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return [...own, ...below.flatMap((entry) => processesUnder(join(cgroup, entry.name)))];
  } catch (error) {
    if (['ENOENT', 'ENODEV'].includes(errorCode(error))) return [];
    throw error;
  }
}
