// Reads the node into a picture. Writes nothing, takes no lock, asks no other machine.
import * as fs from 'node:fs';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Discovery } from '../../catalogue/discover.ts';
import { components, type CaId, type CaLocation, type Component, type Target } from '../../catalogue/ids.ts';
import { notesBeside } from '../../catalogue/missed.ts';
import { entryOf } from '../../catalogue/table.ts';
import { CertError, describeError } from '../../errors.ts';
import { manualLifetimes } from '../../policy/due.ts';
import { factsOf } from '../../rotation/facts.ts';
import {
  caRow,
  describeCertificate,
  rowContext,
  seenWhole,
  type Authorities,
  type InventoryRow,
  type RowContext,
} from '../../rotation/inventory.ts';
import { findJournal } from '../../rotation/journal.ts';
import type { RotationNode } from '../../rotation/types.ts';
import { readLocalCas } from '../local-ca.ts';
import { runtimeToolOf } from '../runtime-tool.ts';
import { ownCall } from '../own-call.ts';
import { discoverHere, missedRow, rowOrAbsent } from '../missed.ts';
import { findCopies, remoteMountsOf } from './copies.ts';
import { loopbackCertificate, useOf, type LiveFacts, type LiveNode } from './live.ts';
import type { CaKey, KeyFit, NodePicture, SeenCertificate, SeenRotation } from './picture.ts';

export interface CheckNode extends LiveNode {
  readonly remoteMounts: readonly string[];
}

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));

/** The machine on which this runs. */
export function checkNode(node: RotationNode): CheckNode {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address)),
  );
  return {
    ...node,
    isOwnAddress: (host) => isLoopback(host) || (isIP(host) !== 0 && own.has(host)),
    remoteMounts: remoteMountsOf(readMountinfo()),
  };
}

function readMountinfo(): string {
  try {
    return fs.readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    // Without /proc nothing is known of the mounts; a rescue system mounts what it was told to.
    return '';
  }
}

/** @throws CertError Aborted */
export async function gather(node: CheckNode, signal: AbortSignal): Promise<NodePicture> {
  const discovery = discoverHere(node);
  const seen = seenWhole(node.files);
  const context = rowContext(seen, discovery);
  const facts: LiveFacts = {
    ...factsOf(discovery),
    kubeletRenewsItself: discovery.kubelet.rotateCertificates,
  };
  const [targets, own] = await Promise.all([
    seeTargets(node, facts, { discovery, context }, signal),
    loopback(node, facts, signal),
  ]);
  const cas = discovery.cas.flatMap((ca) => seeCa(caRow(seen, ca)));
  const { copies, notes } = findCopies(node.files, {
    targets: discovery.targets,
    kubeletKubeconfig: facts.kubeletKubeconfig,
    authorities: context.authorities.kubernetes,
    remoteMounts: node.remoteMounts,
  });
  return {
    certificates: inOrder([...targets, ...seeMissed(discovery), ...own, ...cas]),
    authorities: context.authorities,
    caKeys: Object.fromEntries(discovery.cas.map((ca) => [ca.id, caKey(node, ca)])),
    copies,
    rotation: seeRotation(node),
    stopped: stoppedComponents(node, discovery),
    withoutManifest: withoutManifest(discovery),
    manifests: discovery.kubelet.staticPodPath,
    call: ownCall(),
    tool: runtimeToolOf(node.files),
    notes: [...notesBeside(discovery), ...notes],
  };
}

const rank = ({ row }: SeenCertificate): string => `${row.kind === 'ca' ? 1 : 0} ${row.id} ${row.path}`;

/** As the table of the inventory: authorities last. */
function inOrder(seen: readonly SeenCertificate[]): readonly SeenCertificate[] {
  return seen.toSorted((a, b) => (rank(a) < rank(b) ? -1 : Number(rank(a) > rank(b))));
}

async function seeTargets(
  node: CheckNode,
  facts: LiveFacts,
  { discovery, context }: { readonly discovery: Discovery; readonly context: RowContext },
  signal: AbortSignal,
): Promise<readonly SeenCertificate[]> {
  const seen = seenWhole(node.files);
  const all = discovery.targets.map(async (target): Promise<readonly SeenCertificate[]> => {
    const row = rowOrAbsent(seen, target, context);
    return row === undefined ? [] : [await seeTarget(node, facts, { target, row, context }, signal)];
  });
  return (await Promise.all(all)).flat();
}

