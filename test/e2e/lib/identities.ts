// Kubeconfigs of somebody else than the administrator: a node's own credential, or a bearer token.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { pemOf } from './certificates.ts';
import { kubectlOf, type Kubectl } from './kubectl.ts';

export interface Identity {
  /** For the record: `kubelet of w1` */
  readonly who: string;
  readonly kubectl: Kubectl;
}

type Credential =
  | { readonly token: string }
  | { readonly 'client-certificate-data': string; readonly 'client-key-data': string };

/** Its kubeconfig lies in `scratch`, which the caller removes. */
function identity(bed: Bed, scratch: string, who: string, user: Credential): Identity {
  const path = join(scratch, `${who.replaceAll(/[^a-z0-9]+/gi, '-')}.conf`);
  const admin = readFileSync(bed.kubeconfig, 'utf8');
  const field = (name: string) => new RegExp(`^ *${name}: *(\\S+)$`, 'm').exec(admin)?.[1] ?? '';
  const cluster = {
    server: field('server'),
    'certificate-authority-data': field('certificate-authority-data'),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bed', cluster }],
    users: [{ name: 'me', user }],
    contexts: [{ name: 'me', context: { cluster: 'bed', user: 'me' } }],
    'current-context': 'me',
  };
  writeFileSync(path, JSON.stringify(config), { mode: 0o600 });
  return { who, kubectl: kubectlOf(bed, path) };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What whoever owns the node is: its kubelet, by the certificate on its disk. */
export function kubeletOf(bed: Bed, scratch: string, node: string): Identity {
  const { certificate, key } = pemOf(bed, node, 'kubelet-client-current.pem');
  return identity(bed, scratch, `kubelet of ${node}`, {
    'client-certificate-data': base64(certificate),
    'client-key-data': base64(key),
  });
}

export function bearer(bed: Bed, scratch: string, who: string, token: string): Identity {
  return identity(bed, scratch, who, { token });
}
