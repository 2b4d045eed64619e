// The API by way of kubectl: what is read comes as it is (`get --raw`), what is written is one object or one patch.
import { CertError, type ErrorCode } from '../errors.ts';
import { collectionPath, objectPath, type ObjectRef, type Resource } from '../kube/resources.ts';
import type { Run } from './process.ts';

export interface ListWish {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** Errors of all: Denied, Unreachable, NotFound (no such kind, or kubectl itself), Aborted. */
export interface Kubectl {
  readonly text: (path: string) => Promise<string>;
  /** Undefined: no such object. */
  readonly get: <T>(of: Resource<T>, ref: ObjectRef) => Promise<T | undefined>;
  readonly list: <T>(of: Resource<T>, wish?: ListWish) => Promise<readonly T[]>;
  readonly create: <T>(of: Resource<T>, object: object, how: How) => Promise<T>;
  /** JSON merge patch (RFC 7386). */
  readonly patch: (of: Resource<unknown>, ref: ObjectRef, patch: object, how: How) => Promise<void>;
}

export interface How {
  /** The server checks and admits, and stores nothing. */
  readonly dryRun: boolean;
}

/** The flags of kubectl that say which cluster, and as whom. */
export interface ClusterFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  readonly user?: string;
  readonly as?: string;
  readonly asGroup?: readonly string[];
}

const pageSize = 500;

export function createKubectl(run: Run, flags: ClusterFlags): Kubectl {
  const common = ['--request-timeout=60s', ...flagWords(flags)];
  const call = async (words: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await run([...words, ...common], input);
    if (code !== 0) throw failureOf(stderr);
    return stdout;
  };
  const text = async (path: string): Promise<string> => await call(['get', '--raw', path]);
  return {
    text,
    get: async <T>(of: Resource<T>, ref: ObjectRef) => {
      try {
        return readJson<T>(await text(objectPath(of, ref)));
      } catch (error) {
        if (error instanceof CertError && error.code === 'NotFound') return undefined;
        throw error;
      }
    },
    list: async (of, wish = {}) => await listAll(of, wish, text),
    create: async <T>(of: Resource<T>, object: object, { dryRun }: How) => {
      const path = `${collectionPath(of)}${dryRun ? '?dryRun=All' : ''}`;
      const body = { apiVersion: of.apiVersion, kind: of.kind, ...object };
      return readJson<T>(await call(['create', '--raw', path, '-f', '-'], JSON.stringify(body)));
    },
    patch: async (of, { name, namespace }, patch, { dryRun }) => {
      const where = namespace === undefined ? [] : [`--namespace=${namespace}`];
      const words = ['patch', kindOf(of), name, '--type=merge', `--patch=${JSON.stringify(patch)}`, ...where];
      await call([...words, '--output=name', ...(dryRun ? ['--dry-run=server'] : [])]);
    },
  };
}

async function listAll<T>(
  of: Resource<T>,
  { namespace, ...selectors }: ListWish,
  text: Kubectl['text'],
): Promise<readonly T[]> {
  const items: T[] = [];
  let more: string | undefined;
  do {
    const query = new URLSearchParams({ ...selectors, limit: String(pageSize) });
    if (more !== undefined) query.set('continue', more);
    const page = readJson<{ metadata: { continue?: string }; items: T[] | null }>(
      await text(`${collectionPath(of, namespace)}?${query.toString()}`),
    );
    items.push(...(page.items ?? []));
    more = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (more !== undefined);
  return items;
}

/** With its group, so that no other kind of the same name is meant. */
function kindOf({ plural, apiVersion }: Resource<unknown>): string {
  const [group, version] = apiVersion.split('/');
  return version === undefined ? plural : `${plural}.${group ?? ''}`;
}

/** As one word each: a value that begins with a hyphen stays a value. */
function flagWords({ asGroup = [], ...rest }: ClusterFlags): string[] {
  const named = Object.entries(rest).filter(([, value]) => typeof value === 'string');
  return [
    ...named.map(([name, value]) => `--${name}=${value}`),
    ...asGroup.map((group) => `--as-group=${group}`),
  ];
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- who asks knows what the server sends
function readJson<T>(text: string): T {
  try {
    const value: T = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new CertError('Unreachable', 'the answer of the API server is cut off or not JSON', { cause });
  }
}

const unreachable =
  /Unable to connect to the server|The connection to the server|i\/o timeout|deadline exceeded/i;
const passing = new Set([
  'ServiceUnavailable',
  'Timeout',
  'ServerTimeout',
  'TooManyRequests',
  'InternalError',
]);

const told = (code: ErrorCode, text: string): CertError => new CertError(code, text);

/** What kubectl said, as our own error. */
function failureOf(stderr: string): CertError {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/^[EWIF]\d{4} /.test(line));
  const said = lines.join(' ').trim();
  const [, reason = '', message = ''] = /Error from server(?: \((\w+)\))?: (.*)/.exec(said) ?? [];
  if (reason === 'NotFound') return told('NotFound', message);
  if (reason === 'Forbidden') return told('Denied', `you may not: ${message}`);
  if (reason === 'Unauthorized' || /must be logged in/.test(said))
    return told('Denied', 'the API server does not accept your credentials: they may have expired');
  if (passing.has(reason)) return told('Unreachable', `the API server answers ${reason}: ${message}`);
  if (message !== '') return told('Denied', `the API server refuses: ${message}`);
  if (unreachable.test(said)) return told('Unreachable', `the API server does not answer: ${said}`);
  return told('BadConfiguration', `kubectl: ${said.replace(/^error: /, '') || 'it ended without a word'}`);
}
