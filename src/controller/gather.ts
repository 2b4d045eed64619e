// Makes the World: what the reflectors know, and what must be asked afresh. Nothing here decides anything.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { ConfigMap, Event, Node, Pod } from 'kubernetes-types/core/v1.js';
import type { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { Reflector, type ReflectorOptions } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { isOpenNow, withoutManagedFields } from '../kube/objects.ts';
import { privateNamespace, signerName, type CertificateRotation } from '../kube/types.ts';
import { parseCertificate } from '../pki/parse.ts';
import { readPem } from '../pki/pem.ts';
import type { Configuration } from './configuration.ts';
import { endpointOf, askHealth, type AskReady, type Endpoint } from './health.ts';
import { inventoryLabel, readInventories, trimInventory } from './inventory-store.ts';
import { labels } from './labels.ts';
import { LastAnswer } from './last-answer.ts';
import { requestedId, requestedRotation, trimRequest } from './signer/requests.ts';
import { trimNode } from '../kube/trim.ts';
import type { Dial } from './vault/anchors.ts';
import { addressesOf, isControlPlane, nameOf } from './vault/nodes.ts';
import type { Health, LiveSerials, VaultStatus, World } from './world.ts';

/** The objects that this product follows, each kept true by its reflector. */
export class Caches {
  readonly nodes: Reflector<Node>;
  readonly pods: Reflector<Pod>;
  readonly inventories: Reflector<ConfigMap>;
  readonly rotations: Reflector<CertificateRotation>;
  readonly requests: Reflector<CertificateSigningRequest>;

  constructor(
    client: KubeClient,
    publicNamespace: string,
    wake: () => void,
    errorsOf: () => (error: CertError) => void,
  ) {
    const follow = () => ({ onChange: wake, onError: errorsOf() });
    // Nodes report themselves all the time: what is not read of them is no change. One that joins is not yet told to be a
    // control plane: they are looked at on the tick, and do not wake the loop.
    this.nodes = new Reflector(client, resources.nodes, {
      onChange: quiet,
      onError: errorsOf(),
      trim: trimNode,
      versionIsNoNews: true,
    });
    this.pods = new Reflector(client, resources.pods, {
      ...follow(),
      namespace: privateNamespace,
      labelSelector: labels.kind,
      trim: withoutManagedFields,
    } satisfies ReflectorOptions<Pod>);
    this.inventories = new Reflector(client, resources.configMaps, {
      ...follow(),
      namespace: publicNamespace,
      labelSelector: `${inventoryLabel.name}=${inventoryLabel.value}`,
      trim: (map) => trimInventory(map),
    });
    this.rotations = new Reflector(client, resources.certificateRotations, {
      ...follow(),
      trim: withoutManagedFields,
    });
    this.requests = new Reflector(client, resources.certificateSigningRequests, {
      ...follow(),
      fieldSelector: `spec.signerName=${signerName}`,
      trim: trimRequest,
    });
  }

  get synced(): boolean {
    return this.#all().every((reflector) => reflector.synced);
  }

  /**
   * Reads from the API what decides who may go: a watch may be behind what another leader wrote a moment ago.
   * Errors: those of the API.
   */
  async refresh(): Promise<void> {
    await Promise.all([this.rotations.refresh(), this.pods.refresh()]);
  }

  /** Runs until `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map(async (reflector) => reflector.run(signal)));
  }

  #all() {
    return [this.nodes, this.pods, this.inventories, this.rotations, this.requests] as const;
  }
}

export interface GatherOptions {
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly ask: AskReady;
  readonly dial: Dial;
}

export interface Given {
  readonly now: Date;
  readonly configuration: Configuration;
  readonly vault: VaultStatus;
  /** Health is asked for, however fresh the last answer is. */
  readonly anew?: boolean;
}

/** Events of a Pod are asked for when it has not started after this time. */
const slowStart = 10_000;

/** Milliseconds that an answer is used for. */
const freshFor = 3000;

export class Gatherer {
  readonly #options: GatherOptions;
  readonly #health = new LastAnswer<Health>();
  readonly #warnings = new LastAnswer<readonly Event[]>();
  #verifying: ReadonlySet<string> = new Set();

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** Errors: Unreachable, Denied; then nothing may be decided. */
  async gather({ now, configuration, vault, anew = false }: Given): Promise<World> {
    const { caches } = this.#options;
    const nodes = caches.nodes.values();
    const rotations = caches.rotations.values();
    const pods = caches.pods.values();
    this.#doubtOlderAnswers(rotations);
    const [health, liveSerials, podProblems] = await Promise.all([
      // Gates and proofs alone depend on it: a plan for some day passes no gate before it waits.
      rotations.some(isOpenNow) ? this.#askHealth(nodes, anew) : undefined,
      this.#askSerials(nodes, rotations),
      this.#askProblems(pods, now),
    ]);
    const { inventories, strange } = readInventories(caches.inventories.values());
    return {
      now,
      configuration,
      nodes,
      inventories,
      strangeInventories: strange,
      rotations,
      pods,
      vault,
      health,
      liveSerials,
      signed: signedFor(rotations, caches.requests.values()),
      podProblems,
    };
  }

  /** Whether a control plane is well after its rotation is told by an answer from after it. */
  #doubtOlderAnswers(rotations: readonly CertificateRotation[]): void {
    const verifying = new Set(
      rotations.flatMap(({ metadata, status }) => (status?.phase === 'Verifying' ? [metadata.name] : [])),
    );
    if ([...verifying].some((name) => !this.#verifying.has(name))) this.#health.forget();
    this.#verifying = verifying;
  }

  async #askHealth(nodes: readonly Node[], anew: boolean): Promise<Health> {
    if (anew) this.#health.forget();
    return this.#health.get(freshFor, async () =>
      askHealth(this.#options.client, nodes, this.#options.ask, new Date()),
    );
  }

  /** Our own handshakes with the nodes whose rotation says that it is done (R20). */
  async #askSerials(
    nodes: readonly Node[],
    rotations: readonly CertificateRotation[],
  ): Promise<ReadonlyMap<string, LiveSerials>> {
    const asked = rotations
      .filter(({ status }) => status?.phase === 'Verifying')
      .flatMap(({ spec }) => nodes.filter((node) => nameOf(node) === spec.nodeName));
    if (asked.length === 0) return new Map();
    const answers = await Promise.all(asked.map(async (node) => this.#serialsOf(node)));
    return new Map(asked.map((node, i) => [nameOf(node), answers[i] ?? { checkedAt: '' }]));
  }

  async #serialsOf(node: Node): Promise<LiveSerials> {
    const checkedAt = new Date().toISOString();
    const [host] = addressesOf(node, 'InternalIP');
    const kubelet = host === undefined ? undefined : await this.#serialOn(host, kubeletPort(node));
    const endpoint = isControlPlane(node) ? await this.#endpoint(node) : undefined;
    const apiServer = endpoint === undefined ? undefined : await this.#serialOn(endpoint.host, endpoint.port);
    return {
      checkedAt,
      ...(kubelet === undefined ? {} : { kubelet }),
      ...(apiServer === undefined ? {} : { apiServer }),
    };
  }

  async #endpoint(node: Node): Promise<Endpoint | undefined> {
    const { items } = await this.#options.client.list(resources.pods, {
      namespace: 'kube-system',
      labelSelector: 'component=kube-apiserver',
    });
    return endpointOf(node, items);
  }

  async #serialOn(host: string, port: number): Promise<string | undefined> {
    try {
      return (await this.#options.dial(host, port)).serial;
    } catch {
      // No answer is an answer here: the decision waits for the serial, or gives up by its own clock.
      return undefined;
    }
  }

  /** Why Pods do not start, in the kubelet's words. */
  async #askProblems(pods: readonly Pod[], now: Date): Promise<ReadonlyMap<string, readonly string[]>> {
    const slow = pods.filter((pod) => isSlow(pod, now));
    if (slow.length === 0) return new Map();
    const warnings = await this.#warnings.get(freshFor, async () => {
      const { items } = await this.#options.client.list(resources.events, {
        namespace: privateNamespace,
        fieldSelector: 'involvedObject.kind=Pod,type=Warning',
      });
      return items;
    });
    return problemsByPod(slow, warnings);
  }
}

