// Certificates as openssl tells them: on a node's disk, and live on its ports.
import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import type { Bed } from './bed.ts';
import { outcome, run } from './command.ts';

/** The table of the manual, by the product's names. kubelet.crt's path is the layout's. */
export const controlPlaneIds = [
  'apiserver.crt',
  'apiserver-etcd-client.crt',
  'apiserver-kubelet-client.crt',
  'front-proxy-client.crt',
  'etcd/server.crt',
  'etcd/peer.crt',
  'etcd/healthcheck-client.crt',
  '/root/.kube/config',
  'admin.conf',
  'super-admin.conf',
  'controller-manager.conf',
  'scheduler.conf',
] as const;
export const kubeletIds = ['kubelet.crt', 'kubelet-client-current.pem'] as const;

export interface FileFact {
  readonly path: string;
  /** Octal, as chmod takes it. */
  readonly mode: string;
  readonly owner: string;
  /** The target when the path is a link; mode and owner are then those of the target. */
  readonly link: string | null;
}

export interface CertificateFacts {
  readonly id: string;
  readonly node: string;
  readonly file: FileFact;
  /** Lower-case hex, as the product writes it. */
  readonly serial: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Extensions as openssl prints them: usages, SANs, constraints. */
  readonly extensions: Readonly<Record<string, string>>;
  readonly keyType: string;
  /** SHA-256 over the public key's DER: another one means a new key. */
  readonly publicKey: string;
  /** SHA-256 over the certificate's DER. */
  readonly sha256: string;
  readonly keyFits: boolean;
  /** openssl verify against the CA of this id on n1, at this moment. */
  readonly chains: boolean;
}

/** The ids that a node has. A joined control plane has no super-admin.conf. */
export function idsOf(bed: Bed, node: string): readonly string[] {
  if (!bed.controlPlanes.includes(node)) return kubeletIds;
  return [...controlPlaneIds.filter((id) => id !== 'super-admin.conf' || node === 'n1'), ...kubeletIds];
}

export function pathOf(bed: Bed, node: string, id: string): string {
  if (id.startsWith('/')) return id;
  if (id.endsWith('.conf')) return `/etc/kubernetes/${id}`;
  if (id === 'kubelet-client-current.pem') return `/var/lib/kubelet/pki/${id}`;
  if (id !== 'kubelet.crt') return `/etc/kubernetes/pki/${id}`;
  const config = readFileSync(bed.file(node, '/var/lib/kubelet/config.yaml'), 'utf8');
  return /^tlsCertFile: *(\S+)$/m.exec(config)?.[1] ?? '/var/lib/kubelet/pki/kubelet.crt';
}

function caOf(bed: Bed, id: string): string {
  const pki = '/etc/kubernetes/pki';
  if (id.startsWith('etcd/') || id === 'apiserver-etcd-client.crt')
    return bed.file('n1', `${pki}/etcd/ca.crt`);
  return bed.file('n1', id === 'front-proxy-client.crt' ? `${pki}/front-proxy-ca.crt` : `${pki}/ca.crt`);
}

export function fileFact(bed: Bed, node: string, path: string): FileFact {
  const seen = bed.file(node, path);
  const own = lstatSync(seen);
  const link = own.isSymbolicLink() ? readlinkSync(seen) : null;
  const stat = link === null ? own : lstatSync(bed.file(node, link));
  return { path, mode: (stat.mode & 0o7777).toString(8), owner: `${stat.uid}:${stat.gid}`, link };
}

/** Certificate and key of an id, as PEM text. The leaf is the first block of a file. */
export function pemOf(bed: Bed, node: string, id: string): { certificate: string; key: string } {
  const path = pathOf(bed, node, id);
  const { link } = fileFact(bed, node, path);
  const text = readFileSync(bed.file(node, link ?? path), 'utf8');
  if (id.endsWith('.conf') || id.endsWith('/config')) {
    return { certificate: embedded(text, 'client-certificate-data'), key: embedded(text, 'client-key-data') };
  }
  if (id.endsWith('.pem')) return { certificate: text, key: text };
  return { certificate: text, key: readFileSync(bed.file(node, path.replace(/\.crt$/, '.key')), 'utf8') };
}

function embedded(kubeconfig: string, field: string): string {
  const found = new RegExp(`^ *${field}: *(\\S+)$`, 'm').exec(kubeconfig)?.[1];
  if (found === undefined) throw new Error(`a kubeconfig without ${field}`);
  return Buffer.from(found, 'base64').toString('utf8');
}

