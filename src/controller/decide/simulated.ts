// A cluster as values, for tests alone: API objects, nodes with certificates, agents that do what the real ones say.
// Time passes only when told. It is no model of Kubernetes; it is what `decide` can tell apart.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { encodeMessage } from '../../agent/message.ts';
import type { RotateResult, ScanResult } from '../../agent/protocol.ts';
import { certificateIds, type CertificateId, type NodeRole } from '../../catalogue/ids.ts';
import { isActive, isOpenNow, isTerminal } from '../../kube/objects.ts';
import type { CertificateRotation, Phase } from '../../kube/types.ts';
import { defaultConfiguration, type Configuration } from '../configuration.ts';
import { labels } from '../labels.ts';
import type { Action, Health, Inventory, NewEvent, VaultStatus, World } from '../world.ts';
import { decide } from './index.ts';
import {
  day,
  finished,
  liveSerialsOf,
  problemsOf,
  rowOf,
  Watched,
  withState,
  type SimulatedCertificate,
  type SimulatedNode,
} from './simulated-objects.ts';
import { rfc3339 } from '../../pki/time.ts';

const workerIds: readonly CertificateId[] = ['kubelet.crt', 'kubelet-client-current.pem'];

const nodeUIDOf = (pod: Pod): string | undefined => pod.metadata?.labels?.[labels.nodeUID];

export class SimulatedCluster {
  now: Date;
  configuration: Configuration;
  readonly nodes: SimulatedNode[] = [];
  readonly inventories = new Map<string, Inventory>();
  rotations: CertificateRotation[] = [];
  pods: Pod[] = [];
  readonly events: NewEvent[] = [];
  /** Every certificate that an agent renewed: node, id, how long before its end. */
  readonly renewals: { node: string; id: CertificateId; at: Date; remaining: number }[] = [];
  vault: VaultStatus;
  health: Partial<Health> = {};
  /** After so many a leader dies. */
  actionsAPass = Infinity;
  /** Milliseconds by which the API server's clock is ahead of the controller's. */
  serverAhead = 0;
  /** By rotation: what was signed for it. */
  readonly signed = new Map<string, Set<string>>();
  readonly #watched = new Watched();
  #count = 0;

