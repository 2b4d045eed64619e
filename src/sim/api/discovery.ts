// What is asked before any object: versions, health, and which resources there are.
import { apiVersionOf, type Kind } from './kinds.ts';
import type { Fields } from './objects.ts';
import { openapiAt } from './openapi.ts';
import type { Registry } from './registry.ts';
import { reviews } from './reviews.ts';

/** The version that the contract is checked against. */
export const versionInfo: Fields = {
  major: '1',
  minor: '34',
  gitVersion: 'v1.34.4',
  gitCommit: '',
  gitTreeState: '',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'gc',
  platform: 'linux/amd64',
};

export type Document = { readonly text: string } | { readonly json: Fields };

const health = new Set(
  ['/healthz', '/livez', '/readyz'].flatMap((path) => [path, `${path}/ping`, `${path}/etcd`]),
);

/** Undefined: there is no such path. */
export function documentAt(registry: Registry, path: string): Document | undefined {
  const plain = path.replace(/(.)\/$/, '$1');
  if (health.has(plain)) return { text: 'ok' };
  if (plain === '/version') return { json: versionInfo };
  if (plain === '/api') return { json: coreVersions };
  const kinds = registry.kinds();
  if (plain === '/apis') return { json: { kind: 'APIGroupList', apiVersion: 'v1', groups: groupsOf(kinds) } };
  const openapi = openapiAt(kinds, plain);
  if (openapi !== undefined) return { json: openapi };
  const group = groupsOf(kinds).find(({ name }) => plain === `/apis/${String(name)}`);
  if (group !== undefined) return { json: { kind: 'APIGroup', apiVersion: 'v1', ...group } };
  const list = resourceList(kinds, plain === '/api/v1' ? 'v1' : plain.replace(/^\/apis\//, ''));
  return list === undefined ? undefined : { json: list };
}

const coreVersions: Fields = {
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [],
};

function groupsOf(kinds: readonly Kind[]): Fields[] {
  const versions = new Set([...kinds.map(apiVersionOf), ...reviews.map(({ group }) => `${group}/v1`)]);
  return [...versions]
    .filter((version) => version.includes('/') && !version.startsWith('/'))
    .map((groupVersion) => {
      const [name = '', version = ''] = groupVersion.split('/');
      const known = { groupVersion, version };
      return { name, versions: [known], preferredVersion: known };
    });
}

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

function resourceList(kinds: readonly Kind[], groupVersion: string): Fields | undefined {
  const resources = [
    ...kinds.filter((kind) => apiVersionOf(kind) === groupVersion).flatMap(entriesOf),
    ...reviews
      .filter(({ group }) => (group === '' ? 'v1' : `${group}/v1`) === groupVersion)
      .map(({ resource, subresource, kind }) => ({
        name: subresource === '' ? resource : `${resource}/${subresource}`,
        singularName: subresource === '' ? kind.toLowerCase() : '',
        namespaced: subresource !== '',
        kind,
        verbs: ['create'],
      })),
  ];
  if (resources.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function entriesOf({ plural, kind, namespaced, shortNames, subresources }: Kind): Fields[] {
  const whole = {
    name: plural,
    singularName: kind.toLowerCase(),
    namespaced,
    kind,
    verbs,
    ...(shortNames === undefined || shortNames.length === 0 ? {} : { shortNames }),
  };
  const parts = Object.keys(subresources).map((part) => ({
    name: `${plural}/${part}`,
    singularName: '',
    namespaced,
    kind,
    verbs: ['get', 'patch', 'update'],
  }));
  return [whole, ...parts];
}
