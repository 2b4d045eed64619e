// A rotate Pod in the middle of its work, held still, as whoever owns its node could hold it.
import { readdirSync, readFileSync } from 'node:fs';
import type { Bed } from './bed.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';
import { privateNamespace } from './product.ts';

const request = 'agent request$';

/** Waits for the next `request` on the node and stops its process, which then still has everything before it. */
export async function stopRequest(bed: Bed, node: string): Promise<{ goOn: () => Promise<void> }> {
  // in one shell on the node: between two calls from here it would be over
  const script = `for i in $(seq 6000); do if pkill -STOP -f '${request}'; then exit 0; fi; sleep 0.01; done; exit 1`;
  const stopped = await bed.tryExec(node, ['bash', '-c', script]);
  if (stopped.code !== 0) throw new Error(`no ${request} on ${node} within a minute: ${stopped.stderr}`);
  return { goOn: async () => void (await bed.exec(node, 'pkill', '-CONT', '-f', request)) };
}

/** The Pod of this kind on the node, and the token that its kubelet has laid down for it. */
export async function podOnNode(
  bed: Bed,
  node: string,
  kind: string,
): Promise<{ name: string; token: () => string }> {
  const pods = await kubectlOf(bed).list<KubeObject & { spec: { nodeName?: string } }>(
    'pods',
    privateNamespace,
  );
  const found = pods.find(
    ({ metadata, spec }) => spec.nodeName === node && metadata.labels?.['certrotator.cpaas.io/kind'] === kind,
  );
  if (found === undefined) throw new Error(`no ${kind} Pod on ${node}`);
  const volumes = bed.file(
    node,
    `/var/lib/kubelet/pods/${found.metadata.uid}/volumes/kubernetes.io~projected`,
  );
  return {
    name: found.metadata.name,
    token: () => {
      const [volume = ''] = readdirSync(volumes);
      return readFileSync(`${volumes}/${volume}/token`, 'utf8').trim();
    },
  };
}
