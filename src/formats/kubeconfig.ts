// Kubeconfigs (k8s.io/client-go/tools/clientcmd): read with paths resolved as client-go does, and exact edits of the
// base64 values of one user; all else stays byte for byte.
import { isDeepStrictEqual } from 'node:util';
import { posix } from 'node:path';
import { isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { CertError } from '../errors.ts';
import {
  editableMap,
  entry,
  errorAt,
  field,
  isRecord,
  parseYaml,
  rangeOf,
  refuseShared,
  scalarRange,
} from './yaml-text.ts';
import { splice, textField, type YamlText } from './yaml-text.ts';

/** PEM that stands in the kubeconfig itself, or the path of a file (absolute). */
export type CredentialSource =
  { readonly kind: 'data'; readonly pem: string } | { readonly kind: 'file'; readonly path: string };

export interface KubeconfigUser {
  readonly name: string;
  /** As client-go: data wins over the file. */
  readonly certificate: CredentialSource | undefined;
  readonly key: CredentialSource | undefined;
  /** Other ways to log in that this user has. */
  readonly others: readonly ('token' | 'tokenFile' | 'exec' | 'auth-provider' | 'username')[];
}

export interface KubeconfigCluster {
  readonly name: string;
  readonly server: string | undefined;
  /** The name that the server's certificate must hold, in place of the one in `server`. */
  readonly tlsServerName: string | undefined;
  readonly authority: CredentialSource | undefined;
}

export interface Kubeconfig {
  readonly currentContext: string | undefined;
  readonly contexts: readonly { readonly name: string; readonly cluster?: string; readonly user?: string }[];
  readonly clusters: readonly KubeconfigCluster[];
  readonly users: readonly KubeconfigUser[];
}

/**
 * @param file absolute path of the kubeconfig: references are relative to its directory
 * @throws CertError MalformedYaml, Unsupported
 */
export function parseKubeconfig(text: string, file: string): Kubeconfig {
  return readKubeconfig(parseYaml(text, file));
}

function readKubeconfig({ value, file }: YamlText): Kubeconfig {
  if (!isRecord(value))
    throw new CertError('Unsupported', `${file} is no kubeconfig: it is no map`, { file });
  const kind = field(value, 'kind');
  if (kind !== undefined && kind !== 'Config') {
    throw new CertError('Unsupported', `${file} is no kubeconfig: its kind is ${JSON.stringify(kind)}`, {
      file,
    });
  }
  return {
    currentContext: textField(value, 'current-context', file, 'kubeconfig'),
    contexts: named(value, 'contexts', 'context', file).map(({ name, content }) => {
      const cluster = textField(content, 'cluster', file, `context ${name}`);
      const user = textField(content, 'user', file, `context ${name}`);
      return { name, ...(cluster === undefined ? {} : { cluster }), ...(user === undefined ? {} : { user }) };
    }),
    clusters: named(value, 'clusters', 'cluster', file).map(({ name, content }) => ({
      name,
      server: textField(content, 'server', file, `cluster ${name}`),
      tlsServerName: textField(content, 'tls-server-name', file, `cluster ${name}`),
      authority: source(content, 'certificate-authority', file, `cluster ${name}`),
    })),
    users: named(value, 'users', 'user', file).map(({ name, content }) => ({
      name,
      certificate: source(content, 'client-certificate', file, `user ${name}`),
      key: source(content, 'client-key', file, `user ${name}`),
      others: otherLogins.filter((key) => (field(content, key) ?? '') !== ''),
    })),
  };
}

const otherLogins = ['token', 'tokenFile', 'exec', 'auth-provider', 'username'] as const;

/** client-go's lists of `{name, <key>: {…}}`; a name that stands twice is an error there too. */
function named(
  config: unknown,
  list: string,
  key: string,
  file: string,
): readonly { readonly name: string; readonly content: unknown }[] {
  const items = field(config, list) ?? [];
  if (!Array.isArray(items)) throw new CertError('Unsupported', `${file}: ${list} is no list`, { file });
  const seen = new Set<string>();
  return items.map((item: unknown) => {
    const name = field(item, 'name');
    if (typeof name !== 'string')
      throw new CertError('Unsupported', `${file}: an entry of ${list} has no name`, { file });
    if (seen.has(name))
      throw new CertError('Unsupported', `${file}: ${list} names "${name}" twice`, { file });
    seen.add(name);
    const content = field(item, key) ?? {};
    if (!isRecord(content)) throw new CertError('Unsupported', `${file}: ${key} ${name} is no map`, { file });
    return { name, content };
  });
}

function source(content: unknown, key: string, file: string, where: string): CredentialSource | undefined {
  const data = textField(content, `${key}-data`, file, where);
  if (data !== undefined) return { kind: 'data', pem: decodeBase64(data, `${where}.${key}-data`, file) };
  const path = textField(content, key, file, where);
  return path === undefined ? undefined : { kind: 'file', path: posix.resolve(posix.dirname(file), path) };
}

/** Strict, as Go's encoding/json: padding is needed, line breaks are allowed. */
function decodeBase64(data: string, where: string, file: string): string {
  const joined = data.replaceAll(/[\r\n]/gu, '');
  if (joined.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/u.test(joined)) {
    throw new CertError('MalformedPem', `${file}: ${where} is not base64`, { file });
  }
  return Buffer.from(joined, 'base64').toString('latin1');
}

/** The user of the current context, when there is one. */
export function currentUser(config: Kubeconfig): KubeconfigUser | undefined {
  const context = config.contexts.find(({ name }) => name === config.currentContext);
  return context?.user === undefined ? undefined : config.users.find(({ name }) => name === context.user);
}

/** The cluster of the current context, when there is one. */
export function currentCluster(config: Kubeconfig): KubeconfigCluster | undefined {
  const context = config.contexts.find(({ name }) => name === config.currentContext);
  return context?.cluster === undefined
    ? undefined
    : config.clusters.find(({ name }) => name === context.cluster);
}

/** Where a cluster's API is. */
export interface Server {
  readonly host: string;
  readonly port: number;
  /** Before every path of the API, without a slash at its end; mostly empty. */
  readonly basePath: string;
}

/** Undefined: it names none that can be asked with a certificate. */
export function serverOf(server: string | undefined): Server | undefined {
  if (server === undefined || !URL.canParse(server)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(server);
  if (protocol !== 'https:') return undefined;
  const basePath = pathname.replace(/\/+$/u, '');
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port) || 443, basePath };
}

