// One row of the inventory from the files of one certificate: what it is, never what shall become of it (R25).
import type { KeyObject } from 'node:crypto';
import { certificateFile, type Discovery } from '../catalogue/discover.ts';
import type { CaId, CaLocation, CertificateId, Target } from '../catalogue/ids.ts';
import { problemText } from '../catalogue/snapshot.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError, describeError } from '../errors.ts';
import { readBundle, readCertificates } from '../formats/pem.ts';
import { locate, type Reach } from '../host/discovery.ts';
import type { Files } from '../host/files.ts';
import { checkTarget } from '../host/safe-target.ts';
import type { Certificate, San } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { rfc3339 } from '../pki/time.ts';
import { isSignedBy } from '../pki/verify.ts';
import type { Reason } from '../policy/reasons.ts';
import { readLive } from './material.ts';

/** One row of `node-local-certs-<node>` (design §3, R25). */
export interface InventoryRow {
  readonly id: string;
  readonly path: string;
  readonly kind: 'pair' | 'combined' | 'kubeconfig' | 'ca';
  readonly ca: CaId | null;
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  /** RFC 3339 in UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sans: readonly string[];
  readonly keyAlgorithm: string;
  readonly sha256: string;
  /** What the file is, never a plan. */
  readonly state: Reason;
  readonly reason: string;
}

/** A node's files, as far as they are seen from here. */
export interface SeenFiles {
  readonly files: Files;
  readonly isReachable: Reach;
}

/** A node that is seen whole: by a program that runs on it, not in a Pod. */
export const seenWhole = (files: Files): SeenFiles => ({ files, isReachable: () => true });

/** Certificates of each authority, as they lie on the node; empty when they cannot be read. */
export type Authorities = Readonly<Record<CaId, readonly Certificate[]>>;

export function readAuthorities(node: SeenFiles, cas: readonly CaLocation[]): Authorities {
  const read = (id: CaId): readonly Certificate[] => {
    const certPath = cas.find((ca) => ca.id === id)?.certPath;
    const found = certPath === undefined ? [] : readFile(node, certPath);
    return Array.isArray(found) ? found : [];
  };
  return { kubernetes: read('kubernetes'), etcd: read('etcd'), 'front-proxy': read('front-proxy') };
}

type Problem = { readonly state: Reason; readonly reason: string };

/** `undefined`: not there. */
function readFile(node: SeenFiles, path: string): readonly Certificate[] | Problem | undefined {
  const place = locate(node.files, path, node.isReachable);
  if (place.kind === 'absent') return undefined;
  if (place.kind === 'unreachable') return unreachable(path);
  if (place.kind === 'problem') return { state: 'Unreadable', reason: place.message };
  try {
    return readCertificates(node.files.read(place.realPath));
  } catch (error) {
    return { state: 'Unreadable', reason: describeError(error) };
  }
}

const unreachable = (path: string): Problem => ({
  state: 'Unreachable',
  reason: problemText(path, { kind: 'unreachable' }),
});

/** The row of an authority; undefined when this node does not have it. Authorities are watched, never renewed. */
export function caRow(node: SeenFiles, { id, certPath }: CaLocation): InventoryRow | undefined {
  const found = readFile(node, certPath);
  if (found === undefined) return undefined;
  const head = { id: caRowIds[id], path: certPath, kind: 'ca', ca: id } as const;
  if ('state' in found) return { ...head, ...blank, ...found };
  const [certificate] = found;
  if (certificate === undefined) {
    return { ...head, ...blank, state: 'Unreadable', reason: `${certPath} holds no certificate` };
  }
  const others = found.length === 1 ? '' : `${found.length} certificates lie in this file; this is the first`;
  return { ...head, ...describeCertificate(certificate), state: 'Ok', reason: others };
}

const caRowIds: Readonly<Record<CaId, string>> = {
  kubernetes: 'ca.crt',
  etcd: 'etcd/ca.crt',
  'front-proxy': 'front-proxy-ca.crt',
};

export interface RowContext {
  readonly authorities: Authorities;
  /** The kubelet keeps its serving certificate itself (R2). */
  readonly kubeletOwnsServing: boolean;
  /** It makes one at its start when none is there; one that its configuration names must lie there. */
  readonly kubeletMakesServing: boolean;
}

export function rowContext(node: SeenFiles, { cas, kubelet }: Discovery): RowContext {
  return {
    authorities: readAuthorities(node, cas),
    kubeletOwnsServing: kubelet.serverTLSBootstrap && kubelet.tlsCertFile === undefined,
    kubeletMakesServing: kubelet.tlsCertFile === undefined,
  };
}

