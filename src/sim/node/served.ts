// A TLS server that shows what lies in its files, as the components of Kubernetes do: new files are taken up without a
// restart, and a certificate whose key does not fit is not (the old pair stays).
import * as fs from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { RequestListener } from 'node:http';
import { createSecureContext } from 'node:tls';

export interface ServedFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients are asked for a certificate, which this one must have signed to count. */
  readonly clientCaFile?: string;
}

const lookEveryMs = 300;

/** Errors of listening reject. The server looks at its files until `signal` aborts, and is closed then. */
export async function serveFiles(
  files: ServedFiles,
  where: { readonly host: string; readonly port: number },
  handler: RequestListener,
  signal: AbortSignal,
  more: ServerOptions = {},
): Promise<Server> {
  const server = createServer(
    {
      ...secretsOf(files),
      requestCert: files.clientCaFile !== undefined,
      rejectUnauthorized: false,
      ...more,
    },
    handler,
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(where.port, where.host, resolve);
  });
  const look = reloader(files, (secrets) => server.setSecureContext(secrets));
  const timer = setInterval(look, lookEveryMs);
  const stop = (): void => {
    clearInterval(timer);
    server.close();
    server.closeAllConnections();
  };
  signal.addEventListener('abort', stop, { once: true });
  return server;
}

type Secrets = ReturnType<typeof secretsOf>;

export function secretsOf({ certFile, keyFile, clientCaFile }: ServedFiles) {
  return {
    cert: fs.readFileSync(certFile),
    key: fs.readFileSync(keyFile),
    ...(clientCaFile === undefined ? {} : { ca: fs.readFileSync(clientCaFile) }),
  };
}

/** Calls `take` when the files are others than before and fit each other. */
function reloader(files: ServedFiles, take: (secrets: Secrets) => void): () => void {
  let seen = stampOf(files);
  return () => {
    const stamp = stampOf(files);
    if (stamp === seen) return;
    try {
      const secrets = secretsOf(files);
      createSecureContext(secrets);
      take(secrets);
      seen = stamp;
    } catch {
      // Half of a swap, or nonsense: the pair that was read before stays until both files fit.
    }
  };
}

/** A rename gives another inode, a write another time. */
function stampOf({ certFile, keyFile, clientCaFile }: ServedFiles): string {
  return [certFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])]
    .map((path) => {
      const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? 'missing' : `${stat.ino}.${stat.mtimeNs}.${stat.size}`;
    })
    .join(' ');
}
