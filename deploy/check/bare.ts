// deploy/check/admission.ts without a cluster: a bare kube-apiserver with the chart's objects in it.
//   node deploy/check/bare.ts        needs helm (scripts/tools.sh), kubectl, and kube-apiserver and etcd (BED_CACHE)
import { execFileSync, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Node } from 'kubernetes-types/core/v1.js';
import { defaultConfiguration } from '../../src/controller/configuration.ts';
import { forbiddenPod } from '../../src/controller/pods.ts';
import { admissionHolds } from '../../src/controller/signer/admission-check.ts';
import { createClient } from '../../src/kube/client.ts';
import { Connection, loadKubeConfig } from '../../src/kube/connection.ts';
import { buildTool } from '../../scripts/tool.ts';
import { startBareApi } from '../../test/kube/bare-api.ts';
import { namespace, replicaSets } from './kubectl.ts';

const root = resolve(import.meta.dirname, '../..');

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function chart(): string {
  const flags = ['--namespace', 'cpaas-system', '--kube-version', '1.34.0'];
  return run(buildTool('helm'), ['template', 'check', join(root, 'deploy/chart'), ...flags]);
}

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'cp1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
};

const api = await startBareApi({ flags: ['--allow-privileged=true'] });
try {
  const env = { ...process.env, KUBECONFIG: api.kubeconfig };
  const kubectl = (args: readonly string[], input = ''): string =>
    execFileSync('kubectl', args, { env, input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] });
  for (const name of ['cpaas-system', namespace]) kubectl(['create', 'namespace', name]);
  kubectl(['create', '-f', '-'], JSON.stringify(node));
  kubectl(['apply', '-f', '-'], chart());
  // What the controller-manager would make.
  kubectl(['-n', 'cpaas-system', 'create', 'configmap', 'kube-root-ca.crt']);
  // A policy is in force some time after it is there.
  await wait(15_000);
  const deployment: { spec: { template: { metadata: object } } } = JSON.parse(
    kubectl(['-n', namespace, 'get', 'deployment', 'cluster-cert-rotator-controller', '-o', 'json']),
  );
  const { template } = deployment.spec;
  const metadata = { ...template.metadata, name: 'cluster-cert-rotator-controller-0', namespace };
  const pod = { ...template, apiVersion: 'v1', kind: 'Pod', metadata };
  kubectl(['create', '-f', '-', `--as=${replicaSets}`, '--as-group=system:masters'], JSON.stringify(pod));
  const connection = new Connection(loadKubeConfig(api.kubeconfig));
  const held = await admissionHolds(createClient(connection), forbiddenPod(node, defaultConfiguration));
  await connection.close();
  if (!held.ok) throw new Error(`the controller would not begin: ${held.message}`);
  for (const name of ['admission.ts', 'deletes.ts']) {
    const script = join(import.meta.dirname, name);
    const { status } = spawnSync(process.execPath, [script], { env, stdio: 'inherit' });
    if (status !== 0) process.exitCode = status ?? 1;
  }
} finally {
  await api.stop();
}
