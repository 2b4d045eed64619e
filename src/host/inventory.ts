// The certificates of a node as they are: every target that the catalogue found and every CA, read and judged one by
// one, so that a bad file hides no other. What is due is decided elsewhere.
import { certificateFile, type Discovery } from '../catalogue/discover.ts';
import type { CaId, CaLocation, CertificateId, Target } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError, describeError } from '../errors.ts';
import { parseKubeconfig } from '../formats/kubeconfig.ts';
import { readBundle, readCertificates } from '../formats/pem.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { isSignedBy } from '../pki/verify.ts';
import type { Files } from './files.ts';
import { refuseUnsafeDirectory } from './safe-target.ts';
import { isReachable, type Reach } from './snapshot.ts';

export type InventoryState =
  | 'Ok'
  | 'SelfSigned'
  | 'KubeletManaged'
  | 'Unmanaged'
  | 'Unreadable'
  | 'Unreachable'
  | 'KeyMismatch'
  | 'WritableByOthers'
  | 'NotPresent';

export interface InventoryEntry {
  readonly id: CertificateId | `ca/${CaId}`;
  readonly path: string;
  readonly kind: 'pair' | 'combined' | 'kubeconfig' | 'ca';
  readonly ca: CaId | null;
  /** Absent when the file is missing or cannot be read. */
  readonly certificate?: Certificate;
  readonly state: InventoryState;
  /** What an operator should know about the state; empty when all is well. */
  readonly reason: string;
}

/** In the table's order, CAs last. Never throws for what lies in a file. */
export function readInventory(files: Files, discovery: Discovery, reach: Reach = {}): InventoryEntry[] {
  const authorities = discovery.cas.map((ca) => readAuthority(files, ca, reach));
  const leaves = discovery.targets.map((target) => readTarget(files, target, authorities, reach));
  return [...leaves, ...authorities.map(({ entry }) => entry)];
}

interface Authority {
  readonly id: CaId;
  readonly certificates: readonly Certificate[];
  readonly entry: InventoryEntry;
}

function readAuthority(files: Files, { id, certPath }: CaLocation, reach: Reach): Authority {
  const base = { id: `ca/${id}`, path: certPath, kind: 'ca', ca: id } as const;
  const failed = (state: InventoryState, reason: string): Authority => ({
    id,
    certificates: [],
    entry: { ...base, state, reason },
  });
  if (!isReachable(certPath, reach)) return failed('Unreachable', `${certPath} is not mounted`);
  try {
    if (files.stat(certPath) === undefined) return failed('NotPresent', `${certPath} does not exist`);
    const certificates = readCertificates(files.read(files.realpath(certPath)));
    const [first] = certificates;
    if (first === undefined) return failed('Unreadable', `${certPath} holds no certificate`);
    const state = first.isCa ? 'Ok' : 'Unreadable';
    const reason = first.isCa ? '' : `${certPath} is no CA`;
    return { id, certificates, entry: { ...base, certificate: first, state, reason } };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return failed('Unreadable', describeError(error));
  }
}

function readTarget(
  files: Files,
  target: Target,
  authorities: readonly Authority[],
  reach: Reach,
): InventoryEntry {
  const { id, location } = target;
  const path = certificateFile(location);
  const { ca } = entryOf(id);
  const base = { id, path, kind: location.form, ca } as const;
  if (!isReachable(path, reach)) return { ...base, state: 'Unreachable', reason: `${path} is not mounted` };
  try {
    if (files.stat(path) === undefined)
      return { ...base, state: 'NotPresent', reason: `${path} does not exist` };
    const { certificate, fits } = readCredential(files, target);
    const verdict = judge(files, target, { certificate, fits, authorities });
    return { ...base, certificate, ...verdict };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const state = error.code === 'NotFound' && files.stat(path) === undefined ? 'NotPresent' : 'Unreadable';
    return { ...base, state, reason: describeError(error) };
  }
}

function readCredential(
  files: Files,
  { location }: Target,
): { certificate: Certificate; fits: boolean | undefined } {
  const read = (path: string): Uint8Array => files.read(files.realpath(path));
  const { certificatePem, keyPem } = ((): { certificatePem: string; keyPem: string } => {
    if (location.form === 'pair')
      return { certificatePem: latin(read(location.certPath)), keyPem: latin(read(location.keyPath)) };
    const own = read(location.path);
    if (location.form === 'combined') return { certificatePem: latin(own), keyPem: latin(own) };
    const { users } = parseKubeconfig(Buffer.from(own).toString('utf8'), location.path);
    const user = users.find(({ name }) => name === location.user);
    if (user?.certificate?.kind !== 'data' || user.key?.kind !== 'data')
      throw new CertError('Unsupported', `user ${location.user} holds no certificate and key as data`);
    return { certificatePem: user.certificate.pem, keyPem: user.key.pem };
  })();
  const { certificate } = readBundle(new Uint8Array(Buffer.from(withoutKeys(certificatePem), 'latin1')));
  if (certificate === undefined) throw new CertError('MalformedPem', 'holds no certificate');
  return { certificate, fits: keyFits(certificate, readPrivateKey(keyPem).key) };
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** A key that cannot be read must not keep its certificate from being seen. */
const withoutKeys = (text: string): string =>
  text.replaceAll(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?-----END \1-----/g, '');

function judge(
  files: Files,
  { id, location }: Target,
  found: { certificate: Certificate; fits: boolean | undefined; authorities: readonly Authority[] },
): Pick<InventoryEntry, 'state' | 'reason'> {
  const { certificate, fits, authorities } = found;
  const path = certificateFile(location);
  if (fits === false) return { state: 'KeyMismatch', reason: `the key does not fit ${path}` };
  if (path.endsWith('/kubelet-server-current.pem'))
    return { state: 'KubeletManaged', reason: 'the kubelet renews it by itself (serverTLSBootstrap)' };
  const unsafe = whyUnsafe(files, path);
  if (unsafe !== '') return { state: 'WritableByOthers', reason: unsafe };
  const authority = authorities.find((each) => each.id === entryOf(id).ca);
  if (authority?.certificates.some((ca) => isSignedBy(certificate, ca)) === true)
    return { state: 'Ok', reason: '' };
  if (authority === undefined || authority.certificates.length === 0)
    return {
      state: 'Unmanaged',
      reason: `its CA cannot be read on this node: ${authority?.entry.reason ?? ''}`,
    };
  const reason = `signed by ${certificate.issuer.text}, not by this cluster`;
  return { state: id === 'kubelet.crt' ? 'SelfSigned' : 'Unmanaged', reason };
}

function whyUnsafe(files: Files, path: string): string {
  try {
    refuseUnsafeDirectory(files, path.slice(0, path.lastIndexOf('/')), path);
    return '';
  } catch (error) {
    if (error instanceof CertError && error.code === 'UnsafeDirectory') return describeError(error);
    throw error;
  }
}