/**
 * Puts a certificate, and a key when one is given, into the base64 values of one user. Nothing else changes: not a
 * comment, quote or line end.
 *
 * @throws CertError Unsupported with line and column: references to files, anchors, aliases, values over several lines
 */
export function replaceUserData(
  text: string,
  userName: string,
  credential: { readonly certificatePem: string; readonly keyPem?: string },
  file = 'kubeconfig',
): string {
  const before = parseYaml(text, file);
  readKubeconfig(before);
  const user = editableUser(before, userName);
  const replace = (key: string, pem: string) => {
    const pair = entry(user, key);
    if (pair === undefined || !isScalar(pair.value) || typeof pair.value.value !== 'string') {
      throw errorAt(
        'Unsupported',
        before,
        rangeOf(pair?.value ?? user)?.[0] ?? 0,
        `user ${userName} has no ${key}`,
      );
    }
    const [start, end] = scalarRange(before, pair.value, `${key} of user ${userName}`);
    const quote = /^["']/u.exec(text.slice(start, end))?.[0] ?? '';
    return { start, end, text: `${quote}${Buffer.from(pem, 'utf8').toString('base64')}${quote}` };
  };
  const edits = [replace('client-certificate-data', credential.certificatePem)];
  if (credential.keyPem !== undefined) edits.push(replace('client-key-data', credential.keyPem));
  const after = splice(text, edits);
  proveOnlyChange(before, parseYaml(after, file), userName, credential);
  return after;
}

function editableUser(source: YamlText, userName: string): YAMLMap {
  const root = editableMap(source, source.document.contents, 'the kubeconfig');
  const users = entry(root, 'users')?.value;
  refuseShared(source, users, 'users');
  if (!isSeq(users)) throw errorAt('Unsupported', source, rangeOf(users)?.[0] ?? 0, 'users is no list');
  for (const item of users.items) {
    if (!isMap(item))
      throw errorAt('Unsupported', source, rangeOf(item)?.[0] ?? 0, 'an entry of users is no plain map');
    const name = entry(item, 'name')?.value;
    if (!isScalar(name) || name.value !== userName) continue;
    return editableMap(
      source,
      entry(editableMap(source, item, `user ${userName}`), 'user')?.value,
      `user ${userName}`,
    );
  }
  throw new CertError('NotFound', `${source.file} has no user "${userName}"`, { file: source.file });
}

/** The proof: the new text read again differs in the asked values and in nothing else. */
function proveOnlyChange(
  before: YamlText,
  after: YamlText,
  userName: string,
  credential: { readonly certificatePem: string; readonly keyPem?: string },
): void {
  const expected: unknown = structuredClone(before.value);
  const users = field(expected, 'users');
  const item: unknown = Array.isArray(users)
    ? users.find((each: unknown) => field(each, 'name') === userName)
    : undefined;
  const user = field(item, 'user');
  if (isRecord(user)) {
    Object.assign(user, {
      'client-certificate-data': Buffer.from(credential.certificatePem, 'utf8').toString('base64'),
    });
    if (credential.keyPem !== undefined) {
      Object.assign(user, { 'client-key-data': Buffer.from(credential.keyPem, 'utf8').toString('base64') });
    }
  }
  if (isDeepStrictEqual(expected, after.value)) return;
  const { file } = before;
  throw new CertError(
    'Unsupported',
    `${file}: an edit of user ${userName} would change more than its values`,
    { file },
  );
}
