// Which nodes are read now, by a scan Pod each, and what becomes of those that were made (S2, R7, R18).
//
//   none ──due──▶ Pod ──says a result──────────▶ ConfigMap written, Pod deleted
//                  ├──does not fit─────────────▶ next Pod with more containers
//                  ├──a path is not there──────▶ next Pod without it
//                  └──error, or never starts───▶ after the backoff the next Pod, and the node is named
//
// What a node's next Pod must know (containers, paths, attempts) stands on its last one, which is deleted only when the
// next is there: nothing is remembered outside the API.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { checkers, decodeMessages } from '../../agent/message.ts';
import { printable } from '../../formats/text.ts';
import { restartNotes } from '../../catalogue/restart-notes.ts';
import type { ScanResult } from '../../agent/protocol.ts';
import { apiGroup } from '../../kube/types.ts';
import { onceFor } from '../../once.ts';
import type { Reason } from '../../policy/reasons.ts';
import { inventoryName, inventoryOf } from '../inventory-store.ts';
import { labels, shortHash, shortName } from '../labels.ts';
import type { Action, Inventory, NewEvent } from '../world.ts';
import type { PodBuilders } from './builders.ts';
import { leftOut } from './candidates.ts';
import { leftOutNext, missingPaths, mountedPaths, noteOfMissing } from './host-paths.ts';
import { isolated } from './isolate.ts';
import {
  ageOf,
  finishedAt,
  hasStarted,
  isFinished,
  isTerminating,
  messagesOf,
  stuckAfter,
  waitingReason,
} from './pod-state.ts';
import { label, type NodeView, type View } from './view.ts';

/** Below this many nodes all are read at once. */
const jitterFrom = 50;

/** A control plane of which something was not seen is read again after so long. */
const halfSeenFor = 600_000;

/** Far more than any node has, far less than a ConfigMap may hold (1 MiB). */
const longestResult = 256 * 1024;
/** A result that could not be written for so long is read anew. */
const writtenWithin = 60_000;

/** What a scan Pod says about itself and its predecessors, on its annotations. */
interface Trial {
  /** Counts the Pods of one node up: each has a name of its own. */
  readonly generation: number;
  /** Failures before this one. */
  readonly failures: number;
  readonly without: readonly string[];
  readonly parts: number;
}

const annotation = {
  generation: `${apiGroup}/generation`,
  failures: `${apiGroup}/failures`,
  without: `${apiGroup}/without`,
} as const;

export function decideInventory(view: View, build: PodBuilders): Action[] {
  const actions: Action[] = [];
  for (const node of view.hasPods('scan') ? view.nodes : []) {
    const pods = view.podsOf('scan', node.uid);
    if (pods.length > 0) actions.push(...isolated(node, () => continueScan(view, node, pods, build)));
  }
  let places =
    view.world.configuration.parallelScans -
    view.world.pods.filter((pod) => isOccupying(pod, view.world.now)).length;
  for (const node of view.nodes) {
    if (places <= 0) break;
    if (view.podsOf('scan', node.uid).length > 0 || !isScanDue(view, node)) continue;
    actions.push(...isolated(node, () => [firstScan(view, node, build)]));
    actions.push(...tellStrange(view, node));
    places -= 1;
  }
  return actions;
}

function firstScan(view: View, node: NodeView, build: PodBuilders): Action {
  const without = leftOutNext(node.inventory, view.world.now);
  return create(view, node, { generation: 0, failures: 0, without, parts: 1 }, build);
}

/** What somebody wrote in the place of our inventory is not believed, and is gone with the next scan: who wonders is told. */
function tellStrange({ world }: View, node: NodeView): Action[] {
  const name = inventoryName(node.name);
  if (world.strangeInventories?.has(name) !== true) return [];
  const message =
    `ConfigMap ${name} is not as the controller wrote it: it is not believed, the node is read again and the ` +
    'ConfigMap written anew';
  return [{ type: 'event', event: aboutNode(node, 'InventoryChanged', message) }];
}

function isOccupying(pod: Pod, now: Date): boolean {
  return (
    label(pod, labels.kind) === 'scan' &&
    !isFinished(pod) &&
    !isTerminating(pod) &&
    ageOf(pod, now) < stuckAfter
  );
}

