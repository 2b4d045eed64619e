// One look at the cluster: what the dashboard watches, asked once, with the person's own rights.
import {
  configurationKey,
  configurationRef,
  defaultConfiguration,
  parseConfiguration,
} from '../controller/configuration.ts';
import { inventoryLabel, readInventories } from '../controller/inventory-store.ts';
import { CertError, describeError } from '../errors.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import { defaultPublicNamespace, privateNamespace } from '../kube/types.ts';
import { seenOf, type Seen, type SeenConfiguration } from '../view/picture.ts';
import { asViewer } from './act.ts';
import type { Kubectl } from './kubectl.ts';
import { wordOf, type Told } from './words.ts';

export const leaseRef: ObjectRef = { name: 'cluster-cert-rotator', namespace: privateNamespace };

export const inventorySelector = `${inventoryLabel.name}=${inventoryLabel.value}`;

export interface Look {
  readonly seen: Seen;
  /** What could not be read, and what is assumed instead. */
  readonly blind: readonly Told[];
  readonly publicNamespace: string;
}

/** @param namespace that of the inventories, where it is not the configured one */
export async function lookAt(kubectl: Kubectl, namespace: string | undefined, now: Date): Promise<Look> {
  // First and alone: where kubectl asks for a password, it asks once.
  const configuration = await unlessDenied(async () => await readConfiguration(kubectl));
  const publicNamespace =
    namespace ?? configuration.value?.settings.publicNamespace ?? defaultPublicNamespace;
  const [nodes, rotations, maps, lease] = await asViewer(
    async () =>
      await Promise.all([
        kubectl.list(resources.nodes),
        listRotations(kubectl),
        kubectl.list(resources.configMaps, { namespace: publicNamespace, labelSelector: inventorySelector }),
        unlessDenied(async () => (await kubectl.get(resources.leases, leaseRef))?.spec?.renewTime ?? null),
      ]),
  );
  const seen = seenOf({
    now,
    nodes,
    rotations,
    ...readInventories(maps),
    configuration: configuration.value ?? { settings: defaultConfiguration, problem: undefined },
    // no command tells of it
    accepted: undefined,
    controllerAt: lease.value,
    staleSince: undefined,
  });
  const blind = [
    ...(configuration.denied === undefined ? [] : [wordOf('blind.configuration', configuration.denied)]),
    ...(lease.denied === undefined ? [] : [wordOf('blind.controller', lease.denied)]),
  ];
  return { seen, blind, publicNamespace };
}

async function readConfiguration(kubectl: Kubectl): Promise<SeenConfiguration> {
  const map = await kubectl.get(resources.configMaps, configurationRef);
  try {
    return { settings: parseConfiguration(map?.data?.[configurationKey] ?? ''), problem: undefined };
  } catch (error) {
    return { settings: defaultConfiguration, problem: describeError(error) };
  }
}

async function listRotations(kubectl: Kubectl) {
  try {
    return await kubectl.list(resources.certificateRotations);
  } catch (error) {
    if (!(error instanceof CertError) || error.code !== 'NotFound') throw error;
    const text = 'this cluster serves no CertificateRotations: cluster-cert-rotator is not installed on it';
    throw new CertError('NotFound', text, { cause: error });
  }
}

interface Asked<T> {
  readonly value?: T;
  readonly denied?: { readonly why: string };
}

/** What is good to know, and may be kept from a person. */
async function unlessDenied<T>(ask: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await ask() };
  } catch (error) {
    if (error instanceof CertError && error.code === 'Denied') return { denied: { why: error.message } };
    throw error;
  }
}
