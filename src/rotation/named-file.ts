// What a file that a person named is: a PEM certificate with its key, or a kubeconfig with one or more of them.
import { posix } from 'node:path';
import type { Location } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { parseKubeconfig, type CredentialSource, type Kubeconfig } from '../formats/kubeconfig.ts';
import { readBundle, type PemBundle } from '../formats/pem.ts';
import { toBytes, toText } from './bytes.ts';
import type { RotationNode } from './types.ts';

/** The certificates that a named file holds or leads to. Errors: MalformedPem, MalformedYaml, Unsupported, NotFound. */
export function locationsOf(node: RotationNode, path: string): Location[] {
  const { files } = node;
  if (files.stat(path) === undefined)
    throw new CertError('NotFound', `${path} does not exist; ${whatToName}`, { file: path });
  const bytes = files.read(files.realpath(path));
  const text = toText(bytes);
  if (text.includes('-----BEGIN ')) return [pemLocation(node, path, text)];
  const { users } = readKubeconfig(bytes, path);
  const locations = users.flatMap(({ name, certificate, key }) => userLocation(path, name, certificate, key));
  if (locations.length > 0) return locations;
  const logins = [...new Set(users.flatMap(({ others }) => others))].join(', ');
  const how = logins === '' ? '' : ` (its users log in by ${logins})`;
  throw new CertError(
    'Unsupported',
    `${path} holds no client certificate${how}: there is nothing to renew in it; leave it out`,
    { file: path },
  );
}

const whatToName = 'name a certificate (PEM) or a kubeconfig';

/** Of a file that a person named; errors say what to name. Errors: MalformedYaml, Unsupported. */
export function readKubeconfig(bytes: Uint8Array, path: string): Kubeconfig {
  if (bytes.length === 0)
    throw new CertError('Unsupported', `${path} is empty; ${whatToName}`, { file: path });
  const text = Buffer.from(bytes).toString('utf8');
  if (/[\0\uFFFD]/u.test(text)) {
    throw new CertError(
      'Unsupported',
      `${path} is neither PEM nor a kubeconfig: it is no text in UTF-8 (but NUL bytes, DER or UTF-16); ${whatToName}`,
      { file: path },
    );
  }
  try {
    return parseKubeconfig(text, path);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `${error.message}; ${whatToName}`, { ...error.place, cause: error });
  }
}

function readPem(file: string, text: string): PemBundle {
  try {
    return readBundle(toBytes(text));
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    throw new CertError(error.code, `${error.message}; name a file that is whole`, {
      ...error.place,
      file,
      cause: error,
    });
  }
}

function pemLocation(node: RotationNode, path: string, text: string): Location {
  const { certificate, key } = readPem(path, text);
  if (certificate === undefined) {
    throw new CertError('MalformedPem', `${path} holds no certificate; name the certificate, not the key`, {
      file: path,
    });
  }
  if (certificate.isCa)
    throw new CertError('TargetIsCa', `${path} is a CA; only leaves are renewed: leave it out`, {
      file: path,
    });
  if (key !== undefined) return { form: 'combined', path };
  const candidates = keyNames(path);
  const keyPath = candidates.find((each) => node.files.stat(each)?.kind === 'file');
  if (keyPath === undefined)
    throw new CertError(
      'NotFound',
      `the key of ${path} is not beside it; put it there, as ${candidates.join(' or ')}`,
      {
        file: path,
      },
    );
  return { form: 'pair', certPath: path, keyPath };
}

/** Where the key of a certificate is looked for, beside it. */
export function keyNames(path: string): readonly string[] {
  const { dir, name } = posix.parse(path);
  return [posix.join(dir, `${name}.key`), posix.join(dir, `${name}-key.pem`)];
}

function userLocation(
  path: string,
  user: string,
  certificate: CredentialSource | undefined,
  key: CredentialSource | undefined,
): Location[] {
  if (certificate?.kind === 'data' && key?.kind === 'data') return [{ form: 'kubeconfig', path, user }];
  if (certificate?.kind !== 'file' || key?.kind !== 'file') return [];
  if (certificate.path === key.path) return [{ form: 'combined', path: key.path }];
  return [{ form: 'pair', certPath: certificate.path, keyPath: key.path }];
}