  constructor(configuration: Partial<Configuration> = {}, start = new Date('2026-06-01T00:00:00Z')) {
    this.now = start;
    this.configuration = { ...defaultConfiguration, ...configuration };
    const ca = { sha256: '00', notBefore: this.#in(-day), notAfter: this.#in(3650 * day) };
    this.vault = { cas: { kubernetes: ca, etcd: ca, 'front-proxy': ca } };
  }

  add(
    name: string,
    role: NodeRole,
    ages: (id: CertificateId) => { age: number; lifetime: number },
  ): SimulatedNode {
    const ids = role === 'control-plane' ? certificateIds : workerIds;
    const node: SimulatedNode = {
      name,
      uid: this.#uid(),
      role,
      ready: true,
      clockAhead: 0,
      certificates: new Map(),
      annotations: {},
      notes: [],
      missing: [],
      outcome: () => ({}),
    };
    for (const id of ids) {
      const { age, lifetime } = ages(id);
      const notBefore = new Date(this.now.getTime() - age * day);
      const notAfter = new Date(notBefore.getTime() + lifetime * day);
      node.certificates.set(id, { serial: this.#serial(), notBefore, notAfter, state: 'Ok' });
    }
    this.nodes.push(node);
    return node;
  }

  /** The world as the gatherer would make it. */
  world(): World {
    return {
      now: this.now,
      configuration: this.configuration,
      ...this.#watched.lists(this.nodes, this.inventories.values(), this.rotations),
      pods: this.pods,
      vault: this.vault,
      health: this.rotations.some(isOpenNow)
        ? { checkedAt: this.now.toISOString(), apiServers: new Map(), etcd: new Map(), ...this.health }
        : undefined,
      liveSerials: liveSerialsOf(this.rotations, this.nodes, this.now),
      signed: this.signed,
      podProblems: this.#podProblems(),
    };
  }

  /** One pass of the loop. */
  pass(): Action[] {
    const actions = decide(this.world());
    for (const action of actions.slice(0, this.actionsAPass)) this.#apply(action);
    return actions;
  }

  /** Passes until nothing is decided any more, no time going by. Throws when that does not happen. */
  settle(most = 12): number {
    for (let passes = 0; passes < most; passes++) {
      if (this.pass().length === 0) return passes;
    }
    throw new Error(`still busy after ${most} passes: ${JSON.stringify(decide(this.world())).slice(0, 500)}`);
  }

  /** Lets `milliseconds` go by, in which every Pod gets one step further. */
  elapse(milliseconds: number): void {
    this.now = new Date(this.now.getTime() + milliseconds);
    const nodes = this.#nodesOfPods();
    this.pods = this.pods.map((pod) => this.#step(pod, nodes.get(nodeUIDOf(pod))));
  }

  /** Until nothing is under way; the number of steps. */
  run(most = 400, step = 5000): number {
    for (let steps = 0; steps < most; steps++) {
      this.settle();
      if (this.pods.length === 0 && this.open().every(({ status }) => status?.phase === 'Scheduled'))
        return steps;
      this.elapse(step);
    }
    return most;
  }

  open(): CertificateRotation[] {
    return this.rotations.filter((rotation) => !isTerminal(rotation));
  }

  inFlight(role: NodeRole): CertificateRotation[] {
    const active = this.rotations.filter(isActive);
    if (active.length === 0) return active;
    const names = new Set(this.nodes.filter((node) => node.role === role).map(({ name }) => name));
    return active.filter(({ spec }) => names.has(spec.nodeName));
  }

  of(nodeName: string): CertificateRotation[] {
    return this.rotations.filter(({ spec }) => spec.nodeName === nodeName);
  }

  phases(nodeName: string): (Phase | undefined)[] {
    return this.of(nodeName).map(({ status }) => status?.phase);
  }

  /** As kubectl: no status. */
  createByHand(name: string, spec: Omit<CertificateRotation['spec'], 'reason'>): CertificateRotation {
    const rotation: CertificateRotation = {
      metadata: { name, uid: this.#uid(), creationTimestamp: this.#seconds() },
      spec: { ...spec, reason: 'Manual' },
    };
    this.rotations.push(rotation);
    return rotation;
  }

  #apply(action: Action): void {
    switch (action.type) {
      case 'create-pod':
        this.#createPod(action.pod);
        break;
      case 'delete-pod':
        this.pods = this.pods.filter((pod) => pod.metadata?.uid !== action.uid);
        break;
      case 'write-inventory':
        this.#writeInventory(action.node, action.result, action.collectedAt);
        break;
      case 'create-rotation':
        this.#createRotation(action.rotation);
        break;
      case 'patch-rotation-status':
        this.#patchStatus(action.rotation.metadata.uid, action.status);
        break;
      case 'delete-rotation':
        this.rotations = this.rotations.filter((one) => one.metadata.name !== action.rotation.metadata.name);
        break;
      case 'event':
        this.events.push(action.event);
        break;
      default:
        action satisfies never;
    }
  }

  #patchStatus(uid: string | undefined, status: CertificateRotation['status'] & object): void {
    const at = this.rotations.findLastIndex(({ metadata }) => metadata.uid === uid);
    const known = this.rotations[at];
    if (known !== undefined) this.rotations[at] = { ...known, status };
  }

  #createPod(pod: Pod): void {
    if (this.pods.some(({ metadata }) => metadata?.name === pod.metadata?.name)) {
      throw new Error(`Pod ${pod.metadata?.name} exists`);
    }
    const metadata = { ...pod.metadata, uid: this.#uid(), creationTimestamp: this.#seconds() };
    this.pods.push(withState({ ...pod, metadata }, 'Pending', { waiting: { reason: 'ContainerCreating' } }));
  }

  #writeInventory(node: Node, result: ScanResult, collectedAt: string): void {
    const { name = '', uid = '' } = node.metadata ?? {};
    const { schema, machineID, clock, certificates, notes } = result;
    this.inventories.set(name, {
      schema,
      node: name,
      nodeUID: uid,
      machineID,
      collectedAt,
      clock,
      certificates,
      notes,
    });
  }

  #createRotation(rotation: CertificateRotation): void {
    if (this.rotations.some(({ metadata }) => metadata.name === rotation.metadata.name)) {
      throw new Error(`CertificateRotation ${rotation.metadata.name} exists`);
    }
    const metadata = { ...rotation.metadata, uid: this.#uid(), creationTimestamp: this.#seconds() };
    this.rotations.push({ ...rotation, metadata });
  }

  #step(pod: Pod, node: SimulatedNode | undefined): Pod {
    if (node?.ready !== true || pod.status?.phase === 'Succeeded') return pod;
    if (problemsOf(pod, node.missing).length > 0) return pod;
    const kind = pod.metadata?.labels?.[labels.kind];
    if (kind === 'scan') {
      return finished(pod, this.now, (part, parts) => encodeMessage(this.#scan(node), { part, parts }));
    }
    if (kind === 'stage') {
      node.notes = [];
      return finished(pod, this.now, () => encodeMessage({ schema: 1, message: 'done' }));
    }
    if (kind === 'restart-kubelet') return withState(pod, 'Running', { running: {} });
    return kind === 'rotate' ? this.#stepRotate(pod, node) : pod;
  }

  /** First it asks for certificates, then it applies them. */
  #stepRotate(pod: Pod, node: SimulatedNode): Pod {
    if (pod.status?.initContainerStatuses === undefined) {
      const status = { name: 'request', image: '', imageID: '', ready: true, restartCount: 0 };
      return {
        ...pod,
        status: {
          ...pod.status,
          initContainerStatuses: [{ ...status, state: { terminated: { exitCode: 0 } } }],
        },
      };
    }
    const rotation = this.rotations.find(
      ({ metadata }) => metadata.uid === pod.metadata?.labels?.[labels.rotation],
    );
    const result = this.#rotate(node, rotation?.spec.certificates ?? []);
    const signed = result.certificates.map(({ id, newSerial }) => `${id} ${newSerial}`);
    this.signed.set(rotation?.metadata.name ?? '', new Set(signed));
    return finished(pod, this.now, () => encodeMessage(result));
  }

  #rotate(node: SimulatedNode, ids: readonly CertificateId[]): RotateResult {
    const answer = node.outcome(ids);
    const base = {
      schema: 1,
      outcome: 'succeeded',
      reason: 'Renewed',
      message: 'all done',
      steps: [],
    } as const;
    if (answer.outcome !== undefined && answer.outcome !== 'succeeded')
      return { ...base, certificates: [], ...answer };
    const certificates = ids.flatMap((id) => this.#renew(node, id));
    return { ...base, certificates, ...answer };
  }

  #renew(node: SimulatedNode, id: CertificateId): RotateResult['certificates'] {
    const old = node.certificates.get(id);
    if (old === undefined) return [];
    const { lifetimes, backdate } = this.configuration;
    const lifetime = workerIds.includes(id) ? lifetimes.kubelet : lifetimes.controlPlane;
    const notBefore = new Date(this.now.getTime() - Math.min(backdate, lifetime / 10));
    const notAfter = new Date(this.now.getTime() + lifetime);
    const renewed: SimulatedCertificate = { serial: this.#serial(), notBefore, notAfter, state: 'Ok' };
    node.certificates.set(id, renewed);
    const remaining = old.notAfter.getTime() - this.now.getTime();
    this.renewals.push({ node: node.name, id, at: this.now, remaining });
    return [
      {
        id,
        oldSerial: old.serial,
        newSerial: renewed.serial,
        oldNotAfter: old.notAfter.toISOString(),
        newNotAfter: renewed.notAfter.toISOString(),
        proof: 'seen',
      },
    ];
  }

  #scan(node: SimulatedNode): ScanResult {
    return {
      schema: 1,
      machineID: node.uid,
      clock: new Date(this.now.getTime() + node.clockAhead).toISOString(),
      certificates: [...node.certificates].map(([id, certificate]) => rowOf(id, certificate)),
      notes: node.notes,
    };
  }

  #podProblems(): World['podProblems'] {
    const nodes = this.#nodesOfPods();
    const problems = (pod: Pod) => problemsOf(pod, nodes.get(nodeUIDOf(pod))?.missing ?? []);
    return new Map(this.pods.map((pod) => [pod.metadata?.uid ?? '', problems(pod)]));
  }

  /** By UID; looked for once for all Pods, since there may be thousands of nodes. */
  #nodesOfPods(): ReadonlyMap<string | undefined, SimulatedNode> {
    const wanted = new Set(this.pods.map(nodeUIDOf));
    return new Map(this.nodes.filter(({ uid }) => wanted.has(uid)).map((node) => [node.uid, node]));
  }

  #in(milliseconds: number): string {
    return new Date(this.now.getTime() + milliseconds).toISOString();
  }

  #seconds(): string {
    return rfc3339(new Date(this.now.getTime() + this.serverAhead));
  }

  #uid(): string {
    this.#count += 1;
    return `uid-${this.#count}`;
  }

  #serial(): string {
    this.#count += 1;
    return (0x1000 + this.#count).toString(16);
  }
}
