// Carries out what decideHarvest decides. One of it lives in the leader; its capture key dies with it.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Configuration } from '../configuration.ts';
import { nameOf } from '../vault/nodes.ts';
import type { KeyEncryptionKey } from '../vault/envelope.ts';
import { writeRecord } from '../vault/record.ts';
import { secretWith, writeSecret, type Captured } from '../vault/store.ts';
import { missingCas, vaultAnnotations, type Vault } from '../vault/vault.ts';
import type { NewEvent } from '../world.ts';
import { makeCaptureKey, type CaptureKey } from './capture-key.ts';
import { decideHarvest, heldBy, isExternal, noMemory, type Memory, type Session } from './decide.ts';
import { judgeCapture, type CaptureResult } from './judge-capture.ts';

/** Makes the two Pods of a capture; the admission policy knows both by heart (R8). */
export interface CapturePods {
  harvest(order: { readonly node: Node; readonly clusterUID: string; readonly publicKey: string }): Pod;
  certificates(order: { readonly node: Node }): Pod;
}

export interface HarvesterOptions {
  readonly client: KubeClient;
  readonly kek: KeyEncryptionKey;
  readonly publicNamespace: string;
  readonly pods: CapturePods;
  /** As it is now: mode observe and a pause hold captures. */
  readonly configuration: () => Pick<Configuration, 'mode' | 'paused'>;
}

export interface StepResult {
  /** What was done or is waited for, for the log. */
  readonly why: string;
  /** True when the Secret was written: the vault must be opened anew. */
  readonly changed: boolean;
  readonly events: readonly NewEvent[];
}

export interface Harvester {
  /** One step of the loop. `pods`: those of kinds harvest and ca-certificates. Errors: those of the API. */
  step(view: {
    readonly now: Date;
    readonly vault: Vault;
    readonly nodes: readonly Node[];
    readonly pods: readonly Pod[];
  }): Promise<StepResult>;
}

export function createHarvester(options: HarvesterOptions): Harvester {
  return new LeaderHarvester(options);
}

type StepView = Parameters<Harvester['step']>[0];

class LeaderHarvester implements Harvester {
  readonly #options: HarvesterOptions;
  #session: (Session & { readonly key: CaptureKey }) | undefined;
  #memory: Memory = noMemory;
  #wish = '';

  constructor(options: HarvesterOptions) {
    this.#options = options;
  }

  async step(view: StepView): Promise<StepResult> {
    this.#hearPerson(view.vault);
    const step = decideHarvest({
      ...view,
      missing: missingCas(view.vault, view.now),
      session: this.#session,
      memory: this.#memory,
      held: heldBy(this.#options.configuration()),
    });
    if (step.do === 'nothing') return quiet(step.why);
    if (step.do === 'begin') return this.#begin(step.node, view);
    if (step.do === 'finish') return this.#finish(step, view);
    await this.#remove(step.pods);
    if (step.failed) this.#failed(view.now);
    this.#session = undefined;
    return quiet(step.why);
  }

  /** A new annotation by a person (accept this CA, capture now) ends every wait. */
  #hearPerson({ secret }: Vault): void {
    const notes = secret?.metadata?.annotations ?? {};
    const wish = `${notes[vaultAnnotations.accept] ?? ''}\n${notes[vaultAnnotations.harvest] ?? ''}`;
    if (wish !== this.#wish && wish.trim() !== '') this.#memory = noMemory;
    this.#wish = wish;
  }

  async #begin(node: Node, { now, vault }: StepView): Promise<StepResult> {
    const { client, pods } = this.#options;
    const uid = node.metadata?.uid ?? '';
    const tries = new Map(this.#memory.tries).set(uid, (this.#memory.tries.get(uid) ?? 0) + 1);
    this.#memory = { ...this.#memory, tries };
    const key = await makeCaptureKey();
    const order = { node, clusterUID: vault.clusterUID, publicKey: key.publicKey };
    const certificates = await client.create(resources.pods, pods.certificates({ node }));
    if (!certificates.ok)
      return quiet(`ca-certificates Pod on node ${nameOf(node)}: ${certificates.message}`);
    const harvest = await client.create(resources.pods, pods.harvest(order));
    if (!harvest.ok) return quiet(`harvest Pod on node ${nameOf(node)}: ${harvest.message}`);
    this.#session = {
      nodeName: nameOf(node),
      nodeUID: uid,
      startedAt: now,
      harvestPodUID: harvest.object.metadata?.uid ?? '',
      certificatesPodUID: certificates.object.metadata?.uid ?? '',
      key,
    };
    const why = `capturing the CAs from node ${nameOf(node)}`;
    return { why, changed: false, events: lossesOf(vault, now).map((message) => lossEvent(message, node)) };
  }

