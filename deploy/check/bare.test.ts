// deploy/check/admission.ts without a cluster: a bare kube-apiserver with the chart's objects in it. What the controller may
// delete (deletes.ts) is tried here alone, since it makes what it deletes.
import { execFile, execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Node } from 'kubernetes-types/core/v1.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTool } from '../../scripts/tool.ts';
import { defaultConfiguration } from '../../src/controller/configuration.ts';
import { forbiddenPod } from '../../src/controller/pods.ts';
import { admissionHolds, type AdmissionAnswer } from '../../src/controller/signer/admission-check.ts';
import { createClient } from '../../src/kube/client.ts';
import { Connection, loadKubeConfig } from '../../src/kube/connection.ts';
import { mustSkip, startBareApi, type BareApi } from '../../test/kube/bare-api.ts';
import { builtPrograms } from '../../test/kubernetes.ts';
import { namespace, replicaSets } from './api.ts';

const root = resolve(import.meta.dirname, '../..');
const programs = builtPrograms('kubectl');

const node: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'cp1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
};

function chart(): string {
  const flags = ['--namespace', 'cpaas-system', '--kube-version', '1.34.0'];
  return execFileSync(buildTool('helm'), ['template', 'check', join(root, 'deploy/chart'), ...flags], {
    encoding: 'utf8',
  });
}

describe.skipIf(mustSkip() || programs === undefined)('the chart on an API server alone', () => {
  let api: BareApi | undefined;
  let kubeconfig = '';
  let env: NodeJS.ProcessEnv;

  const kubectl = (args: readonly string[], input = ''): string =>
    execFileSync('kubectl', args, { env, input, encoding: 'utf8', stdio: 'pipe' });

  /** The controller's own Pod, as the ReplicaSet controller would make it. */
  function makeOwnPod(): void {
    const deployment: { spec: { template: { metadata: object } } } = JSON.parse(
      kubectl(['-n', namespace, 'get', 'deployment', 'cluster-cert-rotator-controller', '-o', 'json']),
    );
    const { template } = deployment.spec;
    const metadata = { ...template.metadata, name: 'cluster-cert-rotator-controller-0', namespace };
    const pod = { ...template, apiVersion: 'v1', kind: 'Pod', metadata };
    kubectl(['create', '-f', '-', `--as=${replicaSets}`, '--as-group=system:masters'], JSON.stringify(pod));
  }

  /** What the controller asks before it begins. */
  async function holds(): Promise<AdmissionAnswer> {
    const connection = new Connection(loadKubeConfig(kubeconfig));
    try {
      return await admissionHolds(createClient(connection), forbiddenPod(node, defaultConfiguration));
    } finally {
      await connection.close();
    }
  }

  /** Its lines, and those of them that say what did not hold. */
  async function run(script: string): Promise<{ readonly lines: readonly string[]; readonly bad: string }> {
    const said = await new Promise<string>((done) => {
      const file = join(import.meta.dirname, script);
      execFile(process.execPath, [file], { env }, (error, out, err) =>
        done(error === null ? out : `${out}\nFAIL ${script}: ${error.message} ${err}`),
      );
    });
    const lines = said.split('\n');
    return { lines, bad: lines.filter((line) => !/^(ok |\d+ passed|$)/.test(line)).join('\n') };
  }

  beforeAll(async () => {
    api = await startBareApi({ flags: ['--allow-privileged=true'] });
    const path = `${programs}:${process.env['PATH'] ?? ''}`;
    ({ kubeconfig } = api);
    env = { ...process.env, KUBECONFIG: kubeconfig, PATH: path };
    for (const name of ['cpaas-system', namespace]) kubectl(['create', 'namespace', name]);
    kubectl(['create', '-f', '-'], JSON.stringify(node));
    kubectl(['apply', '-f', '-'], chart());
    // What the controller-manager would make.
    kubectl(['-n', 'cpaas-system', 'create', 'configmap', 'kube-root-ca.crt']);
    // A policy is in force some time after it is there.
    for (let look = 0; look < 60 && !(await holds()).ok; look += 1) await wait(1000);
    makeOwnPod();
  }, 600_000);
  // Undefined where it did not start: why is for `beforeAll` to say.
  afterAll(async () => api?.stop());

  it('lets the controller begin: the Pod that it tries at its start is denied', async () => {
    expect(await holds()).toMatchObject({ ok: true });
  });

  it('lets through what the program makes, and nothing that differs by one thing', async () => {
    const { lines, bad } = await run('admission.ts');
    expect(bad).toBe('');
    expect(lines.filter((line) => line.startsWith('ok '))).toHaveLength(158);
  }, 600_000);

  it('lets the controller delete its Service and the checksums, and nothing else', async () => {
    const { lines, bad } = await run('deletes.ts');
    expect(bad).toBe('');
    expect(lines.filter((line) => line.startsWith('ok '))).toHaveLength(7);
  }, 600_000);
});