/** What we signed for the rotations that say they are done. Pure. */
export function signedFor(
  rotations: readonly CertificateRotation[],
  requests: readonly CertificateSigningRequest[],
): World['signed'] {
  const signed = new Map<string, Set<string>>();
  for (const { metadata, status } of rotations) {
    if (status?.phase === 'Verifying') signed.set(metadata.name, new Set());
  }
  if (signed.size === 0) return signed;
  for (const request of requests) {
    const known = signed.get(requestedRotation(request) ?? '');
    if (known !== undefined) known.add(`${requestedId(request)} ${serialOf(request)}`);
  }
  return signed;
}

function serialOf({ status }: CertificateSigningRequest): string | undefined {
  try {
    const [block] = readPem(Buffer.from(status?.certificate ?? '', 'base64').toString('latin1'));
    return block === undefined ? undefined : parseCertificate(block.der).serial;
  } catch {
    // Not signed yet, or written by somebody else: it is nothing that we signed.
    return undefined;
  }
}

/**
 * Warnings about these Pods, by Pod UID: what the kubelet of each one's node says. Any kubelet may write Events about any
 * Pod; under which host is what the admission policy holds it to. Pure.
 */
export function problemsByPod(
  pods: readonly Pod[],
  events: readonly Event[],
): ReadonlyMap<string, readonly string[]> {
  const problems = new Map<string, readonly string[]>();
  for (const { metadata, spec } of pods) {
    const uid = metadata?.uid ?? '';
    const host = spec?.nodeName;
    if (host === undefined) continue;
    const about = events.filter(
      ({ involvedObject, source }) => involvedObject.uid === uid && source?.host === host,
    );
    const messages = [...new Set(about.map(({ reason, message }) => `${reason ?? ''}: ${message ?? ''}`))];
    if (messages.length > 0) problems.set(uid, messages.toSorted());
  }
  return problems;
}

function isSlow({ metadata, status }: Pod, now: Date): boolean {
  const age = now.getTime() - new Date(metadata?.creationTimestamp ?? now).getTime();
  return (status?.phase ?? 'Pending') === 'Pending' && age > slowStart;
}

function quiet(): void {
  // What changed is seen on the next tick.
}

const defaultKubeletPort = 10_250;

function kubeletPort(node: Node): number {
  return node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? defaultKubeletPort;
}
