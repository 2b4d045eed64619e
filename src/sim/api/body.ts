// What stands in a request: read with the server's limit, decoded with its refusals.
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { apiVersionOf, type Kind } from './kinds.ts';
import { isFields, listOf, textOf, type ApiObject, type Fields, type Meta } from './objects.ts';
import { ApiError, badRequest } from './status.ts';

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

const bodies = ['application/json', 'application/yaml'];
const patches = ['application/merge-patch+json', 'application/strategic-merge-patch+json'];

/** Errors: 415. Protobuf is what the real server reads too. */
export function checkMediaType(request: IncomingMessage, isPatch: boolean): void {
  const allowed = isPatch ? patches : bodies;
  if (allowed.includes(mediaType(request))) return;
  const known = isPatch
    ? ['application/json-patch+json', ...patches, 'application/apply-patch+yaml']
    : ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
  throw new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${known.join(', ')}`,
  );
}

/** Errors: 400. */
export function parseBody(text: string, type: string): unknown {
  if (type === 'application/yaml') return parse(text);
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badRequest(`couldn't get version/kind; json parse error: ${why}`);
  }
}

/** The object of a POST or PUT. Errors: 400. */
export function decodeObject(kind: Kind, text: string, type: string): ApiObject {
  const value = parseBody(text, type);
  if (!isFields(value)) throw badRequest("Object 'Kind' is missing in '" + text.slice(0, 100) + "'");
  return asObject(kind, value, text);
}

/** An object of this kind, with the metadata that every object has. Errors: 400. */
export function asObject(kind: Kind, value: Fields, text: string): ApiObject {
  const expected = apiVersionOf(kind);
  const [apiVersion, name] = [value['apiVersion'], value['kind']].map(textOf);
  if (name !== '' && apiVersion !== '' && (name !== kind.kind || apiVersion !== expected)) {
    throw badRequest(mismatch(kind, value, text));
  }
  const metadata = isFields(value['metadata']) ? value['metadata'] : {};
  return { ...value, apiVersion: expected, kind: kind.kind, metadata: metaOf(metadata) };
}

function mismatch(kind: Kind, value: Fields, text: string): string {
  const expected = apiVersionOf(kind);
  if (value['kind'] === kind.kind) {
    return `the API version in the data (${textOf(value['apiVersion'])}) does not match the expected API version (${expected})`;
  }
  return `the object provided is unrecognized (must be of type ${kind.kind}): ${text.slice(0, 100)}`;
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
