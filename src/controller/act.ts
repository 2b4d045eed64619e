// Carries Actions out, one after another. Each may be repeated without harm: what exists is not created again, what
// is gone is not deleted again, and what somebody else changed meanwhile is left to the next pass, which sees it.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { CertError } from '../errors.ts';
import { refOf, type KubeClient, type Written } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import { privateNamespace, type CertificateRotation, type RotationStatus } from '../kube/types.ts';
import type { EventRecorder } from './events.ts';
import type { Caches } from './gather.ts';
import { inventoryConfigMap, inventoryName, readInventory } from './inventory-store.ts';
import { labels } from './labels.ts';
import type { Logger } from '../log.ts';
import type { Pace } from './pace.ts';
import type { Action, NewEvent } from './world.ts';

export interface ActOptions {
  /** Fenced (kube/fence.ts): writes only while we lead. */
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly publicNamespace: string;
  readonly pace: Pace;
  /** Told after every action: thousands of them are one pass, and no sign of being stuck. */
  readonly onProgress?: () => void;
}

/** What became of an action. `later`: somebody else was faster; the next pass decides anew. */
type Outcome = 'done' | 'later';

/** So many calls in a row without an answer mean that the API server is away; fewer, that one kind of call fails. */
const patience = 3;

/**
 * Carries out what may be carried out, and gives how many are left for want of room, or behind those (pace.ts). A refusal is logged, told by
 * an Event, and does not hold up the rest.
 * Errors: Unreachable (the first; what could be done was done), Aborted (no longer leading).
 */
export async function act(actions: readonly Action[], options: ActOptions): Promise<number> {
  const actor = new Actor(options);
  const mayBegin = options.pace.pass();
  let first: CertError | undefined;
  let [inARow, left] = [0, 0];
  for (const action of actions) {
    if (!mayBegin(action)) {
      left += 1;
      continue;
    }
    const failure = await actor.carryOut(action);
    options.onProgress?.();
    inARow = failure === undefined ? 0 : inARow + 1;
    first ??= failure;
    if (inARow >= patience) break;
  }
  if (first !== undefined) throw first;
  return left;
}

class Actor {
  readonly #options: ActOptions;

  constructor(options: ActOptions) {
    this.#options = options;
  }

  /** Gives the error when there was no answer. */
  async carryOut(action: Action): Promise<CertError | undefined> {
    const { log } = this.#options;
    try {
      const outcome = await this.#do(action);
      log.info({ action: describeAction(action), outcome }, 'action');
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      if (error.code === 'Unreachable') return error;
      if (error.code !== 'Denied') throw error;
      log.error({ action: describeAction(action), err: error }, 'the API server refuses');
      await this.#tellRefusal(action, error);
    }
    return undefined;
  }

