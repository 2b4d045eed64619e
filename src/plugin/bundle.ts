// What a support bundle is made of: each part is asked for by itself, and what may not be read is left out and named.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { configurationRef } from '../controller/configuration.ts';
import { CertError } from '../errors.ts';
import { resources, type Resource } from '../kube/resources.ts';
import { privateNamespace, signerName } from '../kube/types.ts';
import type { Kubectl, ListWish } from './kubectl.ts';
import { inventorySelector, leaseRef } from './picture.ts';
import { redact } from './redact.ts';
import type { TarFile } from './tar.ts';
import * as trim from './trim.ts';

export interface Missing {
  readonly path: string;
  readonly why: string;
}

export interface Bundle {
  readonly files: readonly TarFile[];
  readonly missing: readonly Missing[];
}

/** Lines and bytes of each log; Pods whose logs are read, the newest. */
const most = { lines: 5000, bytes: 4 * 1024 * 1024, pods: 40 } as const;

const productSelector = 'app=cluster-cert-rotator';
const reporter = 'certrotator.cpaas.io/controller';

interface Part {
  readonly path: string;
  readonly read: () => Promise<string>;
}

/** Errors: Unreachable, NotFound (kubectl), Aborted: then there is nothing to be had. What is denied is left out. */
export async function gatherBundle(kubectl: Kubectl, publicNamespace: string): Promise<Bundle> {
  const files: TarFile[] = [];
  const missing: Missing[] = [];
  const take = async ({ path, read }: Part): Promise<void> => {
    try {
      files.push({ path, text: await read() });
    } catch (error) {
      const isOwn = error instanceof CertError && ['Denied', 'NotFound'].includes(error.code);
      if (!isOwn) throw error;
      missing.push({ path, why: error.message });
    }
  };
  for (const part of objectParts(kubectl, publicNamespace)) await take(part);
  for (const { namespace, selector } of podPlaces(publicNamespace)) {
    let pods: readonly Pod[] = [];
    const read = async (): Promise<string> => {
      pods = await kubectl.list(resources.pods, { namespace, ...selector });
      return textOf(pods.map(trim.trimPod));
    };
    await take({ path: `pods/${namespace}.json`, read });
    for (const part of logParts(kubectl, namespace, pods)) await take(part);
  }
  return { files, missing };
}

const podPlaces = (publicNamespace: string) => [
  { namespace: privateNamespace, selector: {} },
  { namespace: publicNamespace, selector: { labelSelector: productSelector } },
];

function objectParts(kubectl: Kubectl, publicNamespace: string): readonly Part[] {
  const listed = <T>(path: string, of: Resource<T>, wish: ListWish, trimmed: (one: T) => object): Part => ({
    path,
    read: async () => textOf((await kubectl.list(of, wish)).map(trimmed)),
  });
  const { configMaps, certificateSigningRequests: requests, deployments, events } = resources;
  const own = { labelSelector: productSelector };
  const ours = { fieldSelector: `reportingComponent=${reporter}` };
  return [
    { path: 'server-version.json', read: async () => redact(await kubectl.text('/version')) },
    listed('nodes.json', resources.nodes, {}, trim.trimNode),
    listed('certificaterotations.json', resources.certificateRotations, {}, trim.trimRotation),
    listed('requests.json', requests, { fieldSelector: `spec.signerName=${signerName}` }, trim.trimRequest),
    listed(
      'inventories.json',
      configMaps,
      { namespace: publicNamespace, labelSelector: inventorySelector },
      trim.trimMap,
    ),
    {
      path: 'configuration.json',
      read: async () => {
        const map = await kubectl.get(configMaps, configurationRef);
        return textOf(map === undefined ? [] : [trim.trimMap(map)]);
      },
    },
    {
      path: 'lease.json',
      read: async () => {
        const lease = await kubectl.get(resources.leases, leaseRef);
        return textOf(lease === undefined ? [] : [trim.trimLease(lease)]);
      },
    },
    ...[privateNamespace, publicNamespace].map((namespace) =>
      listed(`deployments/${namespace}.json`, deployments, { namespace, ...own }, trim.trimDeployment),
    ),
    listed(`events/${privateNamespace}.json`, events, { namespace: privateNamespace }, trim.trimEvent),
    ...[publicNamespace, 'default'].map((namespace) =>
      listed(`events/${namespace}.json`, events, { namespace, ...ours }, trim.trimEvent),
    ),
  ];
}

function logParts(kubectl: Kubectl, namespace: string, pods: readonly Pod[]): readonly Part[] {
  const newest = pods.toSorted((a, b) => (createdAt(a) < createdAt(b) ? 1 : -1)).slice(0, most.pods);
  return newest.flatMap(({ metadata, status }) => {
    const name = metadata?.name ?? '';
    const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    return all
      .filter(({ state }) => state?.waiting === undefined)
      .flatMap(({ name: container, restartCount }) => {
        const part = (suffix: string, previous: boolean): Part => ({
          path: `logs/${namespace}/${name}/${container}${suffix}.log`,
          read: async () => redact(await kubectl.text(logPath(namespace, name, container, previous))),
        });
        return [part('', false), ...(restartCount > 0 ? [part('.previous', true)] : [])];
      });
  });
}

const createdAt = ({ metadata }: Pod): string => metadata?.creationTimestamp ?? '';

function logPath(namespace: string, pod: string, container: string, previous: boolean): string {
  const query = new URLSearchParams({
    container,
    tailLines: String(most.lines),
    limitBytes: String(most.bytes),
    timestamps: 'true',
    ...(previous ? { previous: 'true' } : {}),
  });
  const [where, which] = [encodeURIComponent(namespace), encodeURIComponent(pod)];
  return `/api/v1/namespaces/${where}/pods/${which}/log?${query.toString()}`;
}

/** Each text by itself, so that what is taken out of one leaves the others. */
const textOf = (items: readonly object[]): string =>
  `${JSON.stringify(items, (_, each: unknown) => (typeof each === 'string' ? redact(each) : each), 1)}\n`;