async function seeTarget(
  node: CheckNode,
  facts: LiveFacts,
  {
    target,
    row,
    context,
  }: { readonly target: Target; readonly row: InventoryRow; readonly context: RowContext },
  signal: AbortSignal,
): Promise<SeenCertificate> {
  const { title, component, profile } = entryOf(target.id);
  const file = { serial: row.serial, notBefore: new Date(row.notBefore) };
  return {
    row,
    id: target.id,
    title,
    component,
    profile: manualLifetimes[profile],
    caNotAfter: row.ca === null ? undefined : endOf(context.authorities[row.ca], row.issuer),
    key: keyFit(row),
    use: row.serial === '' ? { kind: 'none' } : await useOf(node, facts, target, file, signal),
    remarks: [],
  };
}

/** A bundle may hold a CA before and after its own renewal: the later end counts. */
function endOf(authorities: Authorities[CaId], issuer: string): Date | undefined {
  const ends = authorities.filter(({ subject }) => subject.text === issuer).map(({ notAfter }) => notAfter);
  return ends.toSorted((a, b) => b.getTime() - a.getTime())[0];
}

function keyFit({ state, serial }: InventoryRow): KeyFit {
  if (state === 'KeyMismatch') return 'mismatch';
  if (state === 'KubeletManaged' || serial === '') return 'unknown';
  return state === 'Unreadable' ? 'unreadable' : 'fits';
}

/** What belongs here and was not found is a row, too. */
function seeMissed({ missed }: Discovery): readonly SeenCertificate[] {
  return missed.map((each) => {
    const { component, title } = entryOf(each.id);
    return { ...bare, row: missedRow(each), id: each.id, title, component };
  });
}

const bare = {
  profile: 0,
  caNotAfter: undefined,
  key: 'unknown',
  use: { kind: 'none' },
  remarks: [],
} as const;

async function loopback(
  node: CheckNode,
  facts: LiveFacts,
  signal: AbortSignal,
): Promise<readonly SeenCertificate[]> {
  const shown = await loopbackCertificate(node, facts, signal);
  if (shown === undefined) return [];
  const where = `${facts.apiserver?.host}:${facts.apiserver?.port}`;
  const head = { id: 'apiserver-loopback-client', path: where, kind: 'served', ca: null } as const;
  return [
    {
      ...bare,
      row: { ...head, ...describeCertificate(shown), state: 'Ok', reason: '' },
      id: undefined,
      title: 'kube-apiserver to itself',
      component: 'kube-apiserver',
      profile: shown.notAfter.getTime() - shown.notBefore.getTime(),
    },
  ];
}

function seeCa(row: InventoryRow | undefined): readonly SeenCertificate[] {
  if (row === undefined) return [];
  return [{ ...bare, row, id: undefined, title: 'certificate authority', component: 'none' }];
}

function caKey({ files, now }: CheckNode, { certPath, keyPath }: CaLocation): CaKey {
  try {
    if (files.stat(keyPath) === undefined) return { kind: 'absent', why: `${keyPath} is not on this node` };
    readLocalCas(files, certPath, keyPath, now());
    return { kind: 'here', certPath, keyPath };
  } catch (error) {
    if (error instanceof CertError) return { kind: 'unusable', why: describeError(error) };
    throw error;
  }
}

function seeRotation({ files, layout }: CheckNode): SeenRotation {
  try {
    const found = findJournal(files, layout);
    if (found.kind === 'none') return found;
    if (found.kind === 'unreadable')
      return { kind: 'unreadable', text: `${found.path} cannot be read: ${found.why}` };
    const { state, origin, createdAt } = found.journal;
    if (state !== 'applying') return { kind: 'none' };
    const whose = origin === 'cli' ? 'call of cert-renew' : 'rotation of the controller';
    return { kind: 'unfinished', text: `a ${whose} that began at ${createdAt} has not come to its end` };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { kind: 'unreadable', text: describeError(error) };
  }
}

const withoutManifest = ({ missed }: Discovery): readonly Component[] =>
  missed.flatMap(({ id, lack }) => (lack === 'no-manifest' ? [entryOf(id).component] : []));

/** Of what this node should run: the static Pods, also those whose manifest is missed, and the kubelet. */
function stoppedComponents(node: CheckNode, discovery: Discovery): readonly Component[] {
  const { manifests } = discovery.facts;
  const missed = withoutManifest(discovery);
  const wanted = components.filter(
    (each) => each === 'kubelet' || manifests[each] !== undefined || missed.includes(each),
  );
  return wanted.filter((each) => node.processes.find(each).length === 0);
}
