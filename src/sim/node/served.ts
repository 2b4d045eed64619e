// A TLS server that shows what lies in its files, as the components of Kubernetes do: new files are taken up without a
// restart. Of a certificate whose key does not fit, kube-apiserver and the kubelet know nothing yet and go on showing the
// old pair (apiserver's dynamiccertificates); etcd, which reads its files for every connection, fails those (its TLSInfo).
import * as fs from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:https';
import type { RequestListener } from 'node:http';
import { createSecureContext } from 'node:tls';

export interface ServedFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients are asked for a certificate, which this one must have signed to count. */
  readonly clientCaFile?: string;
  /** Read for every connection, but for whom to trust: as etcd does. */
  readonly eachConnection?: boolean;
}

const lookEveryMs = 300;

/** Errors of listening and of the first reading reject. The server looks at its files until `signal` aborts; then it is closed. */
export async function serveFiles(
  files: ServedFiles,
  where: { readonly host: string; readonly port: number },
  handler: RequestListener,
  signal: AbortSignal,
  more: ServerOptions = {},
): Promise<Server> {
  const { eachConnection = false } = files;
  const stamp = stampOf(files);
  const first = secretsOf(files);
  const server = createServer(
    {
      ...first,
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
  const look = reloader(files, stamp, {
    take: (secrets) => server.setSecureContext(eachConnection ? { ...first, ...pairOf(secrets) } : secrets),
    // Without a certificate no handshake comes to its end.
    refuse: () => eachConnection && server.setSecureContext({}),
  });
  if (eachConnection) server.prependListener('connection', look);
  const timer = eachConnection ? undefined : setInterval(look, lookEveryMs);
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

const pairOf = ({ cert, key }: Secrets) => ({ cert, key });

interface Reactions {
  readonly take: (secrets: Secrets) => void;
  /** Half of a swap, or nonsense; asked again until the files fit. */
  readonly refuse: () => void;
}

/** Looks whether the files are others than before. */
function reloader(files: ServedFiles, before: string, { take, refuse }: Reactions): () => void {
  let seen = before;
  return () => {
    const stamp = stampOf(files);
    if (stamp === seen) return;
    try {
      const secrets = secretsOf(files);
      createSecureContext(secrets);
      take(secrets);
      seen = stamp;
    } catch {
      refuse();
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
