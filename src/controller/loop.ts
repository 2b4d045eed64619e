// The leader's loop. One pass: read the configuration, keep the CAs, gather, decide, act, sign. Whatever goes wrong
// in a part of it is logged and tried again by the next pass; nothing is remembered that could not be read again.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Term } from '../kube/lease.ts';
import { pause } from '../kube/reflector.ts';
import { isOpenNow } from '../kube/objects.ts';
import { privateNamespace, type CertificateRotation } from '../kube/types.ts';
import { act } from './act.ts';
import { lateEndings } from './decide/status.ts';
import { ConfigurationEvents } from './configuration-events.ts';
import type { ConfigurationFile, ConfigurationNews } from './configuration-file.ts';
import type { Configuration } from './configuration.ts';
import type { EventRecorder } from './events.ts';
import type { Caches, Gatherer } from './gather.ts';
import type { Logger } from '../log.ts';
import { steady } from '../once.ts';
import { labels } from './labels.ts';
import type { Alarm } from './loop-alarm.ts';
import type { Authority } from './loop-authority.ts';
import type { PassResult } from './metrics-endings.ts';
import type { Metrics } from './metrics.ts';
import { Pace } from './pace.ts';
import { isFinished } from './signer/requests.ts';
import { clockProblem } from './skew.ts';
import { isControlPlane, nameOf } from './vault/nodes.ts';
import type { Action, NewEvent, PodKind, VaultStatus, World } from './world.ts';

export interface LoopParts {
  /** Fenced by the term. */
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly gatherer: Pick<Gatherer, 'gather'>;
  readonly authority: Pick<Authority, 'status' | 'refresh' | 'capture'>;
  readonly alarm: Alarm;
  readonly configuration: Pick<ConfigurationFile, 'look'>;
  readonly events: EventRecorder;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly publicNamespace: string;
  /** Milliseconds between our clock and the API server's, as far as is known. */
  readonly skew: () => number | undefined;
  /** Undefined = the admission policy is in force, else why nothing may be begun (R8). */
  readonly admission: (configuration: Configuration) => Promise<string | undefined>;
  /** Pure. */
  readonly decide: (world: World) => readonly Action[];
  /** One round of the signer; gives the Events to write. */
  readonly sign: (configuration: Configuration, now: Date) => Promise<readonly NewEvent[]>;
  /** The Service and the checksums of the downloads; gives the Events to write. */
  readonly keepDownloads: (configuration: Configuration) => Promise<readonly NewEvent[]>;
  /** The certificates of the product's own TLS servers. */
  readonly keepServing: (now: Date) => Promise<void>;
  /** Told after every pass, and after every action in it, for the liveness probe. */
  readonly onPass: () => void;
}

/** `left`: something waits for room, or behind what waits for it (pace.ts). */
const tick = { left: 1000, active: 3000, idle: 30_000 } as const;
/**
 * Changes that come one after another make one pass. In milliseconds: passes over few nodes follow a change at once; in a
 * storm of changes those that cost take a quarter of a processor up to the most, and those that wait for the API half of the time;
 * the most is longer while more is to be begun than there is room for, since each pass then makes changes of its own.
 */
const gather = { least: 20, most: 200, mostWhileLeft: 1000, times: 3 } as const;
/** After a pass that failed. */
const afterError = 2000;

/** Runs until the term ends; never throws for what the world does. */
export async function runLoop(parts: LoopParts, term: Term): Promise<void> {
  const loop = new Loop(parts);
  while (!term.signal.aborted) {
    const before = process.cpuUsage();
    const startedAt = performance.now();
    const result = await loop.pass(term.signal);
    const { user, system } = process.cpuUsage(before);
    const cost = (user + system) / 1000;
    const gathering = gatheringFor(cost, performance.now() - startedAt, loop.hasLeft);
    parts.metrics.notePass(result);
    parts.onPass();
    if (result !== 'ok') await pause(afterError, term.signal);
    await parts.alarm.next(loop.longestWait(new Date()), term.signal);
    await pause(gathering, term.signal);
  }
}

type Work = readonly (readonly [name: string, part: () => Promise<void>])[];

/** Milliseconds that changes are gathered for, after a pass that cost so many of a processor and took so many. Pure. */
export const gatheringFor = (cost: number, took: number, hasLeft: boolean): number =>
  Math.min(hasLeft ? gather.mostWhileLeft : gather.most, Math.max(gather.least, cost * gather.times, took));

