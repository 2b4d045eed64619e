// What a request is about, read from its method and URL (apiserver's RequestInfo): authorisation and routing ask this.
import { parseFieldSelector } from './selectors.ts';

/** get, list, watch, create, update, patch, delete, deletecollection, and the rights that are no requests. */
export type Verb = string;

export interface RequestInfo {
  readonly isResource: boolean;
  readonly path: string;
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Further parts than a subresource has. */
  readonly rest: readonly string[];
}

const verbs: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const collectionVerbs: Readonly<Record<string, Verb>> = { get: 'list', delete: 'deletecollection' };

export const isTrue = (value: string | null): boolean => value === 'true' || value === '1';

export function readRequestInfo(method: string, url: URL): RequestInfo {
  const path = url.pathname;
  const verb = verbs[method] ?? method.toLowerCase();
  const other = { isResource: false, path, verb: method.toLowerCase() };
  const empty = { group: '', version: '', namespace: undefined, resource: '', subresource: '', name: '' };
  const parts = path.split('/').filter((part) => part !== '');
  const group = groupOf(parts);
  if (group === undefined) return { ...other, ...empty, rest: [] };
  const place = placeOf(parts.slice(group.length));
  const name = place.name === '' ? nameOfSelection(url) : place.name;
  const isCollection = place.name === '';
  const plain = isCollection ? (collectionVerbs[verb] ?? verb) : verb;
  return {
    isResource: true,
    path,
    verb: plain === 'list' && isTrue(url.searchParams.get('watch')) ? 'watch' : plain,
    group: group.group,
    version: group.version,
    ...place,
    // Rights to list by name are asked for that name.
    name: isCollection && method === 'GET' ? name : place.name,
  };
}

function groupOf(parts: readonly string[]): { group: string; version: string; length: number } | undefined {
  const [root, first = '', second = ''] = parts;
  if (root === 'api' && parts.length >= 3) return { group: '', version: first, length: 2 };
  if (root === 'apis' && parts.length >= 4) return { group: first, version: second, length: 3 };
  return undefined;
}

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** Namespaces are a resource and the place of others: what follows their name is a subresource when it is one of theirs. */
const namespaceSubresources = new Set(['status', 'finalize']);

function placeOf(
  encoded: readonly string[],
): Pick<RequestInfo, 'namespace' | 'resource' | 'name' | 'subresource' | 'rest'> {
  const parts = encoded.map(decoded);
  if (parts[0] === 'namespaces' && parts.length > 2 && !namespaceSubresources.has(parts[2] ?? '')) {
    const [, namespace, resource = '', name = '', subresource = '', ...rest] = parts;
    return { namespace, resource, name, subresource, rest };
  }
  const [resource = '', name = '', subresource = '', ...rest] = parts;
  // Asked about a namespace itself, its rights are asked for within it.
  const namespace = resource === 'namespaces' && name !== '' ? name : undefined;
  return { namespace, resource, name, subresource, rest };
}

function nameOfSelection(url: URL): string {
  const selector = url.searchParams.get('fieldSelector');
  if (selector === null) return '';
  try {
    const term = parseFieldSelector(selector).find(({ field }) => field === 'metadata.name');
    return term?.equals === true ? term.value : '';
  } catch {
    // No selector at all: the handler says so.
    return '';
  }
}
