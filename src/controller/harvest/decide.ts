// When the CAs are captured, and on which control plane. Pure.
//
//          something is missing            both Pods ended
//   idle ───────────────────────▶ begin ─▶ wait ──────────▶ finish ─▶ idle, or another node, or later
//                                             └─ too long ─▶ discard ─▶ …
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { CaId } from '../../catalogue/ids.ts';
import { rfc3339 } from '../../pki/time.ts';
import type { Configuration } from '../configuration.ts';
import { addressesOf, isControlPlane, nameOf } from '../vault/nodes.ts';
import { hasEnded } from './messages.ts';

/** One capture under way; the key that belongs to it lives in the leader that began it. */
export interface Session {
  readonly nodeName: string;
  readonly nodeUID: string;
  readonly startedAt: Date;
  readonly harvestPodUID: string;
  readonly certificatesPodUID: string;
}

/** What this leader remembers of captures that did not succeed. */
export interface Memory {
  readonly failures: number;
  readonly lastFailure: Date | undefined;
  /** Node UID → tries there. */
  readonly tries: ReadonlyMap<string, number>;
  /** Node UIDs that do not have the key of a CA. */
  readonly withoutKey: ReadonlyMap<CaId, ReadonlySet<string>>;
}

export const noMemory: Memory = {
  failures: 0,
  lastFailure: undefined,
  tries: new Map(),
  withoutKey: new Map(),
};

export interface HarvestView {
  readonly now: Date;
  /** Which CAs must be captured, and why. */
  readonly missing: ReadonlyMap<CaId, string>;
  readonly nodes: readonly Node[];
  /** Pods of kinds harvest and ca-certificates. */
  readonly pods: readonly Pod[];
  readonly session: Session | undefined;
  readonly memory: Memory;
  /** Why no CA may be captured now, in words: mode observe touches nothing, and a pause begins nothing. */
  readonly held: string | undefined;
}

/** Why the configuration does not allow a capture. */
export function heldBy({ mode, paused }: Pick<Configuration, 'mode' | 'paused'>): string | undefined {
  if (mode === 'observe') return 'mode observe: no CA is captured';
  return paused ? 'paused: no CA is captured' : undefined;
}

export type HarvestStep =
  | { readonly do: 'nothing'; readonly why: string }
  | { readonly do: 'discard'; readonly pods: readonly Pod[]; readonly failed: boolean; readonly why: string }
  | { readonly do: 'begin'; readonly node: Node }
  | { readonly do: 'finish'; readonly node: Node; readonly harvest: Pod; readonly certificates: Pod };

/** A Pod that has not ended after this long will not: image missing, kubelet not taking Pods. */
export const patience = 5 * 60_000;
const firstBackoff = 60_000;
const mostBackoff = 3_600_000;

export function decideHarvest(view: HarvestView): HarvestStep {
  const { session, pods, missing, held } = view;
  // What is under way is given up too: its message would lie on the node while nobody may read it.
  if (held !== undefined && (session !== undefined || pods.some(isLiving))) {
    return { do: 'discard', pods, failed: false, why: held };
  }
  if (session !== undefined) return continueSession(view, session);
  // Sealed to a key that nobody has any more: of a leader before this one.
  const living = pods.filter(isLiving);
  if (living.length > 0) return { do: 'discard', pods: living, failed: false, why: 'left by another leader' };
  if (pods.length > 0) return { do: 'nothing', why: 'old capture Pods are going' };
  if (missing.size === 0) return { do: 'nothing', why: 'no CA is missing' };
  if (held !== undefined) return { do: 'nothing', why: held };
  return begin(view);
}

function isLiving({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp === undefined;
}

function continueSession({ now, nodes, pods }: HarvestView, session: Session): HarvestStep {
  const node = nodes.find(({ metadata }) => metadata?.uid === session.nodeUID);
  const byUID = (uid: string): Pod | undefined => pods.find(({ metadata }) => metadata?.uid === uid);
  const harvest = byUID(session.harvestPodUID);
  const certificates = byUID(session.certificatesPodUID);
  const age = now.getTime() - session.startedAt.getTime();
  const give = (why: string): HarvestStep => ({ do: 'discard', pods, failed: true, why });

  if (node === undefined) return give(`node ${session.nodeName} is gone`);
  if (harvest === undefined || certificates === undefined) {
    // A cache may be some moments behind what this leader has just created.
    if (age < 30_000) return { do: 'nothing', why: 'the Pods are not seen yet' };
    return give(`the capture Pods on node ${session.nodeName} are gone`);
  }
  if (hasEnded(harvest) && hasEnded(certificates)) return { do: 'finish', node, harvest, certificates };
  if (age < patience)
    return { do: 'nothing', why: `waiting for the capture Pods on node ${session.nodeName}` };
  return give(
    `the capture Pods on node ${session.nodeName} have not ended within ${patience / 60_000} minutes`,
  );
}

function begin({ now, nodes, memory, missing }: HarvestView): HarvestStep {
  const next = new Date((memory.lastFailure?.getTime() ?? 0) + backoff(memory));
  // A moment stays the same from pass to pass, and is logged once; seconds that are left would be another text each time.
  if (next > now) return { do: 'nothing', why: `the next capture is tried at ${rfc3339(next)}` };
  const ready = nodes.filter((node) => isControlPlane(node) && isReady(node));
  const useful = ready.filter((node) => {
    const uid = node.metadata?.uid ?? '';
    return [...missing.keys()].some((id) => memory.withoutKey.get(id)?.has(uid) !== true);
  });
  const tries = (node: Node): number => memory.tries.get(node.metadata?.uid ?? '') ?? 0;
  const [node] = useful.toSorted((a, b) => tries(a) - tries(b) || nameOf(a).localeCompare(nameOf(b)));
  if (node !== undefined) return { do: 'begin', node };
  const why = ready.length === 0 ? 'no control plane is Ready' : 'no control plane has the missing keys';
  return { do: 'nothing', why };
}

/** Milliseconds that must lie between a failure and the next try. */
export function backoff({ failures }: Memory): number {
  return failures === 0 ? 0 : Math.min(firstBackoff * 2 ** (failures - 1), mostBackoff);
}

/** A CA is external when every control plane was asked and none has its key. */
export function isExternal(id: CaId, nodes: readonly Node[], memory: Memory): boolean {
  const without = memory.withoutKey.get(id);
  const controlPlanes = nodes.filter(isControlPlane);
  return controlPlanes.length > 0 && controlPlanes.every(({ metadata }) => without?.has(metadata?.uid ?? ''));
}

function isReady(node: Node): boolean {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' && addressesOf(node).length > 0;
}
