// What the dashboard knows of the cluster: three watches, and twice a minute a look at the configuration and at the Lease
// of the controller. All of it with the web program's own rights, which are to read.
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';
import {
  configurationKey,
  configurationRef,
  defaultConfiguration,
  parseConfiguration,
  type Configuration,
} from '../../controller/configuration.ts';
import { trimNode } from '../../kube/trim.ts';
import { inventoryLabel, readInventories, trimInventory } from '../../controller/inventory-store.ts';
import { recordedIn, recordName, type Recorded } from '../../controller/vault/record.ts';
import { CertError, describeError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { unlessDenied, type Asked } from '../../denied.ts';
import { withoutManagedFields } from '../../kube/objects.ts';
import { pause, Reflector } from '../../kube/reflector.ts';
import { resources, type ObjectRef, type Resource } from '../../kube/resources.ts';
import { privateNamespace, type CertificateRotation } from '../../kube/types.ts';
import { quietly, type Logger } from '../../log.ts';
import { message, type Message, type MessageKey } from '../../view/messages/message.ts';
import type { Picture } from '../../view/picture.ts';

export interface PictureKeeperOptions {
  readonly client: KubeClient;
  readonly publicNamespace: string;
  readonly log: Logger;
  readonly onChange: () => void;
  /** Milliseconds between two looks at configuration and Lease. */
  readonly every?: number;
}

export class PictureKeeper {
  readonly #options: PictureKeeperOptions;
  readonly #nodes: Reflector<Node>;
  readonly #maps: Reflector<ConfigMap>;
  readonly #rotations: Reflector<CertificateRotation>;
  #settings: Configuration = defaultConfiguration;
  #problem: Message | undefined;
  #accepted: Recorded | undefined;
  #text: string | undefined;
  #controllerAt: string | null | undefined;
  #controllerUnread: Message | undefined;
  #staleSince: string | undefined;
  #looked = false;
  #wake = new AbortController();

  constructor(options: PictureKeeperOptions) {
    this.#options = options;
    const { client, publicNamespace: namespace, onChange, log } = options;
    const follow = () => ({
      onChange,
      onError: quietly((error, repeated) => log.warn({ err: error, repeated }, 'the API is not followed')),
    });
    this.#nodes = new Reflector(client, resources.nodes, {
      ...follow(),
      // Nodes report themselves all the time: what is not shown is no change.
      trim: shownOf,
      versionIsNoNews: true,
    });
    this.#rotations = new Reflector(client, resources.certificateRotations, {
      ...follow(),
      trim: withoutManagedFields,
    });
    this.#maps = new Reflector(client, resources.configMaps, {
      ...follow(),
      namespace,
      labelSelector: `${inventoryLabel.name}=${inventoryLabel.value}`,
      trim: trimMap,
    });
  }

  /** Everything has been read once, or refused: without the configuration the defaults would be shown as what is in force. */
  get synced(): boolean {
    return this.#looked && [this.#nodes, this.#maps, this.#rotations].every(({ synced }) => synced);
  }

  async run(signal: AbortSignal): Promise<void> {
    const reflectors = [this.#nodes, this.#maps, this.#rotations];
    await Promise.all([...reflectors.map(async (one) => one.run(signal)), this.#look(signal)]);
  }

  picture(now: Date): Picture {
    return {
      now,
      nodes: this.#nodes.values(),
      ...readInventories(this.#maps.values()),
      rotations: this.#rotations.values(),
      configuration: { settings: this.#settings, problem: this.#problem },
      accepted: this.#accepted,
      controllerAt: this.#controllerAt,
      controllerUnread: this.#controllerUnread,
      staleSince: this.#staleSince,
    };
  }

  /** At the configuration and the Lease, without waiting for the next turn. */
  lookNow(): void {
    this.#wake.abort();
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { log, onChange, every = 30_000 } = this.#options;
    const say = quietly((error) => log.warn({ err: error }, 'configuration, Lease or record is not read'));
    while (!signal.aborted) {
      this.#wake = new AbortController();
      let error: CertError | undefined;
      try {
        const denied = await this.#lookOnce();
        if (denied.length > 0) say(new CertError('Denied', denied.map(describeError).join('; ')));
      } catch (thrown) {
        error =
          thrown instanceof CertError
            ? thrown
            : new CertError('Unreachable', 'a look failed', { cause: thrown });
        say(error);
      }
      const isSilent = error?.code === 'Unreachable';
      if (!isSilent) this.#looked = true;
      this.#staleSince = isSilent ? (this.#staleSince ?? new Date().toISOString()) : undefined;
      onChange();
      await pause(isSilent ? every / 6 : every, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** Gives what may not be read; it hides nothing of the rest. Errors: those of the API. */
  async #lookOnce(): Promise<readonly CertError[]> {
    const { client } = this.#options;
    const get = async <T>(of: Resource<T>, ref: ObjectRef) => unlessDenied(async () => client.get(of, ref));
    const [map, lease, record] = await Promise.all([
      get(resources.configMaps, configurationRef),
      get(resources.leases, { name: 'cluster-cert-rotator', namespace: privateNamespace }),
      get(resources.configMaps, { name: recordName, namespace: privateNamespace }),
    ]);
    this.#controllerAt = lease.denied === undefined ? (lease.value?.spec?.renewTime ?? null) : undefined;
    this.#controllerUnread = unread('need.controllerUnread', lease);
    this.#accepted = record.denied === undefined ? recordedIn(record.value) : undefined;
    if (map.denied === undefined) this.#readConfiguration(map.value?.data?.[configurationKey] ?? '');
    else this.#missConfiguration(map);
    return [map, lease, record].flatMap(({ denied }) => denied ?? []);
  }

  #missConfiguration(asked: Asked<unknown>): void {
    this.#text = undefined;
    this.#problem = unread('need.configurationUnread', asked);
  }

  /** A refused file changes nothing, as with the controller. */
  #readConfiguration(text: string): void {
    if (text === this.#text) return;
    this.#text = text;
    try {
      this.#settings = parseConfiguration(text);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = message('need.configuration', { why: describeError(error) });
    }
  }
}

function unread(key: MessageKey, { denied }: Asked<unknown>): Message | undefined {
  return denied === undefined ? undefined : message(key, { why: describeError(denied) });
}

/** Of what is kept of a Node. */
function shownOf(whole: Node): Node {
  const { metadata = {}, status } = trimNode(whole);
  const conditions = status?.conditions?.filter(({ type }) => type === 'Ready') ?? [];
  const nodeInfo = status?.nodeInfo;
  return { metadata, status: { conditions, ...(nodeInfo === undefined ? {} : { nodeInfo }) } };
}

/** Nothing is written to it from here: what names it and its version are enough. */
function trimMap(map: ConfigMap): ConfigMap {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = map.metadata ?? {};
  return trimInventory(map, { name, namespace, uid, resourceVersion });
}
