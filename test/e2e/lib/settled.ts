// What the product says about something that was put before it: Events, the log, a metric.
import type { Bed } from './bed.ts';
import { waitFor } from './command.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';
import { leader, privateNamespace, publicNamespace } from './product.ts';

export interface Event extends KubeObject {
  readonly involvedObject: { readonly kind: string; readonly name: string };
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** Waits for an Event about an object whose reason is this and whose message says all of these. */
export async function eventAbout(
  bed: Bed,
  about: string,
  reason: string,
  words: readonly string[] = [],
  seconds = 90,
): Promise<Event> {
  const kubectl = kubectlOf(bed);
  return await waitFor(
    `Event ${reason} on ${about} that says ${words.join(', ')}`,
    async () => {
      await wake(bed);
      const all = (await kubectl.list<Event>('events')).filter(
        ({ involvedObject }) => `${involvedObject.kind}/${involvedObject.name}` === about,
      );
      const found = all.find(
        (one) => one.reason === reason && words.every((word) => one.message.includes(word)),
      );
      if (found !== undefined) return found;
      throw new Error(all.map((one) => `${one.reason}: ${one.message}`).join('; '));
    },
    { seconds, every: 1000 },
  );
}

/**
 * Makes the controller look at once, and the kubelet bring its mounted ConfigMap up to date: by themselves they do so
 * within half a minute, and a minute and a half.
 */
async function wake(bed: Bed): Promise<void> {
  const kubectl = kubectlOf(bed);
  const note = `test/looked-at=${Date.now()}`;
  const app = ['-l', 'service_name=cluster-cert-rotator'];
  await kubectl('-n', privateNamespace, 'annotate', 'pods', ...app, '--overwrite', note);
  await kubectl('-n', publicNamespace, 'annotate', 'configmap', 'node-local-certs-n1', '--overwrite', note);
}

/** The leader's log since the given moment. */
export async function logSince(bed: Bed, at: Date): Promise<string> {
  const found = await leader(bed);
  if (found === undefined) throw new Error('nobody leads');
  return await kubectlOf(bed)('-n', privateNamespace, 'logs', found.pod, `--since-time=${at.toISOString()}`);
}

/** A metric without labels, as the leader shows it: inside its Pod alone, so it is asked from there. */
export async function metric(bed: Bed, name: string): Promise<number | undefined> {
  const found = await leader(bed);
  if (found === undefined) throw new Error('nobody leads');
  const script =
    'pid=$(ctr -n k8s.io tasks ls | awk -v id="$0" \'$1 == id { print $2 }\') && nsenter -t "$pid" -n curl -fsS http://127.0.0.1:9808/metrics';
  const text = await bed.exec(found.node, 'bash', '-c', script, found.container);
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1];
  return value === undefined ? undefined : Number(value);
}

interface Pod extends KubeObject {
  readonly status: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

/** Each controller Pod with its restarts: the same text as before means that it went on running. */
export async function controllerRestarts(bed: Bed): Promise<string> {
  const pods = await kubectlOf(bed).list<Pod>('pods', privateNamespace);
  return pods
    .filter(({ metadata }) => metadata.labels?.['service_name'] === 'cluster-cert-rotator')
    .map(
      ({ metadata, status }) =>
        `${metadata.uid} ${status.containerStatuses?.map((c) => c.restartCount).join()}`,
    )
    .toSorted()
    .join('\n');
}
