// Kills what runs in a Pod, as the kernel does when memory is short: the kubelet is not asked.
import { join } from 'node:path';
import type { Cluster } from '../cluster/start.ts';
import { RuntimeClient } from '../node/kubelet/runtime-client.ts';
import { runtimeSocket } from '../node/protocol.ts';
import { podNameLabel } from '../node/kubelet/worker.ts';

/** Nothing happens where no node runs a Pod of that name just now. */
export async function killContainer(cluster: Cluster, pod: string): Promise<void> {
  for (const node of cluster.plan.nodes) {
    const runtime = new RuntimeClient(join(cluster.rootOf(node), runtimeSocket));
    const { containers } = await runtime.list();
    const found = containers.find(
      ({ running, labels }) => running && labels[podNameLabel]?.endsWith(`/${pod}`) === true,
    );
    if (found !== undefined) return runtime.kill(found.id, 'SIGKILL');
  }
}
