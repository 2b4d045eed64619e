// From a request that is allowed to its answer.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asObject, checkMediaType, decodeObject, mediaType, parseBody, readBody } from './body.ts';
import { createObject, type Place } from './create.ts';
import { deleteObject } from './delete.ts';
import { documentAt } from './discovery.ts';
import type { Context, Kind } from './kinds.ts';
import { fieldsOf, isFields, listOf, type ApiObject, type Fields } from './objects.ts';
import { getObject, listObjects } from './read.ts';
import type { Registry } from './registry.ts';
import type { RequestInfo } from './request-info.ts';
import { reviews, type Review } from './reviews.ts';
import { badRequest, methodNotAllowed, ApiError, noSuchResource, notFound } from './status.ts';
import { builtinKinds } from './table.ts';
import { tableOf, wantsTable } from './table-view.ts';
import type { Tokens } from './tokens.ts';
import { mergePatch, updateObject } from './update.ts';
import { serveWatch, type WatchTiming } from './watch.ts';

export interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly info: RequestInfo;
  readonly query: URLSearchParams;
  readonly context: Context;
}

export interface Parts {
  readonly registry: Registry;
  readonly tokens: Tokens;
  readonly timing: WatchTiming;
}

export interface Answer {
  readonly code: number;
  readonly body: Fields | string;
}

const ok = (body: Fields): Answer => ({ code: 200, body });

/** Undefined when the answer has been streamed. Errors: every refusal as an ApiError. */
export async function answer(call: Call, parts: Parts): Promise<Answer | undefined> {
  const { info, request } = call;
  if (!info.isResource) return document(call, parts);
  const review = reviews.find(
    ({ group, resource, subresource }) =>
      info.group === group && info.resource === resource && info.subresource === subresource,
  );
  if (review !== undefined) return ask(review, call, parts);
  const kind = parts.registry.find(info.group, info.version, info.resource);
  if (kind === undefined || !hasPlace(kind, info)) return notThere(info, kind);
  const method = methods[request.method ?? ''];
  if (method === undefined) throw methodNotAllowed();
  const namespace = kind.namespaced ? info.namespace : undefined;
  return method({ ...call, place: { kind, namespace }, parts });
}

function hasPlace(kind: Kind, { namespace, subresource, rest }: RequestInfo): boolean {
  const isPart = subresource === '' || subresource in kind.subresources;
  return (
    rest.length === 0 &&
    isPart &&
    (kind.namespaced || kind.plural === 'namespaces' || namespace === undefined)
  );
}

const noSuchPath = (): Answer => ({ code: 404, body: '404 page not found\n' });

/** Three servers in one: that of the built-in groups, that of custom resources, and what is behind them. */
function notThere({ group, resource, name, subresource }: RequestInfo, kind: Kind | undefined): Answer {
  if (builtinGroups.has(group)) throw noSuchResource();
  if (kind === undefined || subresource === '') return noSuchPath();
  throw notFound({ group, resource, name });
}

const builtinGroups = new Set([...builtinKinds, ...reviews].map(({ group }) => group));

function document({ info, request }: Call, { registry }: Parts): Answer {
  const found = documentAt(registry, info.path);
  if (found === undefined) return noSuchPath();
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  return { code: 200, body: 'text' in found ? found.text : found.json };
}

async function ask(review: Review, { request, info, context }: Call, { tokens }: Parts): Promise<Answer> {
  if (request.method !== 'POST') throw methodNotAllowed();
  checkMediaType(request, false);
  const value = parseBody(await readBody(request), mediaType(request), badRequest);
  const body: Fields = { ...fieldsOf(value), kind: review.kind };
  body['apiVersion'] = `${review.group === '' ? 'authentication.k8s.io' : review.group}/v1`;
  body['metadata'] = fieldsOf(body['metadata']);
  const { namespace, name } = info;
  return { code: 201, body: await review.answer({ body, context, tokens, namespace, name }) };
}

interface Routed extends Call {
  readonly place: Place;
  readonly parts: Parts;
}

type Method = (call: Routed) => Promise<Answer | undefined>;

const methods: Readonly<Record<string, Method>> = {
  GET: get,
  POST: post,
  PUT: put,
  PATCH: patch,
  DELETE: remove,
};

async function get({
  request,
  response,
  info,
  query,
  context,
  place,
  parts,
}: Routed): Promise<Answer | undefined> {
  const { store } = context;
  if (info.verb === 'watch') {
    await serveWatch(store, place, query, response, parts.timing);
    return undefined;
  }
  const shown = (body: Fields): Answer =>
    ok(wantsTable(request, place.kind) ? tableOf(place.kind, body, context.now) : body);
  if (info.verb === 'list') return shown(listObjects(store, place, query));
  return shown(getObject(store, place, info.name, query));
}

