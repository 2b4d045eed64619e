// One look at the cluster: what the dashboard watches, asked once, with the person's own rights.
import {
  configurationKey,
  configurationRef,
  defaultConfiguration,
  parseConfiguration,
} from '../controller/configuration.ts';
import { inventoryLabel, readInventories } from '../controller/inventory-store.ts';
import { CertError, describeError } from '../errors.ts';
import { unlessDenied } from '../denied.ts';
import { resources, type ObjectRef } from '../kube/resources.ts';
import { defaultPublicNamespace, privateNamespace } from '../kube/types.ts';
import { message } from '../view/messages/message.ts';
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
    // said by `blind`
    controllerUnread: undefined,
    staleSince: undefined,
  });
  const blind = [
    ...blindFor('blind.configuration', configuration.denied),
    ...blindFor('blind.controller', lease.denied),
  ];
  return { seen, blind, publicNamespace };
}

function blindFor(key: 'blind.configuration' | 'blind.controller', denied: CertError | undefined) {
  return denied === undefined ? [] : [wordOf(key, { why: denied.message })];
}

async function readConfiguration(kubectl: Kubectl): Promise<SeenConfiguration> {
  const map = await kubectl.get(resources.configMaps, configurationRef);
  try {
    return { settings: parseConfiguration(map?.data?.[configurationKey] ?? ''), problem: undefined };
  } catch (error) {
    return {
      settings: defaultConfiguration,
      problem: message('need.configuration', { why: describeError(error) }),
    };
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
