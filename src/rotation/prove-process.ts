// Proof by processes: started after the files, and seeing their bytes through their own mounts. Single files are
// mounted into static Pods by inode (reliability.md 2.1, row 7): a process that was not started anew sees the old one.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import type { Component, Location } from '../catalogue/ids.ts';
import { flagsOf, hostPathOf, readManifest, type ManifestContainer } from '../formats/manifest.ts';
import type { BootMoment, ProcessInfo } from '../host/processes.ts';
import { readBundle } from '../formats/pem.ts';
import { isSignedByNodesCa } from './accept.ts';
import { sha256, toBytes } from './bytes.ts';
import type { JournalCertificate, JournalStage } from './journal.ts';
import { readLive } from './material.ts';
import type { NodeFacts, RotationNode } from './types.ts';

/** Starts are known to a hundredth of a second. */
const granularityMs = 20;
/** A component that ends again at once was never there. */
const minimumAgeMs = 3000;

/** What a process must be younger than. */
export interface Since {
  readonly at: Date;
  /** Decides where it is known: a clock that was set meanwhile says nothing of what came first. */
  readonly moment?: BootMoment;
}

/** Milliseconds that only go forward, as long as this process lives. */
export const ticks = (node: RotationNode): number =>
  node.processes.now()?.milliseconds ?? node.now().getTime();

/** For the old side: a process that lives and sees the old bytes, whenever it was started. */
export const aliveAtAll: Since = { at: new Date(0) };

/** When a stage's files came into their places. */
export function sinceOf(stage: JournalStage, side: 'new' | 'old', now: Date): Since {
  const [at, moment] =
    side === 'new' ? [stage.swappedAt, stage.swappedMoment] : [stage.restoredAt, stage.restoredMoment];
  return { at: new Date(at ?? now), ...(moment === undefined ? {} : { moment }) };
}

/** However young: whether a restart has been asked for already. */
export function startedSince(node: RotationNode, program: Component, since: Since): ProcessInfo[] {
  const now = node.processes.now();
  return node.processes.find(program).filter((each) => isAfter(each, since, now));
}

/** And has lived long enough to count as proof. */
export function startedAfter(node: RotationNode, program: Component, since: Since): ProcessInfo[] {
  const [now, clock] = [node.processes.now(), node.now().getTime()];
  return startedSince(node, program, since).filter(({ startedAt, startedMs }) => {
    const age = now === undefined ? clock - startedAt.getTime() : now.milliseconds - startedMs;
    return age >= minimumAgeMs;
  });
}

export function isAfter(
  { startedAt, startedMs }: ProcessInfo,
  { at, moment }: Since,
  now?: BootMoment,
): boolean {
  if (moment === undefined || now === undefined) return startedAt.getTime() >= at.getTime() - granularityMs;
  // What runs in a later boot was started in it.
  return now.bootId !== moment.bootId || startedMs >= moment.milliseconds - granularityMs;
}

export function certificateFiles(location: Location): string[] {
  return location.form === 'pair' ? [location.keyPath, location.certPath] : [location.path];
}

/**
 * Those of some processes of one name that are proved to have a location's files as they lie on the disk: each that the
 * manifest describes must see their very bytes, where it mounts them. One of the same name that somebody else runs is
 * asked only when none is like the manifest (a wrapper may change the command line).
 *
 * @throws CertError Io without CAP_SYS_PTRACE
 */
export function processesThatSee(
  node: RotationNode,
  processes: readonly ProcessInfo[],
  { location, manifest }: { readonly location: Location; readonly manifest: string | undefined },
): readonly ProcessInfo[] {
  const containers = containersOf(node, manifest);
  const described = describedBy(containers, processes);
  const sees = (process: ProcessInfo): boolean =>
    certificateFiles(location).every((path) => {
      const container = containers.find((each) => isDescribedBy(process, each)) ?? containers[0];
      const inside = container === undefined ? path : containerPath(container, path);
      return seesBytes(node, process, inside, sha256(node.files.read(node.files.realpath(path))));
    });
  if (described.length > 0) return described.every(sees) ? described : [];
  return processes.filter(sees);
}

