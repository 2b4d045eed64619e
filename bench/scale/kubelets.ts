// Our own small kubelets, all of a cluster in one process: each Pod of the product is shown running and then ended, with the
// message that the agent would leave; Nodes report themselves every five minutes. On the addresses of the control planes
// an etcd shows its certificate.
//   node bench/scale/kubelets.ts JSON        ends with its standard input; says on standard output what it has seen
import { createServer } from 'node:https';
import * as fs from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import { run as sayCertificates } from '../../src/agent/ca-certificates.ts';
import { run as harvest } from '../../src/agent/harvest.ts';
import { encodeMessage } from '../../src/agent/message.ts';
import { env, toolNotes, type DoneResult, type ScanResult } from '../../src/agent/protocol.ts';
import { labels } from '../../src/controller/labels.ts';
import { describeError } from '../../src/errors.ts';
import { createClient, type KubeClient } from '../../src/kube/client.ts';
import { Connection, loadKubeConfig } from '../../src/kube/connection.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import { resources } from '../../src/kube/resources.ts';
import { privateNamespace } from '../../src/kube/types.ts';
import { rfc3339 } from '../../src/pki/time.ts';
import { isControlPlaneName, nodeNames, nodeObject, rowsOf } from './nodes.ts';
import { readRows } from './template.ts';

export interface Order {
  readonly kubeconfig: string;
  readonly nodes: number;
  /** An address on which nobody but us may listen: who looks for a free part of 127.0.0.0/8 finds this one taken. */
  readonly endpoint: { readonly host: string; readonly port: number };
  /** The control planes' names, addresses and roots. */
  readonly controlPlanes: readonly {
    readonly name: string;
    readonly address: string;
    readonly root: string;
  }[];
}

/** What is said once a second. */
export interface Seen {
  readonly mostScansAtOnce: number;
  /** Of the product, now. */
  readonly pods: number;
}

/** Milliseconds of a Pod on a node whose image is there: until its container runs, and until that has ended. */
const starts = { least: 800, most: 1800 } as const;
const works = { least: 400, most: 1000 } as const;
const reportEvery = 300_000;

const between = ({ least, most }: { least: number; most: number }): number =>
  least + Math.random() * (most - least);

class Kubelets {
  readonly #client: KubeClient;
  readonly #order: Order;
  readonly #read;
  readonly #seen = new Set<string>();
  /** Nodes on which the tool was laid down. */
  readonly #staged = new Set<string>();
  readonly #ending = new Set<string>();
  readonly #pods: Reflector<Pod>;
  #scans = 0;
  #most = 0;

  constructor(order: Order, client: KubeClient) {
    this.#order = order;
    this.#client = client;
    this.#read = readRows(order.controlPlanes[0]?.root ?? '', new Date());
    this.#pods = new Reflector(client, resources.pods, {
      namespace: privateNamespace,
      labelSelector: labels.kind,
      onChange: () => this.#look(),
      onError: (error) => console.error(describeError(error)),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#pods.run(signal), this.#reportNodes(signal)]);
  }

