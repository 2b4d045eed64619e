// What the chart must know of the program: the rights of each kind of Pod for the ValidatingAdmissionPolicy (R8), and the
// names that the CustomResourceDefinition lists. Written to deploy/chart/files/product.json, which templates read.
import { env } from '../agent/protocol.ts';
import { certificateIds } from '../catalogue/ids.ts';
import { phases, privateNamespace, signerName } from '../kube/types.ts';
import { web } from './downloads.ts';
import { labels } from './labels.ts';
import { metricsService, metricsServing } from './serving-keeper.ts';
import {
  agentExecutable,
  hostPaths,
  hostRoot,
  mostContainers,
  podKinds,
  serviceAccounts,
  tokenDirectory,
  tokenSeconds,
  tokenVolume,
  type ContainerRights,
} from './pods-kinds.ts';

function containerForChart({ face, reads, writes, extraHostPaths, capabilities, token }: ContainerRights) {
  return {
    command: [agentExecutable, 'agent', face],
    readOnly: reads.filter((name) => !writes.includes(name)),
    readWrite: writes,
    extraHostPaths,
    capabilities,
    token,
  };
}

/** The file's text. */
export function chartFile(): string {
  const kinds = Object.entries(podKinds).map(([kind, rights]) => [
    kind,
    {
      ...rights,
      initContainers: rights.initContainers.map(containerForChart),
      containers: rights.containers.map(containerForChart),
    },
  ]);
  const paths = Object.entries(hostPaths).map(([name, { path, type }]) => [name, { path, type }]);
  const product = {
    privateNamespace,
    signerName,
    kindLabel: labels.kind,
    serviceAccounts,
    web,
    metrics: {
      service: metricsService.name,
      port: metricsService.port,
      secret: metricsServing.name,
      serverName: metricsServing.names[0],
    },
    certificateIds,
    phases,
    agentEnvironment: Object.values(env).toSorted(),
    hostRoot,
    token: { volume: tokenVolume, directory: tokenDirectory, seconds: tokenSeconds },
    mostContainers,
    hostPaths: Object.fromEntries(paths),
    podKinds: Object.fromEntries(kinds),
  };
  return `${JSON.stringify(product, undefined, 2)}\n`;
}
