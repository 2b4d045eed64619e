// Addresses for a cluster: a part of 127.0.0.0/8 in which nobody listens on the ports of Kubernetes.
import { createServer } from 'node:net';

/** Of API servers, etcd, kubelets, and of the controller's and the dashboard's own. */
const ports = [6443, 2379, 2380, 10_250, 8443, 9808] as const;
const first = 77;
const most = 100;

/** Its first two octets. @throws Error when something holds a port on every address */
export async function freeSubnet(): Promise<string> {
  for (let octet = first; octet < first + most; octet++) {
    const subnet = `127.${octet}`;
    const free = await Promise.all(
      ports.flatMap((port) => ['0.1', '1.1'].map(async (end) => isFree(`${subnet}.${end}`, port))),
    );
    if (free.every(Boolean)) return subnet;
  }
  throw new Error(
    `one of the ports ${ports.join(', ')} is taken on every address of this machine: end what listens there, and try again`,
  );
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