export async function factsOf(bed: Bed, node: string, id: string): Promise<CertificateFacts> {
  const pem = pemOf(bed, node, id);
  const [facts, keyPublic, verified] = await Promise.all([
    readCertificate(pem.certificate),
    run('openssl', ['pkey', '-pubout', '-outform', 'PEM'], { input: pem.key }),
    outcome('openssl', ['verify', '-CAfile', caOf(bed, id)], { input: pem.certificate }),
  ]);
  return {
    id,
    node,
    file: fileFact(bed, node, pathOf(bed, node, id)),
    ...facts,
    keyFits: hashPem(keyPublic) === facts.publicKey,
    chains: verified.code === 0,
  };
}

/** All certificates of all nodes, in the table's order. */
export async function factsOfBed(bed: Bed): Promise<readonly CertificateFacts[]> {
  const all: CertificateFacts[] = [];
  for (const node of bed.nodes) {
    for (const id of idsOf(bed, node)) all.push(await factsOf(bed, node, id));
  }
  return all;
}

const extensionNames =
  'subjectAltName,keyUsage,extendedKeyUsage,basicConstraints,authorityKeyIdentifier,subjectKeyIdentifier';

async function readCertificate(pem: string) {
  const common = ['x509', '-noout', '-nameopt', 'RFC2253'];
  const [plain, extensions, text, der] = await Promise.all([
    run(
      'openssl',
      [...common, '-serial', '-subject', '-issuer', '-dates', '-dateopt', 'iso_8601', '-pubkey'],
      {
        input: pem,
      },
    ),
    run('openssl', [...common, '-ext', extensionNames], { input: pem }),
    run('openssl', ['x509', '-noout', '-text'], { input: pem }),
    run('openssl', ['x509', '-fingerprint', '-sha256', '-noout'], { input: pem }),
  ]);
  const field = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(plain)?.[1]?.trim() ?? '';
  return {
    serial: field('serial').toLowerCase(),
    subject: field('subject'),
    issuer: field('issuer'),
    notBefore: openSslDate(field('notBefore')),
    notAfter: openSslDate(field('notAfter')),
    extensions: readExtensions(extensions),
    keyType: `${/Public Key Algorithm: (\S+)/.exec(text)?.[1]} ${/Public-Key: \((\d+) bit/.exec(text)?.[1]}`,
    publicKey: hashPem(plain),
    sha256: der.split('=')[1]?.trim().replaceAll(':', '').toLowerCase() ?? '',
  };
}

const openSslDate = (text: string) => new Date(text.replace(' ', 'T'));

function hashPem(text: string): string {
  const body = /-----BEGIN PUBLIC KEY-----([^-]*)-----END/.exec(text)?.[1];
  if (body === undefined) throw new Error('openssl printed no public key');
  return createHash('sha256').update(Buffer.from(body, 'base64')).digest('hex');
}

/** `X509v3 Key Usage: critical` and the indented lines below it. */
function readExtensions(text: string): Record<string, string> {
  const all: Record<string, string> = {};
  let name = '';
  for (const line of text.split('\n')) {
    const title = /^(\S.*?): *(critical)? *$/.exec(line);
    if (title) {
      name = title[1] ?? '';
      all[name] = title[2] ?? '';
    } else if (name !== '' && line.startsWith(' ')) {
      all[name] = `${all[name]} ${line.trim()}`.trim();
    }
  }
  return all;
}

/** What a port serves at this moment: serial in lower-case hex, and its notBefore. Errors: no handshake. */
export async function served(
  address: string,
  port: number,
  servername?: string,
): Promise<{ serial: string; notBefore: Date; notAfter: Date }> {
  const name = servername === undefined ? ['-noservername'] : ['-servername', servername];
  const shaken = await outcome('openssl', ['s_client', '-connect', `${address}:${port}`, ...name], {
    timeout: 10_000,
  });
  const pem = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/.exec(shaken.stdout)?.[0];
  if (pem === undefined)
    throw new Error(`${address}:${port} shows no certificate: ${shaken.stderr.slice(-300)}`);
  const { serial, notBefore, notAfter } = await readCertificate(pem);
  return { serial, notBefore, notAfter };
}

/** The ids that a port serves, and where. The rest are client certificates. */
export const servingPorts: Readonly<Record<string, number>> = {
  'apiserver.crt': 6443,
  'etcd/server.crt': 2379,
  'etcd/peer.crt': 2380,
  'kubelet.crt': 10250,
};
