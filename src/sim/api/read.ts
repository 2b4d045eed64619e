// GET of one object and of lists: whole, in pages, or as they were at a version.
import { aboutOf, storedIn, type Place } from './create.ts';
import { fieldText, forbiddenField, invalid, invalidObject, type FieldError } from './fields.ts';
import { jsonProblem } from './body.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { valueAt, textOf, type ApiObject, type Fields } from './objects.ts';
import { fieldMatcher, labelMatcher, parseFieldSelector, type Matches } from './selectors.ts';
import { ApiError, badRequest, expired, notFound } from './status.ts';
import { keyOf, type Store } from './store.ts';

/** Errors: 404, 504 for a version that is not there yet. */
export function getObject(
  store: Store,
  { kind, namespace }: Place,
  name: string,
  query: URLSearchParams,
): ApiObject {
  const version = versionOf(query.get('resourceVersion') ?? '');
  if (version !== undefined) checkNotAhead(store, version);
  const found = store.get(storedIn(kind), namespace === undefined ? name : `${namespace}/${name}`);
  if (found === undefined) throw notFound(aboutOf(kind, name));
  return found;
}

/** Errors: 400 for what is no selector. */
export function matcherOf(kind: Kind, namespace: string | undefined, query: URLSearchParams): Matches {
  const labels = labelMatcher(query.get('labelSelector') ?? '');
  const terms = parseFieldSelector(query.get('fieldSelector') ?? '');
  const fields = fieldMatcher(terms, kind);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) && labels(object) && fields(object);
}

/** A resourceVersion as a number; undefined where none is given. Errors: `refuse` of what is wrong. */
export function versionOf(text: string, refuse: (why: string) => ApiError = badVersion): number | undefined {
  if (text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const value = JSON.stringify(text);
  const detail = `strconv.ParseUint: parsing ${value}: invalid syntax`;
  throw refuse(fieldText(invalid('resourceVersion', text, detail)));
}

const badVersion = (why: string): ApiError => badRequest(`invalid resource version: ${why}`);

export const invalidOptions = (errors: readonly FieldError[]): ApiError =>
  invalidObject({ group: 'meta.k8s.io', kind: 'ListOptions', name: '' }, errors);

export function checkNotAhead(store: Store, version: number): void {
  if (version <= store.revision) return;
  throw new ApiError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${version}, current: ${store.revision}`,
    {
      details: {
        causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
        retryAfterSeconds: 1,
      },
    },
  );
}

interface Page {
  readonly version: number;
  readonly after: string;
}

const tooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
  'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
  'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
  'deleted between the time the first chunk was returned and now may show up in the list.';

/** Errors: 400, 410 for a page of a forgotten version, 422, 504. */
export function listObjects(store: Store, { kind, namespace }: Place, query: URLSearchParams): Fields {
  const matches = matcherOf(kind, namespace, query);
  const page = pageOf(store, query, namespace);
  const all = store.listAt(storedIn(kind), page.version);
  if (all === undefined) throw expired(tooOld, encodeContinue(store.revision, page.after, namespace));
  const left = all.filter((object) => keyOf(object) > page.after && matches(object));
  // What comes from the cache is never in pages.
  const limit = query.get('resourceVersion') === '0' ? 0 : Number(query.get('limit') ?? '0');
  const items = limit > 0 ? left.slice(0, limit) : left;
  const remaining = left.length - items.length;
  const last = items.at(-1);
  const isWhole = !query.has('labelSelector') && !query.has('fieldSelector');
  return {
    kind: `${kind.kind}List`,
    apiVersion: apiVersionOf(kind),
    metadata: {
      resourceVersion: String(page.version),
      ...(remaining === 0 || last === undefined
        ? noToken(kind)
        : { continue: encodeContinue(page.version, keyOf(last), namespace) }),
      ...(remaining > 0 && isWhole ? { remainingItemCount: remaining } : {}),
    },
    items: items.map((item) => (kind.typedItems ? item : untyped(item))),
  };
}

/** Lists of custom resources say that there is no next page. */
const noToken = ({ typedItems }: Kind): Fields => (typedItems ? { continue: '' } : {});

function untyped({ apiVersion: _1, kind: _2, ...rest }: ApiObject): Fields {
  return rest;
}

function pageOf(store: Store, query: URLSearchParams, namespace: string | undefined): Page {
  const asked = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  const token = query.get('continue') ?? '';
  checkOptions(asked, match, token);
  if (token !== '') return decodeContinue(store, token, namespace);
  const version = versionOf(asked);
  if (version !== undefined) checkNotAhead(store, version);
  const isExact =
    match === 'Exact' || (match === '' && query.has('limit') && version !== undefined && version > 0);
  if (!isExact || version === undefined) return { version: store.revision, after: '' };
  if (version >= store.oldest) return { version, after: '' };
  throw expired('The resourceVersion for the provided list is too old.');
}

function checkOptions(version: string, match: string, token: string): void {
  if (token !== '' && version !== '' && version !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (match === '') return;
  const errors: FieldError[] = [];
  if (token !== '') {
    errors.push(
      forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'),
    );
  }
  if (version === '') {
    errors.push(
      forbiddenField(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden unless resourceVersion is provided',
      ),
    );
  }
  if (errors.length > 0) throw invalidOptions(errors);
}

/** Relative to the namespace, as the server's own tokens. */
function encodeContinue(version: number, after: string, namespace: string | undefined): string {
  const start = namespace === undefined ? after : after.slice(namespace.length + 1);
  const token = { v: 'meta.k8s.io/v1', rv: version, start: `${start}\0` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

function decodeContinue(store: Store, token: string, namespace: string | undefined): Page {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  let value: Fields;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badRequest(`invalid continue token: continue key is not valid: ${jsonProblem(text, error)}`);
  }
  const version = valueAt(value, 'rv');
  const start = textOf(valueAt(value, 'start'));
  if (valueAt(value, 'v') !== 'meta.k8s.io/v1' || start === '' || typeof version !== 'number') {
    throw badRequest(
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    );
  }
  const after = start.replace(/\0$/, '');
  return {
    version: version === -1 ? store.revision : version,
    after: namespace === undefined ? after : `${namespace}/${after}`,
  };
}
