// Addresses for a cluster: a part of 127.0.0.0/8 in which nobody listens on the ports of Kubernetes.
import { createServer } from 'node:net';

const first = 77;
const most = 100;

/** Its first two octets. @throws Error when something holds 6443 on every address */
export async function freeSubnet(): Promise<string> {
  for (let octet = first; octet < first + most; octet++) {
    const subnet = `127.${octet}`;
    if (await isFree(`${subnet}.0.1`)) return subnet;
  }
  throw new Error(
    'port 6443 is taken on every address of this machine: end what listens there, and try again',
  );
}

async function isFree(host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(6443, host, () => server.close(() => resolve(true)));
  });
}
