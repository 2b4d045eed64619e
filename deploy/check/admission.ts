// Asks a real API server, as the identities themselves and in dry runs, what the chart's policies and rights let through.
//   KUBECONFIG=… node deploy/check/admission.ts        after `make deploy`; changes nothing; needs kubectl for exec, attach and debug
// Every Pod that the program makes must pass; every one that differs by one thing must be denied by a policy.
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, Node, Pod } from 'kubernetes-types/core/v1.js';
import { parseConfiguration, type Configuration } from '../../src/controller/configuration.ts';
import {
  caCertificatesPod,
  forbiddenPod,
  harvestPod,
  restartPod,
  rotatePod,
  scanPod,
  stagePod,
} from '../../src/controller/pods.ts';
import { collectionPath, objectPath, resources } from '../../src/kube/resources.ts';
import type { CertificateRotation } from '../../src/kube/types.ts';
import { controller, namespace, read, replicaSets } from './api.ts';
import { changedContainers, changedPods, changedVolumes, type Agents } from './changes.ts';
import { checkConnect } from './connect.ts';
import { checkEvents } from './events.ts';
import { changedOwnContainer, changedOwnPod, changedOwnVolumes, withToken } from './own-pod.ts';
import { allowed, count, denied } from './report.ts';
import { checkRights } from './rights.ts';
import { checkWrites } from './writes.ts';

function agents(node: Node, configuration: Configuration): Agents {
  const rotation: CertificateRotation = {
    metadata: { name: 'check-1', uid: '00000000-0000-0000-0000-000000000000' },
    spec: {
      nodeName: node.metadata?.name ?? '',
      nodeUID: node.metadata?.uid ?? '',
      certificates: ['kubelet.crt'],
      reason: 'Manual',
    },
  };
  return {
    scan: scanPod(node, configuration, { parts: 1 }),
    'scan in three parts, without a path': scanPod(node, configuration, {
      parts: 3,
      without: ['/etc/sysconfig'],
    }),
    rotate: rotatePod(node, rotation, configuration, {}),
    'restart-kubelet': restartPod(node, rotation, configuration),
    stage: stagePod(node, configuration),
    harvest: harvestPod({ node, clusterUID: 'uid', publicKey: 'cHVibGlj' }, configuration),
    'ca-certificates': caCertificatesPod({ node }, configuration),
  };
}

async function checkAgents(pods: Agents): Promise<void> {
  for (const [name, pod] of Object.entries(pods)) {
    await allowed(`the controller makes a Pod: ${name}`, pod, controller);
    await denied(`an administrator makes a Pod: ${name}`, pod);
    await denied(`the ReplicaSet controller makes a Pod: ${name}`, pod, replicaSets);
  }
}

async function checkChanges(pods: Agents, node: Node, configuration: Configuration): Promise<void> {
  const forbidden = forbiddenPod(node, configuration);
  await denied('the controller: the Pod that it tries at its start', forbidden, controller);
  const changes = { ...changedContainers(pods), ...changedVolumes(pods), ...changedPods(pods) };
  for (const [name, pod] of Object.entries(changes)) await denied(`the controller: ${name}`, pod, controller);
}

async function checkOwnPod(): Promise<void> {
  const name = 'cluster-cert-rotator-controller';
  const { spec } = await read<Deployment>(objectPath(resources.deployments, { name, namespace }));
  if (spec?.template.spec === undefined) throw new Error(`Deployment ${name} says nothing of its Pods`);
  const own: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: 'check', namespace },
    spec: spec.template.spec,
  };
  await allowed('the ReplicaSet controller makes the controller’s Pod', own, replicaSets);
  await denied('an administrator makes the controller’s Pod', own);
  await denied('the controller makes its own Pod', own, controller);
  await allowed(
    'the ReplicaSet controller makes it with the token that the API server adds',
    withToken(own),
    replicaSets,
  );
  const changes = { ...changedOwnContainer(own), ...changedOwnVolumes(own), ...changedOwnPod(own) };
  for (const [name, pod] of Object.entries(changes))
    await denied(`the ReplicaSet controller: ${name}`, pod, replicaSets);
}

async function main(): Promise<void> {
  const name = 'cluster-cert-rotator-config';
  const { data = {} } = await read<ConfigMap>(objectPath(resources.configMaps, { name, namespace }));
  const configuration = parseConfiguration(data['config.yaml'] ?? '');
  const controlPlanes = `${collectionPath(resources.nodes)}?labelSelector=node-role.kubernetes.io/control-plane`;
  const {
    items: [node],
  } = await read<{ items: Node[] }>(controlPlanes);
  if (node === undefined) throw new Error('the cluster has no control plane');
  const pods = agents(node, configuration);
  await checkAgents(pods);
  await checkChanges(pods, node, configuration);
  await checkOwnPod();
  await checkConnect();
  await checkWrites(configuration.publicNamespace);
  await checkEvents(node.metadata?.name ?? '');
  await checkRights();
  console.log(`${count.passed} passed, ${count.failed} failed`);
  if (count.failed > 0) process.exitCode = 1;
}

await main();
