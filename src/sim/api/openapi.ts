// OpenAPI v3 as far as kubectl reads it before it writes: which kinds take `dryRun` and `fieldValidation`. No schemas.
import type { Kind } from './kinds.ts';
import type { Fields } from './objects.ts';
import { reviews } from './reviews.ts';

const root = '/openapi/v3';

/** A kind that is written to, at its path. */
interface Written {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly path: string;
}

const placeOf = ({ group, version }: Pick<Written, 'group' | 'version'>): string =>
  group === '' ? `api/${version}` : `apis/${group}/${version}`;

function writtenOf(kinds: readonly Kind[]): Written[] {
  const objects = kinds.map(({ group, version, kind, plural, namespaced }) => ({
    group,
    version,
    kind,
    path: `${namespaced ? 'namespaces/{namespace}/' : ''}${plural}/{name}`,
  }));
  const questions = reviews
    .filter(({ subresource }) => subresource === '')
    .map(({ group, kind, resource }) => ({ group, version: 'v1', kind, path: resource }));
  return [...objects, ...questions];
}

/** Undefined: there is no such document. */
export function openapiAt(kinds: readonly Kind[], path: string): Fields | undefined {
  const written = writtenOf(kinds);
  if (path === root) {
    const places = [...new Set(written.map(placeOf))];
    return {
      paths: Object.fromEntries(places.map((place) => [place, { serverRelativeURL: `${root}/${place}` }])),
    };
  }
  const own = written.filter((one) => path === `${root}/${placeOf(one)}`);
  if (own.length === 0) return undefined;
  const info = { title: 'Kubernetes', version: 'v1.34.4' };
  const paths = own.map((one) => [`/${placeOf(one)}/${one.path}`, operations(one)]);
  return { openapi: '3.0.0', info, paths: Object.fromEntries(paths) };
}

const parameters = ['dryRun', 'fieldManager', 'fieldValidation'].map((name) => ({
  name,
  in: 'query',
  schema: { type: 'string' },
}));

/** kubectl looks at PATCH alone, also for what is only created. */
function operations({ group, version, kind }: Written): Fields {
  const known = { group, version, kind };
  return { patch: { parameters, responses: {}, 'x-kubernetes-group-version-kind': known } };
}
