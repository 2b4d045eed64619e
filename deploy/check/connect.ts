// Whether somebody enters the Pods of the private namespace, or changes one that runs.
import { execFile } from 'node:child_process';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { collectionPath, resources } from '../../src/kube/resources.ts';
import { ask, namespace, pathOf, read, tryPatch, type Answer } from './api.ts';
import { report, reportDenied } from './report.ts';

/** These are conversations of kubectl's own, by more than one request: kubectl holds them. */
async function kubectl(args: readonly string[]): Promise<Answer> {
  return new Promise((done) => {
    execFile('kubectl', ['--request-timeout=20s', '-n', namespace, ...args], (error, stdout, stderr) =>
      done({ ok: error === null, text: `${stdout}${stderr}` || (error?.message ?? '') }),
    ).stdin?.end();
  });
}

export async function checkConnect(): Promise<void> {
  const { items } = await read<{ items: Pod[] }>(collectionPath(resources.pods, namespace));
  const pod = items.find(({ metadata }) => metadata?.name?.startsWith('cluster-cert-rotator-controller'));
  const name = pod?.metadata?.name;
  if (name === undefined) {
    report(false, 'there is a Pod of the controller');
    return;
  }
  // What is in a list has no kind of its own.
  const running = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace } };
  const image = { op: 'replace', path: '/spec/containers/0/image', value: 'docker.io/x:1' };
  const attempts: Record<string, Promise<Answer>> = {
    'an administrator: exec': kubectl(['exec', name, '--', '/usr/bin/node']),
    'an administrator: attach': kubectl(['attach', name]),
    'an administrator: the API server’s proxy to it': ask({
      method: 'GET',
      path: `${pathOf(running)}/proxy/metrics`,
    }),
    'an administrator: debug by an ephemeral container': kubectl([
      'debug',
      name,
      '--image=docker.io/library/busybox:1',
    ]),
    'an administrator: another image for a running Pod': tryPatch(running, [image]),
  };
  for (const [what, attempt] of Object.entries(attempts)) reportDenied(what, await attempt);
}
