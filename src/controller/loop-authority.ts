// The leader's hold of the CAs: opens the vault, keeps it and what it is compared with fresh, captures what is
// missing. It lives for one term of leading; the capture key in it dies with the term (R11).
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import type { ConfigurationFile } from './configuration-file.ts';
import { createHarvester, type CapturePods, type Harvester } from './harvest/harvester.ts';
import type { Logger } from '../log.ts';
import { LastAnswer } from './last-answer.ts';
import { gatherAnchors, type Anchors, type Dial } from './vault/anchors.ts';
import type { KeyEncryptionKey } from './vault/envelope.ts';
import { openKek } from './vault/kek.ts';
import { openVault, vaultStatus, type Vault } from './vault/vault.ts';
import type { NewEvent, VaultStatus } from './world.ts';

export interface AuthorityOptions {
  /** Fenced: it writes Secrets and makes Pods. */
  readonly client: KubeClient;
  readonly dial: Dial;
  /** A mounted key-encryption key in place of the Secret. */
  readonly kekFile: string | undefined;
  readonly capturePods: CapturePods;
  readonly configuration: Pick<ConfigurationFile, 'current'>;
  readonly publicNamespace: string;
  readonly log: Logger;
}

/** What the cluster trusts is asked again after this time, milliseconds; in between it may have changed under us. */
const freshFor = { active: 15_000, idle: 300_000 } as const;

export class Authority {
  readonly #options: AuthorityOptions;
  readonly #kek: KeyEncryptionKey;
  readonly #clusterUID: string;
  readonly #harvester: Harvester;
  readonly #reading = new LastAnswer<Vault>();
  #vault: Vault | undefined;
  #said = '';

  private constructor(options: AuthorityOptions, kek: KeyEncryptionKey, clusterUID: string) {
    this.#options = options;
    this.#kek = kek;
    this.#clusterUID = clusterUID;
    const { client, publicNamespace, capturePods: pods } = options;
    const configuration = () => options.configuration.current;
    this.#harvester = createHarvester({ client, kek, publicNamespace, pods, configuration });
  }

  /** Errors: BadConfiguration (the KEK), those of the API. */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const [kek, system] = await Promise.all([
      openKek(options.client, options.kekFile),
      options.client.get(resources.namespaces, { name: 'kube-system' }),
    ]);
    const uid = system?.metadata?.uid;
    if (uid === undefined) throw new CertError('NotFound', 'the cluster has no namespace kube-system');
    return new Authority(options, kek, uid);
  }

  get vault(): Vault | undefined {
    return this.#vault;
  }

  status(now: Date): VaultStatus {
    if (this.#vault !== undefined) return vaultStatus(this.#vault, now);
    const message = `Secret ${this.#options.publicNamespace}/kubernetes-ca has not been read yet`;
    return { cas: {}, problem: { gate: 'CaUnavailable', message } };
  }

  /** Reads Secret and anchors again where they are old. Errors: those of the API. */
  async refresh(nodes: readonly Node[], active: boolean): Promise<void> {
    const limit = active ? freshFor.active : freshFor.idle;
    this.#vault = await this.#reading.get(limit, async () => this.#read(nodes));
  }

  /** One step of capturing what is missing; true while a capture is under way or wanted. Errors: those of the API. */
  async capture(view: {
    readonly now: Date;
    readonly nodes: readonly Node[];
    readonly pods: readonly Pod[];
  }): Promise<readonly NewEvent[]> {
    if (this.#vault === undefined) return [];
    const { why, changed, events } = await this.#harvester.step({ ...view, vault: this.#vault });
    if (why !== this.#said) this.#options.log.info({ why }, 'capture of the CAs');
    this.#said = why;
    if (changed) this.#reading.forget();
    return events;
  }

  async #read(nodes: readonly Node[]): Promise<Vault> {
    const { client, publicNamespace } = this.#options;
    const anchors = await this.#anchors(nodes);
    const known = { kek: this.#kek, clusterUID: this.#clusterUID, publicNamespace, anchors };
    return await openVault(client, known);
  }

  async #anchors(nodes: readonly Node[]): Promise<Anchors | undefined> {
    try {
      return await gatherAnchors(this.#options.client, nodes, this.#options.dial);
    } catch (error) {
      // Without them nothing is signed: the vault says so, and the next refresh asks again.
      this.#options.log.warn({ err: error }, 'what the cluster trusts cannot be read');
      return undefined;
    }
  }
}