  async #finish(
    { node, harvest, certificates }: { node: Node; harvest: Pod; certificates: Pod },
    view: StepView,
  ): Promise<StepResult> {
    const { now, vault, nodes } = view;
    const key = this.#session?.key;
    // Without the anchors nothing can be judged; the Pods keep their messages until then.
    if (key === undefined || vault.anchors === undefined)
      return quiet('what the cluster trusts cannot be read now');
    const missing = missingCas(vault, now);
    const capturing = { vault, anchors: vault.anchors, key, node, harvest, certificates };
    const results = await Promise.all([...missing.keys()].map((id) => judgeCapture(id, capturing, now)));
    this.#remember(results, node, now);

    const captured = [...results.flatMap(capturedOf), ...this.#external(results, nodes)];
    const written = captured.length === 0 || (await this.#store(vault, captured));
    await this.#remove([harvest, certificates]);
    this.#session = undefined;
    if (!written) return quiet('Secret kubernetes-ca was changed meanwhile; the CAs are captured again');
    return {
      why: results.map(({ message }) => message).join('; ') || 'nothing was missing any more',
      changed: captured.length > 0,
      events: results.map((result) => eventOf(result, node)),
    };
  }

  #remember(results: readonly CaptureResult[], node: Node, now: Date): void {
    const withoutKey = new Map(this.#memory.withoutKey);
    for (const { id, result } of results) {
      if (result === 'no-key') withoutKey.set(id, new Set(withoutKey.get(id)).add(node.metadata?.uid ?? ''));
    }
    this.#memory = { ...this.#memory, withoutKey };
    if (results.some(({ result }) => result === 'refused')) this.#failed(now);
    else this.#memory = { ...this.#memory, failures: 0, lastFailure: undefined };
  }

  /** What is on no control plane is external; a key that is stored and was valid is kept, whatever one node says. */
  #external(results: readonly CaptureResult[], nodes: readonly Node[]): Captured[] {
    return results.flatMap(({ id, result }) =>
      result === 'no-key' && isExternal(id, nodes, this.#memory)
        ? [{ id, external: 'its key is on no control plane' }]
        : [],
    );
  }

  async #store(vault: Vault, captured: readonly Captured[]): Promise<boolean> {
    const known = { ...this.#options, clusterUID: vault.clusterUID };
    const accepted = captured.flatMap((one) =>
      'external' in one ? [] : [[one.id, one.certificate.sha256] as const],
    );
    await writeRecord(this.#options.client, Object.fromEntries(accepted));
    const { ok } = await writeSecret(this.#options.client, secretWith(vault.secret, captured, known));
    return ok;
  }

  #failed(now: Date): void {
    this.#memory = { ...this.#memory, failures: this.#memory.failures + 1, lastFailure: now };
  }

  async #remove(pods: readonly Pod[]): Promise<void> {
    for (const { metadata } of pods) {
      const ref = { name: metadata?.name ?? '', namespace: metadata?.namespace ?? '' };
      await this.#options.client.delete(resources.pods, ref, { uid: metadata?.uid ?? '' });
    }
  }
}

function capturedOf(result: CaptureResult): Captured[] {
  return result.result === 'captured' ? [result.captured] : [];
}

/** What was there and cannot be used any more. That nothing was captured yet is no loss. */
function lossesOf(vault: Vault, now: Date): readonly string[] {
  const losses = [...missingCas(vault, now)].filter(([id]) => vault.cas[id].state !== 'absent');
  return losses.map(([, why]) => why);
}

function lossEvent(message: string, node: Node): NewEvent {
  const about = { kind: 'Node', name: nameOf(node), uid: node.metadata?.uid ?? '' } as const;
  return { about, type: 'Warning', reason: 'CaLost', message };
}

const eventKinds: Readonly<Record<CaptureResult['result'], Pick<NewEvent, 'type' | 'reason'>>> = {
  captured: { type: 'Normal', reason: 'CaCaptured' },
  'no-key': { type: 'Warning', reason: 'CaExternal' },
  refused: { type: 'Warning', reason: 'CaRefused' },
};

function eventOf(result: CaptureResult, node: Node): NewEvent {
  const about = { kind: 'Node', name: nameOf(node), uid: node.metadata?.uid ?? '' } as const;
  return { about, ...eventKinds[result.result], message: result.message };
}

function quiet(why: string): StepResult {
  return { why, changed: false, events: [] };
}
