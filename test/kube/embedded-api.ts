// The embedded API server in the shape of the bare one, so that one suite runs on both.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { kubeconfigText } from '../../src/sim/api/kubeconfig.ts';
import { startApi } from '../../src/sim/api/server.ts';
import { mustSkip, startBareApi, type BareApi } from './bare-api.ts';

export async function startEmbeddedApi(): Promise<BareApi> {
  const directory = mkdtempSync(join(tmpdir(), 'embedded-api-'));
  const api = await startApi();
  const kubeconfig = join(directory, 'admin.conf');
  const admin = api.clientCertificate('kubernetes-admin', ['system:masters']);
  writeFileSync(kubeconfig, kubeconfigText(api, admin), { mode: 0o600 });
  return {
    kubeconfig,
    directory,
    killApi: async () => {
      await api.stop();
      // It dies in this process: its clients hear of it in the next turns of the loop, not while they would wait for one.
      for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    },
    startApi: async () => api.start(),
    compact: async () => api.store.compact(),
    stop: async () => {
      await api.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** For `describe.each`: the embedded server, and the real one where it is built. */
export const apiServers: readonly {
  readonly title: string;
  readonly isReal: boolean;
  readonly start: () => Promise<BareApi>;
}[] = [
  { title: 'the embedded API server', isReal: false, start: startEmbeddedApi },
  ...(mustSkip() ? [] : [{ title: 'a real API server', isReal: true, start: async () => startBareApi() }]),
];