class Loop {
  readonly #parts: LoopParts;
  readonly #configurationEvents: ConfigurationEvents;
  readonly #pace = new Pace();
  /** What was decided for thousands of nodes by what can be signed still stands while that is the same. */
  readonly #steady = steady<VaultStatus>();
  #left = 0;
  #said = new Map<string, string>();

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#configurationEvents = new ConfigurationEvents(parts.client);
  }

  /** `ok`, or the code of what went wrong first. */
  async pass(signal: AbortSignal): Promise<PassResult> {
    const { caches } = this.#parts;
    if (!caches.synced) return 'Unsynced';
    const { configuration, problem } = this.#configuration();
    const first = await this.#oneByOne(signal, [
      ['configuration', async () => this.#tellConfiguration(problem)],
      ['admission', async () => this.#admission(configuration)],
    ]);
    const rotations: Work = [
      ['authority', async () => this.#authorities()],
      ['decide', async () => this.#decide(configuration)],
      ['sign', async () => this.#sign(configuration)],
      ['endings', async () => this.#endings()],
    ];
    // What rotates nothing does not go before what does.
    const besides: Work = [
      ['downloads', async () => this.#downloads(configuration)],
      ['serving', async () => this.#parts.keepServing(new Date())],
    ];
    const both = await Promise.all([rotations, besides].map(async (work) => this.#oneByOne(signal, work)));
    return [first, ...both].find((result) => result !== 'ok') ?? 'ok';
  }

  /** `ok`, or the code of what went wrong first; each has its turn whatever became of those before. */
  async #oneByOne(signal: AbortSignal, work: Work): Promise<PassResult> {
    let first: PassResult = 'ok';
    for (const [name, part] of work) {
      if (signal.aborted) return 'Aborted';
      const result = await this.#part(name, part);
      if (first === 'ok') first = result;
    }
    return first;
  }

  /** Whether more waits to be begun than may be now (pace.ts). */
  get hasLeft(): boolean {
    return this.#left > 0;
  }

  /** Milliseconds until the next pass at the latest: what is planned begins when it comes due, not up to a tick later. */
  longestWait(now: Date): number {
    if (this.hasLeft) return tick.left;
    if (this.#isActive()) return tick.active;
    return Math.min(tick.idle, untilDue(this.#parts.caches.rotations.values(), now));
  }

  /** Whether something is under way that must be looked at often. */
  #isActive(): boolean {
    const { caches, authority } = this.#parts;
    if (caches.pods.values().length > 0 || authority.status(new Date()).problem !== undefined) return true;
    if (caches.requests.values().some((request) => !isFinished(request))) return true;
    return caches.rotations.values().some(isOpenNow);
  }

  #configuration(): ConfigurationNews {
    const news = this.#parts.configuration.look();
    const { changed, problem } = news;
    this.#sayOnce('configuration text', problem?.message ?? '', () => {
      if (problem === undefined) this.#parts.log.info('the configuration is good again');
      else this.#parts.log.error({ err: problem }, 'the configuration is refused; the last good one stays');
    });
    if (changed && problem === undefined) this.#parts.log.info('the configuration has changed');
    this.#parts.metrics.noteConfiguration(problem === undefined);
    return news;
  }

  async #tellConfiguration(problem: ConfigurationNews['problem']): Promise<void> {
    const event = await this.#configurationEvents.tell(problem);
    if (event !== undefined) await this.#record([event]);
  }

  #held: string | undefined = 'the admission policy has not been asked yet';

  async #admission(configuration: Configuration): Promise<void> {
    this.#held = await this.#parts.admission(configuration);
    this.#sayOnce('admission', this.#held ?? '', () => {
      if (this.#held === undefined) this.#parts.log.info('the admission policy is in force');
      else this.#parts.log.error({ why: this.#held }, 'nothing is begun');
    });
  }

  async #authorities(): Promise<void> {
    const { authority, caches } = this.#parts;
    const nodes = caches.nodes.values();
    await authority.refresh(nodes, this.#isActive());
    if (this.#held !== undefined) return;
    const pods = caches.pods.values().filter(isCapturePod);
    await this.#record(await authority.capture({ now: new Date(), nodes, pods }));
  }

  async #decide(configuration: Configuration): Promise<void> {
    const { gatherer, authority, caches, metrics, decide } = this.#parts;
    const now = new Date();
    const vault = this.#steady(this.#withClock(authority.status(now), configuration));
    const world = await gatherer.gather({ now, configuration, vault });
    metrics.note(world);
    if (this.#held !== undefined) {
      this.#left = 0;
      return;
    }
    const actions = decide(world);
    const acting = { ...this.#parts, pace: this.#pace, onProgress: this.#parts.onPass };
    if (!admitsControlPlane(actions, world)) {
      this.#left = await act(actions, acting);
      return;
    }
    // One at a time, and only while the others are well, are hard gates (R13): they are asked again of what the API server
    // holds and the components say now, not of what was watched or said before.
    await caches.refresh();
    this.#left = await act(decide(await gatherer.gather({ now, configuration, vault, anew: true })), acting);
  }

  /** One that the API server refuses holds up no other; it is told, once. */
  async #endings(): Promise<void> {
    let refused: CertError | undefined;
    for (const event of lateEndings(this.#parts.caches.rotations.values(), new Date())) {
      try {
        await this.#record([event]);
      } catch (error) {
        if (!(error instanceof CertError) || error.code !== 'Denied') throw error;
        refused ??= error;
      }
    }
    if (refused !== undefined) throw refused;
  }

  async #sign(configuration: Configuration): Promise<void> {
    const { caches, sign } = this.#parts;
    // without the admission policy a Pod says nothing about who made it (R8)
    if (this.#held !== undefined) return;
    if (caches.requests.values().length === 0) return;
    await this.#record(await sign(configuration, new Date()));
  }

  async #downloads(configuration: Configuration): Promise<void> {
    if (this.#held !== undefined) return;
    await this.#record(await this.#parts.keepDownloads(configuration));
  }

  /** A wrong clock stops all signing: validity would be counted from a moment that is not now (B10). */
  #withClock(vault: VaultStatus, configuration: Configuration): VaultStatus {
    const skew = this.#parts.skew();
    if (vault.problem !== undefined || skew === undefined) return vault;
    const message = clockProblem(skew, configuration.clockSkewLimit);
    return message === undefined ? vault : { ...vault, problem: { gate: 'ClockSkew', message } };
  }

  async #record(events: readonly NewEvent[]): Promise<void> {
    for (const event of events) await this.#parts.events.record(event, new Date());
  }

  /** One part of a pass: its failure is told and does not keep the others from their work. */
  async #part(name: string, work: () => Promise<void>): Promise<PassResult> {
    try {
      await work();
      this.#sayOnce(name, '', () => this.#parts.log.info({ part: name }, 'works again'));
      return 'ok';
    } catch (error) {
      const code = error instanceof CertError ? error.code : 'Unexpected';
      const message = error instanceof Error ? error.message : String(error);
      // An outage is said once, not every few seconds; what is not ours is a fault in the program and always said.
      const say = (): void => this.#parts.log.warn({ part: name, err: error }, 'a part of the pass failed');
      if (code === 'Unexpected') say();
      else this.#sayOnce(name, `${code} ${message}`, say);
      return code;
    }
  }

  #sayOnce(about: string, text: string, say: () => void): void {
    const last = this.#said.get(about) ?? '';
    if (last === text) return;
    this.#said.set(about, text);
    say();
  }
}

