// `cert-renew agent restart-kubelet`: the servant with hostPID. It waits for a request in the host directory, restarts
// the kubelet by the host's own systemctl, and answers there; so the container that asks needs neither rights nor API.
import { hostLayout } from '../host/layout.ts';
import { nodeFiles } from '../host/node-files.ts';
import { enterRoot, restartUnit } from '../host/systemd.ts';
import { sleep } from '../rotation/real-node.ts';
import { serveRestarts } from '../rotation/restart-request.ts';
import { needed, say, type Environment } from './face.ts';
import { encodeMessage } from './message.ts';
import { env, type DoneResult } from './protocol.ts';

export async function run(environment: Environment, signal: AbortSignal): Promise<number> {
  return await say(environment, async () => {
    const root = needed(environment, env.hostRoot);
    enterRoot(root);
    await serveRestarts(
      nodeFiles('/'),
      hostLayout(),
      { restart: (each) => restartUnit('kubelet', each), sleep },
      signal,
    );
    const done: DoneResult = { schema: 1, message: 'ended by the controller' };
    return encodeMessage(done);
  });
}