/**
 * What surely is a component of this node, and may be ended: its manifest describes it, and where the manifest mounts one of
 * these certificates it sees one that this node's CA signed. A cluster in a container has the same flags.
 */
export function ownProcesses(
  node: RotationNode,
  program: Component,
  facts: NodeFacts,
  certificates: readonly JournalCertificate[],
): readonly ProcessInfo[] {
  const containers = containersOf(node, facts.manifests[program]);
  return node.processes.find(program).filter((process) => {
    const container = containers.find((each) => isDescribedBy(process, each));
    if (container === undefined) return false;
    return certificates.some((certificate) => seesOwn(node, process, container, { certificate, facts }));
  });
}

/** False, too, when the process may not be asked. */
function seesOwn(
  node: RotationNode,
  { pid }: ProcessInfo,
  container: ManifestContainer,
  of: { readonly certificate: JournalCertificate; readonly facts: NodeFacts },
): boolean {
  const { id, location } = of.certificate;
  const files = {
    realpath: (path: string) => path,
    read: (path: string) => node.processes.readFile(pid, containerPath(container, path)),
  };
  try {
    const { certificate } = readBundle(toBytes(readLive(files, location).certificate));
    return (
      id !== undefined && certificate !== undefined && isSignedByNodesCa(node, of.facts, id, certificate)
    );
  } catch (error) {
    if (error instanceof CertError) return false;
    throw error;
  }
}

/** For looking: the processes that a component's manifest describes, or all of its name when it describes none. */
export function processesOf(
  node: RotationNode,
  program: Component,
  manifest: string | undefined,
): readonly ProcessInfo[] {
  const all = node.processes.find(program);
  const described = describedBy(containersOf(node, manifest), all);
  return described.length > 0 ? described : all;
}

function describedBy(
  containers: readonly ManifestContainer[],
  processes: readonly ProcessInfo[],
): readonly ProcessInfo[] {
  return processes.filter((each) => containers.some((one) => isDescribedBy(each, one)));
}

function seesBytes(node: RotationNode, { pid }: ProcessInfo, path: string, hash: string): boolean {
  try {
    return sha256(node.processes.readFile(pid, path)) === hash;
  } catch (error) {
    if (error instanceof CertError && error.code === 'NotFound') return false;
    throw error;
  }
}

/** None when the manifest cannot be read: then kubeadm's mounts hold, which have the node's own names. */
function containersOf({ files }: RotationNode, manifest: string | undefined): readonly ManifestContainer[] {
  if (manifest === undefined) return [];
  try {
    const text = Buffer.from(files.read(files.realpath(manifest))).toString('utf8');
    return readManifest(text, manifest).containers;
  } catch (error) {
    if (error instanceof CertError) return [];
    throw error;
  }
}

/** Has all flags of the container; variables are filled in by the kubelet and say nothing here. */
function isDescribedBy({ commandLine }: ProcessInfo, { flags }: ManifestContainer): boolean {
  const own = flagsOf(commandLine);
  const has = ([name, value]: readonly [string, string]): boolean =>
    value.includes('$(') || own.get(name) === value;
  return flags.size > 0 && [...flags].every(has);
}

/** Where the container sees a file of the node; its own name when no mount shows it. */
function containerPath(container: ManifestContainer, path: string): string {
  for (const { mountPath, hostPath } of container.mounts) {
    const under = hostPath === '/' ? '/' : `${hostPath}/`;
    if (path !== hostPath && !path.startsWith(under)) continue;
    const inside = posix.join(mountPath, path.slice(hostPath.length));
    // A deeper mount may hide it there.
    if (hostPathOf(container, inside) === path) return inside;
  }
  return path;
}
