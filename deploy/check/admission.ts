// Asks a real API server, as the identities themselves and in dry runs, what the chart's policies and rights let through.
//   KUBECONFIG=… node deploy/check/admission.ts        after `make deploy`; needs kubectl; changes nothing
// Every Pod that the program makes must pass; every one that differs by one thing must be denied by a policy.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
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
import type { CertificateRotation } from '../../src/kube/types.ts';
import { changedContainers, changedPods, changedVolumes, type Agents } from './changes.ts';
import { checkEvents } from './events.ts';
import {
  allowed,
  controller,
  count,
  denied,
  kubectl,
  namespace,
  policy,
  read,
  replicaSets,
  report,
} from './kubectl.ts';
import { changedOwnContainer, changedOwnPod, changedOwnVolumes, withToken } from './own-pod.ts';
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

function checkAgents(pods: Agents): void {
  for (const [name, pod] of Object.entries(pods)) {
    allowed(`the controller makes a Pod: ${name}`, pod, controller);
    denied(`an administrator makes a Pod: ${name}`, pod);
    denied(`the ReplicaSet controller makes a Pod: ${name}`, pod, replicaSets);
  }
}

function checkChanges(pods: Agents, node: Node, configuration: Configuration): void {
  denied('the controller: the Pod that it tries at its start', forbiddenPod(node, configuration), controller);
  const changes = { ...changedContainers(pods), ...changedVolumes(pods), ...changedPods(pods) };
  for (const [name, pod] of Object.entries(changes)) denied(`the controller: ${name}`, pod, controller);
}

function checkOwnPod(): void {
  const { spec }: { spec: { template: Pod } } = JSON.parse(
    read(['-n', namespace, 'get', 'deployment', 'cluster-cert-rotator-controller']),
  );
  const own: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: 'check', namespace },
    ...(spec.template.spec === undefined ? {} : { spec: spec.template.spec }),
  };
  allowed('the ReplicaSet controller makes the controller’s Pod', own, replicaSets);
  denied('an administrator makes the controller’s Pod', own);
  denied('the controller makes its own Pod', own, controller);
  allowed(
    'the ReplicaSet controller makes it with the token that the API server adds',
    withToken(own),
    replicaSets,
  );
  const changes = { ...changedOwnContainer(own), ...changedOwnVolumes(own), ...changedOwnPod(own) };
  for (const [name, pod] of Object.entries(changes))
    denied(`the ReplicaSet controller: ${name}`, pod, replicaSets);
}

function checkConnect(): void {
  const { items }: { items: Pod[] } = JSON.parse(read(['-n', namespace, 'get', 'pods']));
  const name = items.find(({ metadata }) => metadata?.name?.startsWith('cluster-cert-rotator-controller'))
    ?.metadata?.name;
  if (name === undefined) {
    report(false, 'there is a Pod of the controller');
    return;
  }
  const here = ['-n', namespace];
  const attempts: Record<string, readonly string[]> = {
    'an administrator: exec': ['exec', ...here, name, '--', '/usr/bin/node'],
    'an administrator: attach': ['attach', ...here, name],
    'an administrator: the API server’s proxy to it': [
      'get',
      '--raw',
      `/api/v1/namespaces/${namespace}/pods/${name}/proxy/metrics`,
    ],
    'an administrator: debug by an ephemeral container': [
      'debug',
      ...here,
      name,
      '--image=docker.io/library/busybox:1',
    ],
    'an administrator: another image for a running Pod': [
      'set',
      'image',
      ...here,
      `pod/${name}`,
      'controller=docker.io/x:1',
    ],
  };
  for (const [what, args] of Object.entries(attempts)) {
    const { ok, text } = kubectl(['--request-timeout=20s', ...args]);
    report(!ok && policy.test(text), `denied:  ${what}`, text);
  }
}

function main(): void {
  const { data }: { data: Record<string, string> } = JSON.parse(
    read(['-n', namespace, 'get', 'configmap', 'cluster-cert-rotator-config']),
  );
  const configuration = parseConfiguration(data['config.yaml'] ?? '');
  const { items }: { items: Node[] } = JSON.parse(
    read(['get', 'nodes', '-l', 'node-role.kubernetes.io/control-plane']),
  );
  const [node] = items;
  if (node === undefined) throw new Error('the cluster has no control plane');
  const pods = agents(node, configuration);
  checkAgents(pods);
  checkChanges(pods, node, configuration);
  checkOwnPod();
  checkConnect();
  checkWrites(configuration.publicNamespace);
  checkEvents(node.metadata?.name ?? '');
  checkRights();
  console.log(`${count.passed} passed, ${count.failed} failed`);
  if (count.failed > 0) process.exitCode = 1;
}

main();
