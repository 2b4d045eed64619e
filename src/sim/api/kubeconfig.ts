// A kubeconfig with everything in it: server, CA, client certificate and key.
import type { Pair } from './authority.ts';

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** JSON, which is YAML too. */
export function kubeconfigText(server: { readonly url: string; readonly caPem: string }, user: Pair): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'sim', cluster: { server: server.url, 'certificate-authority-data': base64(server.caPem) } },
    ],
    users: [
      {
        name: 'user',
        user: { 'client-certificate-data': base64(user.cert), 'client-key-data': base64(user.key) },
      },
    ],
    contexts: [{ name: 'sim', context: { cluster: 'sim', user: 'user' } }],
    'current-context': 'sim',
  });
}