/** The row of a target; undefined when its file is not there. */
export function targetRow(node: SeenFiles, target: Target, context: RowContext): InventoryRow | undefined {
  const { id, location } = target;
  const path = certificateFile(location);
  const head = { id, path, kind: location.form } as const;
  const place = locate(node.files, path, node.isReachable);
  if (place.kind === 'absent') return undefined;
  if (place.kind === 'unreachable') return { ...head, ca: null, ...blank, ...unreachable(path) };
  if (place.kind === 'problem')
    return { ...head, ca: null, ...blank, state: 'Unreadable', reason: place.message };

  const material = readMaterial(node, target);
  if ('state' in material) return { ...head, ca: null, ...blank, ...material };
  const { certificate } = material;
  const { ca } = entryOf(id);
  const isOurs = context.authorities[ca].some((authority) => isSignedBy(certificate, authority));
  const judged = judge(node, target, { ...material, isOurs, context });
  return { ...head, ca: isOurs ? ca : null, ...describeCertificate(certificate), ...judged };
}

interface Material {
  readonly certificate: Certificate;
  /** Or why it cannot be read. */
  readonly key: KeyObject | string;
}

function readMaterial(node: SeenFiles, { location }: Target): Material | Problem {
  try {
    const text = readLive(node.files, location);
    const { certificate } = readBundle(new Uint8Array(Buffer.from(text.certificate, 'latin1')));
    if (certificate === undefined) {
      return { state: 'Unreadable', reason: `${certificateFile(location)} holds no certificate` };
    }
    return { certificate, key: keyOf(text.key) };
  } catch (error) {
    return { state: 'Unreadable', reason: describeError(error) };
  }
}

function keyOf(text: string): KeyObject | string {
  try {
    return readPrivateKey(text).key;
  } catch (error) {
    return describeError(error);
  }
}

interface Judgement extends Material {
  readonly isOurs: boolean;
  readonly context: RowContext;
}

function judge(node: SeenFiles, { id, location }: Target, facts: Judgement): Problem {
  const { certificate, key, isOurs, context } = facts;
  if (id === 'kubelet.crt' && context.kubeletOwnsServing) return plain('KubeletManaged');
  if (typeof key === 'string') return { state: 'Unreadable', reason: `its key: ${key}` };
  if (!keyFits(certificate, key)) return plain('KeyMismatch');
  if (!isOurs) return notOurs(id, certificate, context);
  try {
    checkTarget(node.files, certificateFile(location));
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    if (error.code === 'UnsafeDirectory') return { state: 'WritableByOthers', reason: describeError(error) };
    return { state: 'Ok', reason: `cannot be replaced as it is: ${describeError(error)}` };
  }
  return plain('Ok');
}

const plain = (state: Reason): Problem => ({ state, reason: '' });

function notOurs(id: CertificateId, certificate: Certificate, { authorities }: RowContext): Problem {
  const { ca } = entryOf(id);
  if (id === 'kubelet.crt' && isKubeletsOwn(certificate)) return plain('SelfSigned');
  if (authorities[ca].length > 0) return plain('Unmanaged');
  return { state: 'Unmanaged', reason: `the certificate of the ${ca} CA cannot be read on this node` };
}

/** The kubelet without a serving certificate makes one, with a CA of its own named `<host>-ca@<seconds>`. */
function isKubeletsOwn({ subject, issuer }: Certificate): boolean {
  return Buffer.compare(subject.der, issuer.der) === 0 || /-ca@\d+$/u.test(issuer.commonName ?? '');
}

/** What a row says where there is no certificate. */
export const blank = {
  subject: '',
  issuer: '',
  serial: '',
  notBefore: '',
  notAfter: '',
  sans: [],
  keyAlgorithm: '',
  sha256: '',
} as const;

/** What a row says of a certificate. */
export function describeCertificate(certificate: Certificate) {
  return {
    subject: certificate.subject.text,
    issuer: certificate.issuer.text,
    serial: certificate.serial,
    notBefore: rfc3339(certificate.notBefore),
    notAfter: rfc3339(certificate.notAfter),
    sans: certificate.sans.map(sanText),
    keyAlgorithm: certificate.keyAlgorithm,
    sha256: certificate.sha256,
  };
}

export function sanText({ kind, value }: San): string {
  return `${kind === 'ip' ? 'IP' : kind.toUpperCase()}:${value}`;
}

/** Stable: an unchanged node gives the same rows in the same order. */
export function sortRows(rows: readonly InventoryRow[]): readonly InventoryRow[] {
  return rows.toSorted((a, b) => (sortKey(a) < sortKey(b) ? -1 : Number(sortKey(a) > sortKey(b))));
}

/** Authorities last. */
function sortKey({ kind, id, path }: InventoryRow): string {
  return `${kind === 'ca' ? 1 : 0} ${id} ${path}`;
}
