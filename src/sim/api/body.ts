// What stands in a request: read with the server's limit, decoded with its refusals.
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { invalid, invalidObject } from './fields.ts';
import { apiVersionOf, type Kind } from './kinds.ts';
import { fieldsOf, isFields, listOf, textOf, type ApiObject, type Fields, type Meta } from './objects.ts';
import { ApiError, badRequest } from './status.ts';
import { builtinKinds } from './table.ts';

const mostBytes = 3 * 1024 * 1024;

/** Errors: 413. */
export async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > mostBytes) {
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${mostBytes}`, {
        details: {},
      });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

export const mediaType = (request: IncomingMessage): string =>
  (request.headers['content-type'] ?? 'application/json').split(';')[0]?.trim().toLowerCase() ?? '';

const protobuf = 'application/vnd.kubernetes.protobuf';
const bodies = ['application/json', 'application/yaml'];
const patches = ['application/merge-patch+json', 'application/strategic-merge-patch+json'];

/** Errors: 415. */
export function checkMediaType(request: IncomingMessage, isPatch: boolean): void {
  const allowed = isPatch ? patches : bodies;
  if (allowed.includes(mediaType(request))) return;
  if (isPatch) {
    throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', { details: {} });
  }
  // Who comes with what the real server reads and this one does not is told the truth.
  const known = mediaType(request) === protobuf ? bodies : [...bodies, protobuf];
  throw new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
  );
}

/** JSON or YAML. Errors: 400, as `refuse` says it. */
export function parseBody(text: string, type: string, refuse: (why: string) => ApiError): unknown {
  if (type === 'application/yaml') return parse(text);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    throw refuse(jsonProblem(text, error));
  }
}

/** In the words of Go's reader for what ends too soon or does not begin as JSON; else in those of ours. */
export function jsonProblem(text: string, error: unknown): string {
  const first = text.trim()[0];
  const why = error instanceof Error ? error.message : String(error);
  if (
    first === undefined ||
    /end of JSON|Unterminated|end of data|Expected .* \(line 1 column \d+\)$/.test(why)
  ) {
    return 'unexpected end of JSON input';
  }
  return /[-[{"0-9tfn]/.test(first) ? why : `invalid character '${first}' looking for beginning of value`;
}

const longestShown = 128;

/** The data, as far as a message shows it. */
function summary(text: string): string {
  if (text === '') return '<empty>';
  const bytes = Buffer.from(text, 'utf8');
  const shown = text.startsWith('{')
    ? bytes.toString('utf8', 0, longestShown)
    : bytes.toString('hex', 0, longestShown);
  return bytes.length > longestShown ? `${shown} ...` : shown;
}

const unrecognized = (kind: string, text: string, why: string): ApiError =>
  badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: ${why} (${summary(text)})`,
  );

const typeMeta =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** The object of a POST or PUT. Errors: 400. */
export function decodeObject(kind: Kind, text: string, type: string): ApiObject {
  const value = parseBody(text, type, (why) => unrecognized(kind.kind, text, why));
  if (isFields(value)) return asObject(kind, value);
  const what = Array.isArray(value) ? 'array' : typeof value;
  throw unrecognized(kind.kind, text, `json: cannot unmarshal ${what} into Go value of type ${typeMeta}`);
}

/** An object of this kind, with the metadata that every object has. Errors: 400, 422. */
export function asObject(kind: Kind, value: Fields): ApiObject {
  const expected = apiVersionOf(kind);
  const [apiVersion = expected, name = kind.kind] = ['apiVersion', 'kind'].map(
    (field) => textOf(value[field]) || undefined,
  );
  if (name !== kind.kind || apiVersion !== expected) throw otherKind(kind, value, { apiVersion, name });
  const metadata = isFields(value['metadata']) ? value['metadata'] : {};
  return { ...value, apiVersion: expected, kind: kind.kind, metadata: metaOf(metadata) };
}

function otherKind(
  kind: Kind,
  value: Fields,
  { apiVersion, name }: { apiVersion: string; name: string },
): ApiError {
  if (kind.typedItems) {
    const object = textOf(fieldsOf(value['metadata'])['name']);
    const error = invalid('kind', name, `must be ${kind.kind}`);
    return invalidObject({ group: kind.group, kind: name, name: object }, [error]);
  }
  const cannot = `${name} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${kind.kind}`;
  if (builtinKinds.some((one) => one.kind === name && apiVersionOf(one) === apiVersion)) {
    const internal = kind.group === '' ? 'core' : (kind.group.split('.')[0] ?? '');
    const [version = ''] = apiVersion.split('/').slice(-1);
    return badRequest(
      `${cannot}: converting (${version}.${name}) to (${internal}.${kind.kind}): unknown conversion`,
    );
  }
  const known = 'in scheme "pkg/runtime/scheme.go:110"';
  return badRequest(
    `${cannot}: no kind ${JSON.stringify(name)} is registered for version ${JSON.stringify(apiVersion)} ${known}`,
  );
}

const ownFields = ['managedFields', 'selfLink'];

function metaOf(fields: Fields): Meta {
  const meta: Fields = {};
  for (const [name, value] of Object.entries(fields)) {
    const isEmpty = value === null || value === '' || (Array.isArray(value) && listOf(value).length === 0);
    const isEmptyMap = isFields(value) && Object.keys(value).length === 0;
    if (!isEmpty && !isEmptyMap && !ownFields.includes(name)) meta[name] = value;
  }
  return meta;
}