  async #do(action: Action): Promise<Outcome> {
    switch (action.type) {
      case 'create-pod':
        return this.#createPod(action.pod);
      case 'delete-pod':
        return this.#deletePod(action);
      case 'write-inventory':
        return this.#writeInventory(action);
      case 'create-rotation':
        return this.#createRotation(action.rotation, { phase: action.phase });
      case 'patch-rotation-status':
        return this.#patchStatus(action.rotation, action.status);
      case 'delete-rotation':
        return this.#deleteRotation(action.rotation);
      case 'event':
      default:
        await this.#options.events.record(action.event, new Date());
        return 'done';
    }
  }

  async #createPod(pod: Pod): Promise<Outcome> {
    const { client, caches } = this.#options;
    const written = await client.create(resources.pods, pod);
    if (!written.ok) return 'later';
    caches.pods.noteWritten(written.object);
    return 'done';
  }

  async #deletePod(action: Extract<Action, { type: 'delete-pod' }>): Promise<Outcome> {
    const { client, caches } = this.#options;
    const ref = { name: action.name, namespace: privateNamespace };
    const written = await client.delete(resources.pods, ref, {
      uid: action.uid,
      ...(action.force === true ? { gracePeriodSeconds: 0 } : {}),
    });
    const gone = { metadata: { ...ref, uid: action.uid } };
    // A conflict means that another Pod has the name: this one is gone.
    if (!written.ok || written.object === undefined || action.force === true) caches.pods.noteDeleted(gone);
    else caches.pods.noteWritten(written.object);
    return 'done';
  }

  async #writeInventory(action: Extract<Action, { type: 'write-inventory' }>): Promise<Outcome> {
    const { client, caches, publicNamespace: namespace } = this.#options;
    const name = inventoryName(action.node.metadata?.name ?? '');
    const known = caches.inventories.get(`${namespace}/${name}`);
    const write = { ...action, namespace };
    let written =
      known === undefined
        ? await client.create(resources.configMaps, inventoryConfigMap({ ...write, existing: undefined }))
        : await client.replace(resources.configMaps, inventoryConfigMap({ ...write, existing: known }));
    if (!written.ok) {
      // Someone took its label away, so that our watch does not see it, or changed it just now.
      const existing = await client.get(resources.configMaps, { name, namespace });
      // What was edited just now is told first, and written over by the pass that sees it.
      if (known !== undefined && existing !== undefined && readInventory(existing) === undefined)
        return 'later';
      const map = inventoryConfigMap({ ...write, existing });
      written = await (existing === undefined
        ? client.create(resources.configMaps, map)
        : client.replace(resources.configMaps, map));
    }
    if (!written.ok) return 'later';
    caches.inventories.noteWritten(written.object);
    return 'done';
  }

  async #createRotation(rotation: CertificateRotation, status: RotationStatus): Promise<Outcome> {
    const { client, caches } = this.#options;
    const created = await client.create(resources.certificateRotations, rotation);
    // The API server drops the status of what is created; a leader that died between both writes is mended here.
    const object = created.ok
      ? created.object
      : await client.get(resources.certificateRotations, { name: rotation.metadata.name });
    if (object === undefined) return 'later';
    caches.rotations.noteWritten(object);
    if (object.status?.phase !== undefined) return 'later';
    return this.#patchStatus(object, { ...rotation.status, ...status });
  }

  async #patchStatus(rotation: CertificateRotation, status: RotationStatus): Promise<Outcome> {
    const patch = statusPatch(rotation.status ?? {}, status);
    if (patch === undefined) return 'done';
    try {
      return await this.#writeStatus(rotation, patch);
    } catch (error) {
      if (!(error instanceof CertError) || error.code !== 'Denied') throw error;
      // Something in it is not to the API server's liking. That it ended, and why, must be written all the same:
      // otherwise every pass would try the same again, and the rotation would never end.
      const least = statusPatch(rotation.status ?? {}, leastOf(status));
      if (least === undefined) throw error;
      this.#options.log.error({ rotation: rotation.metadata.name, err: error }, 'a status is refused');
      return await this.#writeStatus(rotation, least);
    }
  }

  async #writeStatus(rotation: CertificateRotation, status: object): Promise<Outcome> {
    const { name, resourceVersion } = rotation.metadata;
    const patch = { metadata: { resourceVersion }, status };
    const { client } = this.#options;
    return this.#noteRotation(await client.patch(resources.certificateRotations, { name }, patch, 'status'));
  }

  #noteRotation(written: Written<CertificateRotation>): Outcome {
    if (!written.ok) return 'later';
    this.#options.caches.rotations.noteWritten(written.object);
    return 'done';
  }

  async #deleteRotation(rotation: CertificateRotation): Promise<Outcome> {
    const { client, caches } = this.#options;
    const { name, namespace, uid = '' } = rotation.metadata;
    await client.delete(resources.certificateRotations, refOf(name, namespace), { uid });
    caches.rotations.noteDeleted(rotation);
    return 'done';
  }

  /** An Event where the operator looks: what may not be written holds up its node. */
  async #tellRefusal(action: Action, error: CertError): Promise<void> {
    const event = refusalEvent(action, error.message);
    if (event !== undefined) await this.#options.events.record(event, new Date());
  }
}

function refusalEvent(action: Action, why: string): NewEvent | undefined {
  if (action.type === 'create-pod') {
    const { metadata, spec } = action.pod;
    const about = {
      kind: 'Node',
      name: spec?.nodeName ?? '',
      uid: metadata?.labels?.[labels.nodeUID] ?? '',
    } as const;
    const message = `Pod ${metadata?.name ?? ''} may not be made: ${why}`;
    return { about, type: 'Warning', reason: 'PodRefused', message };
  }
  if (action.type === 'write-inventory') {
    const { name = '', uid = '' } = action.node.metadata ?? {};
    const message = `ConfigMap ${inventoryName(name)} may not be written: ${why}`;
    return { about: { kind: 'Node', name, uid }, type: 'Warning', reason: 'ScanFailed', message };
  }
  return undefined;
}

/** What of a status is ours alone and cannot be wrong. */
function leastOf({ phase, reason, message, startedAt, finishedAt }: RotationStatus): RotationStatus {
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message: message.slice(0, 1000) }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(finishedAt === undefined ? {} : { finishedAt }),
  };
}

/** What of `after` differs from `before`, as a merge patch; undefined when nothing does: an unchanged state writes nothing. */
export function statusPatch(before: RotationStatus, after: RotationStatus): object | undefined {
  const old = new Map<string, unknown>(Object.entries(before));
  const patch: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(after)) {
    if (!same(old.get(key), value)) patch[key] = value;
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(canonical(a)) === JSON.stringify(canonical(b));
}

/** Keys sorted: the API server may send them in another order than we did. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, canonical(inner)]));
}

function describeAction(action: Action): string {
  switch (action.type) {
    case 'create-pod':
      return `create Pod ${action.pod.metadata?.name ?? ''}`;
    case 'delete-pod':
      return `delete Pod ${action.name}`;
    case 'write-inventory':
      return `write inventory of ${action.node.metadata?.name ?? ''}`;
    case 'create-rotation':
      return `create ${action.rotation.metadata.name} (${action.phase})`;
    case 'patch-rotation-status':
      return `status of ${action.rotation.metadata.name}: ${action.status.phase ?? ''} ${action.status.reason ?? ''}`;
    case 'delete-rotation':
      return `delete ${action.rotation.metadata.name}`;
    case 'event':
    default:
      return `Event ${action.event.reason} on ${action.event.about.name}`;
  }
}
