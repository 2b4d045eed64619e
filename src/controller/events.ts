// Events (core/v1) on Node, CertificateRotation, the configuration's ConfigMap and the downloads' Service. One name for
// one thing that happened to one object, so that a second controller, a restart or an unchanged state writes nothing new.
import { createHash } from 'node:crypto';
import type { Event } from 'kubernetes-types/core/v1.js';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import { apiVersion } from '../kube/types.ts';
import { shortName } from './labels.ts';
import type { NewEvent } from './world.ts';
import { rfc3339 } from '../pki/time.ts';

/** Events about objects without a namespace live in `default`; the API server accepts no other. */
const clusterScoped = 'default';

/** A thing that is still so is said again after this time: the API server forgets Events after an hour. */
const repeatAfter = 60 * 60 * 1000;
/** Things said are remembered; far more than an operator would ever read. */
const remembered = 10_000;

/** Numbers in a text change while the thing is the same: "301 s off", "302 s off". */
function sameness({ about, type, reason, message }: NewEvent): string {
  return JSON.stringify([about.kind, about.uid, type, reason, message.replace(/\d+/g, '#')]);
}

/** `<object>.<hash>`, at most 253 characters. */
export function eventName(event: NewEvent): string {
  const hash = createHash('sha256').update(sameness(event)).digest('hex').slice(0, 16);
  return `${shortName(event.about.name, 200)}.${hash}`;
}

/** The Event as it is first written. Pure. */
export function newEvent(event: NewEvent, now: Date, instance: string): Event {
  const { about, type, reason, message } = event;
  const time = rfc3339(now);
  return {
    metadata: { name: eventName(event), namespace: about.namespace ?? clusterScoped },
    involvedObject: {
      apiVersion: about.kind === 'CertificateRotation' ? apiVersion : 'v1',
      kind: about.kind,
      name: about.name,
      ...(about.namespace === undefined ? {} : { namespace: about.namespace }),
      // `kubectl describe node` looks for Events by the Node's name in place of its UID, as the kubelet writes them.
      uid: about.kind === 'Node' ? about.name : about.uid,
    },
    type,
    reason,
    message: message.length > 1000 ? `${message.slice(0, 1000)}…` : message,
    source: { component: 'cluster-cert-rotator' },
    reportingComponent: 'certrotator.cpaas.io/controller',
    reportingInstance: instance,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

export class EventRecorder {
  readonly #client: KubeClient;
  readonly #instance: string;
  readonly #said = new Map<string, number>();

  constructor(client: KubeClient, instance: string) {
    this.#client = client;
    this.#instance = instance;
  }

  /** Writes what was not said within the last hour. Errors: those of the API. */
  async record(event: NewEvent, now: Date): Promise<void> {
    const name = eventName(event);
    const last = this.#said.get(name);
    if (last !== undefined && now.getTime() - last < repeatAfter) return;
    const object = newEvent(event, now, this.#instance);
    const created = await this.#create(object, now);
    // Said before our start, or by the leader before us: it is young, since the API server still has it.
    if (!created.ok && created.why === 'exists' && last !== undefined) await this.#repeat(object);
    this.#remember(name, now.getTime());
  }

  /** What is refused (a quota, a webhook) is not asked again in every pass, but when it would be said again. */
  async #create(object: Event, now: Date): Promise<Awaited<ReturnType<KubeClient['create']>>> {
    try {
      return await this.#client.create(resources.events, object);
    } catch (error) {
      if (error instanceof CertError && error.code === 'Denied')
        this.#remember(object.metadata.name ?? '', now.getTime());
      throw error;
    }
  }

  async #repeat(event: Event): Promise<void> {
    const ref = { name: event.metadata.name ?? '', namespace: event.metadata.namespace ?? clusterScoped };
    const existing = await this.#client.get(resources.events, ref);
    if (existing === undefined) return;
    const { lastTimestamp, message } = event;
    const count = (existing.count ?? 1) + 1;
    await this.#client.patch(resources.events, ref, { count, lastTimestamp, message });
  }

  #remember(name: string, at: number): void {
    this.#said.delete(name);
    this.#said.set(name, at);
    const [oldest] = this.#said.keys();
    if (this.#said.size > remembered && oldest !== undefined) this.#said.delete(oldest);
  }
}
