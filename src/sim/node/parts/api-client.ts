// What kube-controller-manager and kube-scheduler are here: clients that read their kubeconfig once, at their start, and
// end when it is no use to them. What they would do is done by the demo's own few controllers.
import { setTimeout as wait } from 'node:timers/promises';
import { describeError } from '../../../errors.ts';
import { flagsOf } from '../../../formats/manifest.ts';
import { accessOf, Api, ApiError } from '../api.ts';

const everyMs = 2000;

process.once('SIGTERM', () => process.exit(0));
const kubeconfig = flagsOf(process.argv.slice(2)).get('kubeconfig') ?? '';
const api = new Api(accessOf(kubeconfig));
for (;;) {
  try {
    await api.call('GET', '/version');
  } catch (error) {
    console.error(describeError(error));
    if (error instanceof ApiError && error.status === 401) process.exit(1);
  }
  await wait(everyMs);
}