  seen(): Seen {
    return { mostScansAtOnce: this.#most, pods: this.#pods.values().length };
  }

  #look(): void {
    for (const pod of this.#pods.values()) {
      const uid = pod.metadata?.uid ?? '';
      if (pod.metadata?.deletionTimestamp !== undefined && !this.#ending.has(uid)) {
        this.#ending.add(uid);
        void this.#safely(async () => this.#end(pod));
      }
      if (this.#seen.has(uid)) continue;
      this.#seen.add(uid);
      void this.#safely(async () => this.#serve(pod));
    }
  }

  async #safely(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      console.error(describeError(error));
    }
  }

  async #serve(pod: Pod): Promise<void> {
    const isScan = pod.metadata?.labels?.[labels.kind] === 'scan';
    if (isScan) this.#most = Math.max(this.#most, ++this.#scans);
    const containers = pod.spec?.containers ?? [];
    await wait(between(starts));
    const startedAt = rfc3339(new Date());
    await this.#status(pod, 'Running', (container) => ({ ...container, state: { running: { startedAt } } }));
    await wait(between(works));
    const said = new Map<string, string>();
    for (const container of containers) said.set(container.name, await this.#messageOf(pod, container));
    const finishedAt = rfc3339(new Date());
    await this.#status(pod, 'Succeeded', ({ name, ...rest }) => ({
      ...rest,
      name,
      state: {
        terminated: {
          exitCode: 0,
          reason: 'Completed',
          message: said.get(name) ?? '',
          startedAt,
          finishedAt,
        },
      },
    }));
    if (isScan) this.#scans -= 1;
  }

  async #status(
    pod: Pod,
    phase: string,
    fill: (one: {
      name: string;
      image: string;
      imageID: string;
      ready: boolean;
      restartCount: number;
    }) => object,
  ): Promise<void> {
    const containerStatuses = (pod.spec?.containers ?? []).map(({ name, image = '' }) =>
      fill({ name, image, imageID: image, ready: false, restartCount: 0 }),
    );
    await this.#client.patchStatus(resources.pods, refOf(pod), { phase, containerStatuses });
  }

  /** What the agent says; where it needs the node's files it is the agent itself that says it. */
  async #messageOf(pod: Pod, { name, env: given = [] }: Container): Promise<string> {
    const values = Object.fromEntries(given.map((each) => [each.name, each.value ?? '']));
    const node = pod.spec?.nodeName ?? '';
    const kind = pod.metadata?.labels?.[labels.kind];
    if (kind === 'scan') {
      return encodeMessage(this.#scanOf(node, values[env.machineID] ?? ''), {
        part: Number(values[env.part]),
        parts: Number(values[env.parts]),
      });
    }
    if (kind === 'stage') {
      this.#staged.add(node);
      const done: DoneResult = { schema: 1, message: 'laid down' };
      return encodeMessage(done);
    }
    const root = this.#order.controlPlanes.find((each) => each.name === node)?.root ?? '';
    const log = join(root, `${pod.metadata?.uid}.${name}.message`);
    const environment = {
      ...values,
      [env.podUID]: pod.metadata?.uid ?? '',
      [env.hostRoot]: root,
      [env.terminationLog]: log,
    };
    const face = kind === 'harvest' ? harvest : sayCertificates;
    await face(environment, new AbortController().signal);
    return fs.readFileSync(log, 'utf8');
  }

  #scanOf(node: string, machineID: string): ScanResult {
    const now = new Date();
    const { rows, notes } = this.#read;
    return {
      schema: 1,
      machineID,
      clock: now.toISOString(),
      certificates: rowsOf(node, rows, now),
      notes: notes.filter(
        (note) => isControlPlaneName(node) && !(note === toolNotes.absent && this.#staged.has(node)),
      ),
    };
  }

  async #end(pod: Pod): Promise<void> {
    const uid = pod.metadata?.uid ?? '';
    await this.#client.delete(resources.pods, refOf(pod), { uid, gracePeriodSeconds: 0 });
    this.#ending.delete(uid);
    this.#seen.delete(uid);
  }

  /** Nothing changes on them but the moment of the report. */
  async #reportNodes(signal: AbortSignal): Promise<void> {
    const names = nodeNames(this.#order.nodes);
    for (let i = 0; !signal.aborted; i++) {
      const name = names[i % names.length] ?? '';
      await wait(reportEvery / names.length, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const { conditions } = nodeObject(name, '', new Date()).status ?? {};
      await this.#safely(async () => {
        await this.#client.patchStatus(resources.nodes, { name }, { conditions });
      });
    }
  }
}

const refOf = ({ metadata }: Pod) => ({ name: metadata?.name ?? '', namespace: privateNamespace });

/** It says nothing: who asks wants to see its certificate. */
async function showEtcd(root: string, host: string, port: number): Promise<void> {
  const read = (name: string): Buffer => fs.readFileSync(join(root, 'etc/kubernetes/pki/etcd', name));
  const server = createServer({ cert: read('server.crt'), key: read('server.key') });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

async function main(order: Order): Promise<void> {
  const stop = new AbortController();
  const connection = new Connection(loadKubeConfig(order.kubeconfig));
  await showEtcd(order.controlPlanes[0]?.root ?? '', order.endpoint.host, order.endpoint.port);
  for (const { root, address } of order.controlPlanes) await showEtcd(root, address, 2379);
  const kubelets = new Kubelets(order, createClient(connection));
  setInterval(() => console.log(JSON.stringify(kubelets.seen())), 1000);
  process.stdin.resume().once('end', () => process.exit(0));
  await kubelets.run(stop.signal);
}

if (import.meta.main) {
  const order: Order = JSON.parse(process.argv[2] ?? '');
  await main(order);
}
