// Files that a person named: each a row, whatever it is.
import { CertError, describeError } from '../../errors.ts';
import { readCertificates } from '../../formats/pem.ts';
import type { Files } from '../../host/files.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../../pki/keys.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { manualLifetimes } from '../../policy/due.ts';
import { blank, describeCertificate, type Authorities } from '../../rotation/inventory.ts';
import { caIds } from '../../catalogue/ids.ts';
import type { CredentialSource } from '../../formats/kubeconfig.ts';
import { keyNames, readKubeconfig } from '../../rotation/named-file.ts';
import { toBytes } from '../../rotation/bytes.ts';
import { defaultDays } from '../local-ca.ts';
import type { KeyFit, NodePicture, SeenCertificate } from './picture.ts';

interface Named {
  readonly user?: string;
  readonly certificate: Certificate;
  /** Where the certificate itself lies. */
  readonly place: string;
  readonly key: KeyFit;
  /** It follows another in its file. */
  readonly isChain?: boolean;
}

/** The picture of just these files. What the node itself uses keeps what was found out about it. */
export function selectNamed(files: Files, picture: NodePicture, paths: readonly string[]): NodePicture {
  const known = new Map(
    picture.certificates.map((each) => [placeOf(files, each.row.path, each.row.sha256), each]),
  );
  const certificates = [...new Set(paths)].flatMap((path): readonly SeenCertificate[] => {
    try {
      return namedIn(files, path).flatMap((named) => {
        const same = known.get(placeOf(files, named.place, named.certificate.sha256));
        // The kubelet's own certificate comes with a CA that nobody knows.
        if (same !== undefined) return named.isChain === true ? [] : [same];
        return [seenNamed(path, named, picture.authorities)];
      });
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      return [unreadable(path, describeError(error))];
    }
  });
  return { ...picture, certificates, copies: [], stopped: [], withoutManifest: [], notes: [] };
}

/** One certificate in one file, whatever the file is called. */
function placeOf(files: Files, path: string, sha256: string): string {
  try {
    return `${files.realpath(path)} ${sha256}`;
  } catch (error) {
    if (error instanceof CertError) return `${path} ${sha256}`;
    throw error;
  }
}

/** Errors: those of reading and parsing, with the file. */
function namedIn(files: Files, path: string): readonly Named[] {
  const bytes = files.read(files.realpath(path));
  const text = Buffer.from(bytes).toString('latin1');
  if (text.includes('-----BEGIN ')) return namedInPem(files, path, text);
  const { users } = readKubeconfig(bytes, path);
  const named = users.flatMap(({ name, certificate, key }): readonly Named[] => {
    if (certificate === undefined) return [];
    const place = certificate.kind === 'file' ? certificate.path : path;
    const [found] = certificatesIn(place, pemOf(files, certificate));
    return [{ user: name, place, certificate: found, key: fitOf(found, () => key && pemOf(files, key)) }];
  });
  if (named.length > 0) return named;
  const logins = [...new Set(users.flatMap(({ others }) => others))].join(', ');
  const how = logins === '' ? '' : ` (its users log in by ${logins})`;
  throw new CertError('Unsupported', `${path} holds no client certificate${how}`, { file: path });
}

function namedInPem(files: Files, path: string, text: string): readonly Named[] {
  const [certificate, ...chain] = certificatesIn(path, text);
  const beside = keyNames(path).find((each) => files.stat(each)?.kind === 'file');
  const keyText = (): string | undefined =>
    text.includes('PRIVATE KEY-----') ? text : beside && latin1(files, beside);
  return [
    { certificate, place: path, key: fitOf(certificate, keyText) },
    ...chain.map((each): Named => ({ certificate: each, place: path, key: 'absent', isChain: true })),
  ];
}

/** Whatever keys stand beside them. */
function certificatesIn(path: string, text: string): readonly [Certificate, ...Certificate[]] {
  try {
    const [first, ...others] = readCertificates(toBytes(text));
    if (first !== undefined) return [first, ...others];
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, error.message, { ...error.place, file: path, cause: error });
  }
  const what = 'holds no certificate; name the certificate, not the key';
  throw new CertError('MalformedPem', `${path} ${what}`, { file: path });
}

function fitOf(certificate: Certificate, keyText: () => string | undefined): KeyFit {
  try {
    const text = keyText();
    if (text === undefined) return 'absent';
    return keyFits(certificate, readPrivateKey(text).key) ? 'fits' : 'mismatch';
  } catch (error) {
    // Others than root see the certificate alone.
    if (error instanceof CertError) return 'unreadable';
    throw error;
  }
}

const pemOf = (files: Files, source: CredentialSource): string =>
  source.kind === 'data' ? source.pem : latin1(files, source.path);

const latin1 = (files: Files, path: string): string =>
  Buffer.from(files.read(files.realpath(path))).toString('latin1');

function seenNamed(path: string, named: Named, authorities: Authorities): SeenCertificate {
  const { certificate, user, key, isChain = false } = named;
  const ca = caIds.find((id) => authorities[id].some((each) => isSignedBy(certificate, each)));
  const signer = ca === undefined ? undefined : signerOf(certificate, authorities[ca]);
  return {
    row: {
      id: user === undefined ? path : `${path} (user ${user})`,
      path,
      // What comes along in a chain is not the cluster's CA, even when it is one.
      kind: certificate.isCa && !isChain ? 'ca' : 'certificate',
      ca: ca ?? null,
      ...describeCertificate(certificate),
      state: key === 'mismatch' ? 'KeyMismatch' : 'Ok',
      reason: '',
    },
    id: undefined,
    title: titleOf(certificate, isChain),
    component: 'none',
    profile: defaultDays(path) === 91 ? manualLifetimes.kubelet : manualLifetimes['control-plane'],
    caNotAfter: signer?.notAfter,
    key,
    use: { kind: 'none' },
    remarks: [],
  };
}

function titleOf({ isCa, extendedKeyUsages }: Certificate, isChain: boolean): string {
  const usages = extendedKeyUsages.flatMap((each) =>
    each === 'serverAuth' ? ['server'] : each === 'clientAuth' ? ['client'] : [],
  );
  const what = isCa ? 'certificate authority' : usages.join(' and ') || 'certificate';
  return isChain ? `${what}, in the same file` : what;
}

/** The one with the latest end: a bundle may hold a CA before and after its own renewal. */
function signerOf(certificate: Certificate, authorities: readonly Certificate[]): Certificate | undefined {
  return authorities
    .filter((each) => isSignedBy(certificate, each))
    .toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime())[0];
}

function unreadable(path: string, reason: string): SeenCertificate {
  return {
    row: { id: path, path, kind: 'unreadable', ca: null, ...blank, state: 'Unreadable', reason },
    id: undefined,
    title: '',
    component: 'none',
    profile: 0,
    caNotAfter: undefined,
    key: 'unreadable',
    use: { kind: 'none' },
    remarks: [],
  };
}