/** Milliseconds until the next planned rotation is due; one that was and is still planned waits for the tick. Pure. */
export function untilDue(rotations: readonly CertificateRotation[], now: Date): number {
  const waits = rotations
    .filter(({ status }) => status?.phase === 'Scheduled')
    // `dueAt` has whole seconds: it is due for certain when that second is over
    .map(({ status }) => new Date(status?.dueAt ?? 0).getTime() + 1000 - now.getTime())
    .filter((wait) => wait > 0);
  return waits.reduce((least, wait) => Math.min(least, wait), Infinity);
}

/** Whether a control plane would be let go. */
function admitsControlPlane(actions: readonly Action[], { nodes }: World): boolean {
  const admitted = actions.flatMap((action) =>
    action.type === 'patch-rotation-status' && action.status.phase === 'Admitted'
      ? [action.rotation.spec.nodeName]
      : [],
  );
  return nodes.some((node) => admitted.includes(nameOf(node)) && isControlPlane(node));
}

/** Where the Lease lies. */
export const leaseRef = { name: 'cluster-cert-rotator', namespace: privateNamespace } as const;

const captureKinds: ReadonlySet<string> = new Set<PodKind>(['harvest', 'ca-certificates']);

function isCapturePod({ metadata }: Pod): boolean {
  return captureKinds.has(metadata?.labels?.[labels.kind] ?? '');
}