function isScanDue(view: View, node: NodeView): boolean {
  const { now, configuration, nodes } = view.world;
  if (node.active.length > 0) return false; // files change under it; it is read when that has ended
  if (node.scannedAt === undefined || node.isOutdated || wasStaged(view, node)) return true;
  const age = now.getTime() - node.scannedAt;
  if (node.isHalfSeen && age > halfSeenFor) return true;
  if (age <= configuration.scanInterval) return age < 0;
  const jitter = nodes.length < jitterFrom ? 0 : configuration.scanJitter * shareOf(node);
  return age > configuration.scanInterval + jitter;
}

/** The tool was laid down after the last scan: the next one says so, and then the Pod that did it may go. */
function wasStaged(view: View, node: NodeView): boolean {
  const { now } = view.world;
  return view
    .podsOf('stage', node.uid)
    .some((pod) => isFinished(pod) && ageOf(pod, now) >= 0 && !isScannedSince(node, pod));
}

/** Whether the node has been read since this Pod was made; the API tells that moment by the second. */
export function isScannedSince({ scannedAt }: NodeView, pod: Pod): boolean {
  const created = Date.parse(pod.metadata?.creationTimestamp ?? '');
  return scannedAt !== undefined && scannedAt >= created + 1000;
}

/** 0 to 1, always the same for one node. Hashing for thousands of nodes whose scan is near would be most of a pass. */
const shareOf = onceFor(
  (node: NodeView): number => Number.parseInt(shortHash(node.uid).slice(0, 8), 16) / 0x1_0000_0000,
);

function continueScan(view: View, node: NodeView, pods: readonly Pod[], build: PodBuilders): Action[] {
  const living = pods
    .filter((pod) => !isTerminating(pod))
    .toSorted((a, b) => trialOf(a).generation - trialOf(b).generation);
  const newest = living.at(-1);
  if (newest === undefined) return [];
  // What it read may already be otherwise; after the rotation it is read anew.
  if (node.active.length > 0) return living.map(remove);
  return [...living.slice(0, -1).map(remove), ...judge(view, node, newest, build)];
}

function judge(view: View, node: NodeView, pod: Pod, build: PodBuilders): Action[] {
  const trial = trialOf(pod);
  const again = (change: Partial<Trial>) =>
    create(view, node, { ...trial, ...change, generation: trial.generation + 1 }, build);
  if (isFinished(pod)) {
    const answer = decodeMessages(messagesOf(pod), checkers.scan);
    // Changed while the scan was under way: what is about to be written hides it.
    if (answer.kind === 'value')
      return [...tellStrange(view, node), ...keep(view, node, pod, answer.value, again)];
    if (answer.kind === 'overflow' && answer.parts > trial.parts) return [again({ parts: answer.parts })];
    const message = answer.kind === 'error' ? answer.error.message : 'the result does not fit';
    return retry(view, node, pod, message, again);
  }
  const missing = missingPaths(pod, view.world.podProblems.get(pod.metadata?.uid ?? '') ?? []);
  const mounted = missing.filter((path) => !trial.without.includes(path) && mountedPaths(pod).includes(path));
  if (mounted.length > 0) return [again({ without: [...trial.without, ...mounted].toSorted() })];
  if (ageOf(pod, view.world.now) <= stuckAfter) return [];
  const why = hasStarted(pod) ? 'its scan does not end' : `no Pod starts there: ${waitingReason(pod)}`;
  return retry(view, node, pod, why, again);
}

/** The Pod holds its result until the ConfigMap does. What the API server does not take is read anew, ever more rarely. */
function keep(
  view: View,
  node: NodeView,
  pod: Pod,
  result: ScanResult,
  again: (change: Partial<Trial>) => Action,
): Action[] {
  if (isWritten(node, pod, result, view.world.now)) return [remove(pod)];
  if (JSON.stringify(result).length > longestResult) {
    return retry(view, node, pod, `what it says is longer than ${longestResult} characters`, again);
  }
  const ended = finishedAt(pod)?.getTime() ?? view.world.now.getTime();
  if (view.world.now.getTime() - ended <= writtenWithin) return write(view, node, pod, result);
  return retry(view, node, pod, 'the API server does not take its ConfigMap', again);
}

function isWritten({ inventory }: NodeView, pod: Pod, { clock }: ScanResult, now: Date): boolean {
  if (inventory?.clock !== clock) return false;
  const created = Date.parse(pod.metadata?.creationTimestamp ?? '');
  // By an API server whose clock is ahead of ours it is made later than now, and all that is written would be from before it.
  return created > now.getTime() || Date.parse(inventory.collectedAt) >= created;
}

