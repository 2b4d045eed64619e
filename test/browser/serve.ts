// The dashboard as the web program serves it, over a certificate of its own.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../src/kube/client.ts';
import { createLog } from '../../src/log.ts';
import { serveDashboard, type DashboardLimits } from '../../src/web/dashboard/server.ts';

export const builtPage = resolve(import.meta.dirname, '../../dist/dashboard');

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly end: () => void;
}

export interface ServeOptions {
  readonly client: KubeClient;
  /** Where a person's token is taken to; nowhere when absent. */
  readonly cluster?: KubeConfig;
  readonly limits?: Partial<DashboardLimits>;
  readonly directory?: string;
  readonly hostNames?: readonly string[];
}

/** A cluster that nobody answers for. */
function nowhere(): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'nowhere', server: 'https://127.0.0.1:1', skipTLSVerify: false },
    { name: 'nobody' },
  );
  return config;
}

export function makeServingPair(directory: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const files = ['-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')];
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...names, ...files], { stdio: 'pipe' });
}

export async function serve(options: ServeOptions): Promise<Served> {
  const tlsDirectory = mkdtempSync(join(tmpdir(), 'dashboard-'));
  makeServingPair(tlsDirectory);
  const directory = options.directory ?? builtPage;
  if (!existsSync(directory)) throw new Error(`no ${directory}: node scripts/build-dashboard.ts`);
  const stop = new AbortController();
  const server = await serveDashboard(
    {
      host: '127.0.0.1',
      port: 0,
      directory,
      tlsDirectory,
      publicNamespace: 'cpaas-system',
      hostNames: options.hostNames ?? [],
      client: options.client,
      cluster: options.cluster ?? nowhere(),
      log: createLog('silent'),
      limits: { rest: 100, ...options.limits },
    },
    stop.signal,
  );
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    port: address.port,
    server,
    end: () => {
      stop.abort();
      server.closeAllConnections();
      rmSync(tlsDirectory, { recursive: true, force: true });
    },
  };
}