/** `dryRun=All` and nothing else. Errors: 422 in the real server's way. */
const isDryRun = (query: URLSearchParams): boolean => query.getAll('dryRun').includes('All');

async function post({ request, info, query, context, place }: Routed): Promise<Answer> {
  // The server of custom resources does not mind a name.
  if (info.name !== '' && !place.kind.typedItems) throw methodNotAllowed();
  if (place.kind.namespaced && place.namespace === undefined) throw methodNotAllowed();
  checkMediaType(request, false);
  const body = decodeObject(place.kind, await readBody(request), mediaType(request));
  return { code: 201, body: createObject(place, body, context, { dryRun: isDryRun(query) }) };
}

async function put({ request, info, query, context, place }: Routed): Promise<Answer> {
  if (info.name === '') throw methodNotAllowed();
  checkMediaType(request, false);
  const body = decodeObject(place.kind, await readBody(request), mediaType(request));
  const { name, subresource } = info;
  const update = { ...place, name, subresource, next: () => body, isPatch: false, dryRun: isDryRun(query) };
  const { object, created } = updateObject(update, context);
  return { code: created ? 201 : 200, body: object };
}

async function patch({ request, info, query, context, place }: Routed): Promise<Answer> {
  if (info.name === '') throw methodNotAllowed();
  checkMediaType(request, true);
  const text = await readBody(request);
  const type = mediaType(request);
  const change = readPatch(text, type);
  const next = (current: ApiObject | undefined): ApiObject => {
    const merged = mergePatch(current, change);
    if (!isFields(merged))
      throw undecodable('json: cannot unmarshal array into Go value of type map[string]interface {}');
    return asObject(place.kind, merged);
  };
  const { name, subresource } = info;
  const update = { ...place, name, subresource, next, isPatch: true, dryRun: isDryRun(query) };
  return ok(updateObject(update, context).object);
}

const undecodable = (why: string): ApiError => badRequest(`error decoding patch: ${why}`);

function readPatch(text: string, type: string): unknown {
  const change = parseBody(text, 'application/json', undecodable);
  if (type === 'application/strategic-merge-patch+json' && !isPlain(change)) {
    throw new ApiError(
      415,
      'UnsupportedMediaType',
      'this server reads strategic merge patches only where they are merge patches: without lists and directives',
    );
  }
  return change;
}

/** Lists are what a strategic merge differs in. */
function isPlain(value: unknown): boolean {
  if (Array.isArray(value)) return false;
  return (
    !isFields(value) || Object.entries(value).every(([key, inner]) => !key.startsWith('$') && isPlain(inner))
  );
}

async function remove({ request, info, query, context, place }: Routed): Promise<Answer> {
  const options = await deleteOptions(request, query);
  const dryRun = isDryRun(query) || listOf(options['dryRun']).includes('All');
  if (info.name === '') return collection({ place, options, dryRun }, query, context);
  const { kind } = place;
  const { object, gone } = deleteObject({ ...place, name: info.name, options, dryRun }, context);
  return ok(gone && !kind.returnsDeleted ? deleted(kind, object) : object);
}

/** Each of a list, and the list as it was. */
function collection(
  { place, options, dryRun }: { place: Place; options: Fields; dryRun: boolean },
  query: URLSearchParams,
  context: Context,
): Answer {
  if (place.kind.namespaced && place.namespace === undefined) throw methodNotAllowed();
  const list = listObjects(context.store, place, query);
  for (const item of listOf(list['items']).map(fieldsOf)) {
    const name = String(fieldsOf(item['metadata'])['name']);
    try {
      deleteObject({ ...place, name, options, dryRun }, context);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }
  return ok(list);
}

async function deleteOptions(request: IncomingMessage, query: URLSearchParams): Promise<Fields> {
  const text = await readBody(request);
  const given = text === '' ? {} : fieldsOf(parseBody(text, mediaType(request), badRequest));
  const grace = query.get('gracePeriodSeconds');
  const propagation = query.get('propagationPolicy');
  return {
    ...given,
    ...(grace === null ? {} : { gracePeriodSeconds: Number(grace) }),
    ...(propagation === null ? {} : { propagationPolicy: propagation }),
  };
}

function deleted({ group, plural }: Kind, { metadata }: ApiObject): Fields {
  const { name, uid } = metadata;
  const details = { name, ...(group === '' ? {} : { group }), kind: plural, uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