function retry(
  view: View,
  node: NodeView,
  pod: Pod,
  message: string,
  again: (change: Partial<Trial>) => Action,
): Action[] {
  const { now, configuration } = view.world;
  const { failures } = trialOf(pod);
  const pause = Math.min(
    configuration.backoff.first * 2 ** Math.min(failures, 30),
    configuration.backoff.most,
  );
  const since = isFinished(pod)
    ? (finishedAt(pod)?.getTime() ?? now.getTime() - ageOf(pod, now))
    : now.getTime() - ageOf(pod, now) + stuckAfter;
  if (now.getTime() < since + pause) return [];
  return [again({ failures: failures + 1 }), nameNode(node, message)];
}

function nameNode(node: NodeView, message: string): Action {
  const text = `the certificates of ${node.name} could not be read; it is tried again: ${printable(message)}`;
  return { type: 'event', event: aboutNode(node, 'ScanFailed', text) };
}

function aboutNode({ name, uid }: NodeView, reason: Reason, message: string): NewEvent {
  return { about: { kind: 'Node', name, uid }, type: 'Warning', reason, message };
}

function write(view: View, node: NodeView, pod: Pod, found: ScanResult): Action[] {
  const { now } = view.world;
  const notes = [...found.notes, ...trialOf(pod).without.map(noteOfMissing)];
  const result = { ...found, notes: [...new Set(notes)].toSorted() };
  const at = collectedAt(pod, result, now).toISOString();
  return [
    { type: 'write-inventory', node: node.node, result, collectedAt: at },
    ...tellRestartCost(node, notes),
    ...tellLeftOut(view, node, inventoryOf(node, result, at)),
  ];
}

/** Once, when it has become so: after that the ConfigMap says it (R22). */
function tellRestartCost({ name, uid, inventory }: NodeView, notes: readonly string[]): Action[] {
  const about = { kind: 'Node', name, uid } as const;
  const known = inventory?.notes ?? [];
  return Object.values(restartNotes)
    .filter((note) => notes.includes(note) && !known.includes(note))
    .map((message) => ({
      type: 'event',
      event: { about, type: 'Normal', reason: 'RequestsMayFail', message },
    }));
}

/** What is due and will not be renewed is said with every scan: no rotation names it. */
function tellLeftOut({ world }: View, { name, uid, role }: NodeView, inventory: Inventory): Action[] {
  const message = leftOut({ inventory, role }, world, world.now);
  if (message === undefined) return [];
  const about = { kind: 'Node', name, uid } as const;
  return [{ type: 'event', event: { about, type: 'Warning', reason: 'CaUnavailable', message } }];
}

/** The scan ran between the making of its Pod and now; the moment in between nearest to what the node's clock says. */
function collectedAt(pod: Pod, { clock }: ScanResult, now: Date): Date {
  const earliest = now.getTime() - ageOf(pod, now);
  return new Date(Math.min(Math.max(Date.parse(clock), earliest), now.getTime()));
}

function create(view: View, node: NodeView, trial: Trial, build: PodBuilders): Action {
  const { parts, without } = trial;
  const pod = build.scan(node.node, view.world.configuration, { parts, without });
  const name = pod.metadata?.name;
  const numbered =
    trial.generation === 0 || name === undefined ? name : `${shortName(name, 58)}-${trial.generation}`;
  return {
    type: 'create-pod',
    pod: {
      ...pod,
      metadata: {
        ...pod.metadata,
        ...(numbered === undefined ? {} : { name: numbered }),
        annotations: {
          ...pod.metadata?.annotations,
          [annotation.generation]: String(trial.generation),
          [annotation.failures]: String(trial.failures),
          ...(without.length === 0 ? {} : { [annotation.without]: without.join(',') }),
        },
      },
    },
  };
}

function trialOf(pod: Pod): Trial {
  const given = pod.metadata?.annotations ?? {};
  const count = (name: string) => Number.parseInt(given[name] ?? '0', 10) || 0;
  return {
    generation: count(annotation.generation),
    failures: count(annotation.failures),
    without: (given[annotation.without] ?? '').split(',').filter((path) => path !== ''),
    parts: Math.max(1, pod.spec?.containers.length ?? 1),
  };
}

/** Deletes by name and UID; at once when no container of it ever ran. */
export function remove(pod: Pod): Action {
  const { name = '', uid = '' } = pod.metadata ?? {};
  return { type: 'delete-pod', name, uid, ...(hasStarted(pod) ? {} : { force: true }) };
}
