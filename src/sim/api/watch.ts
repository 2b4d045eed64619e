// A watch: what changed after a version, as it changes, with bookmarks, until its time is over or its place is forgotten.
import type { ServerResponse } from 'node:http';
import { storedIn, type Place } from './create.ts';
import { apiVersionOf } from './kinds.ts';
import type { ApiObject, Fields } from './objects.ts';
import { forbiddenField } from './fields.ts';
import { invalidOptions, matcherOf, versionOf } from './read.ts';
import { isTrue } from './request-info.ts';
import type { Matches } from './selectors.ts';
import { expired, plainError, type ApiError } from './status.ts';
import type { Change, Store } from './store.ts';

export interface WatchTiming {
  /** Milliseconds between bookmarks of a watch that asked for them. The real server's is a minute. */
  readonly bookmark: number;
}

/** A reader that falls behind by more than this is cut off, as the real server's cache does it. */
const mostWaiting = 16 * 1024 * 1024;
const longest = 1800 + 1800;
/** Before the end of a watch: whoever begins the next one begins it where he is now. */
const lastBookmarkSeconds = 2;

/** Answers and returns when the watch has ended. Errors: 400; a forgotten place is told in the stream. */
export async function serveWatch(
  store: Store,
  place: Place,
  query: URLSearchParams,
  response: ServerResponse,
  timing: WatchTiming,
): Promise<void> {
  checkOptions(query);
  const matches = matcherOf(place.kind, place.namespace, query);
  const from = versionOf(query.get('resourceVersion') ?? '', plainError);
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  const stream = new Stream(response);
  if (!begin(store, { place, matches, from, query }, stream)) {
    stream.end();
    return;
  }
  const unsubscribe = store.subscribe((change) => {
    if (change.resource === storedIn(place.kind)) stream.send(eventOf(change, matches));
  });
  const bookmark = (): void => {
    if (wantsBookmarks(query)) stream.send(bookmarkOf(place, store.revision));
  };
  const seconds = Number(query.get('timeoutSeconds') ?? '0') || longest;
  const timers = [
    setInterval(bookmark, timing.bookmark),
    setTimeout(() => stream.end(), seconds * 1000),
    ...(seconds > lastBookmarkSeconds ? [setTimeout(bookmark, (seconds - lastBookmarkSeconds) * 1000)] : []),
  ];
  await stream.ended;
  for (const timer of timers) clearTimeout(timer);
  unsubscribe();
}

const wantsBookmarks = (query: URLSearchParams): boolean => isTrue(query.get('allowWatchBookmarks'));

const refused = (why: string): ApiError => invalidOptions([forbiddenField('resourceVersionMatch', why)]);

/** Errors: 422. */
function checkOptions(query: URLSearchParams): void {
  const [initial, match] = ['sendInitialEvents', 'resourceVersionMatch'].map((name) => query.get(name) ?? '');
  if (initial !== '' && match !== 'NotOlderThan')
    throw refused('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (match !== '' && initial === '')
    throw refused('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
}

interface Beginning {
  readonly place: Place;
  readonly matches: Matches;
  readonly from: number | undefined;
  readonly query: URLSearchParams;
}

/** Sends what lies between the version and now; false when that is forgotten. */
function begin(store: Store, { place, matches, from, query }: Beginning, stream: Stream): boolean {
  const resource = storedIn(place.kind);
  const asked = query.get('sendInitialEvents');
  const isUnplaced = from === undefined || from === 0;
  if (isTrue(asked) || (asked === null && isUnplaced)) {
    for (const object of store.list(resource).filter(matches)) stream.send({ type: 'ADDED', object });
    if (isTrue(asked) && wantsBookmarks(query))
      stream.send(bookmarkOf(place, store.revision, { 'k8s.io/initial-events-end': 'true' }));
    return true;
  }
  if (isUnplaced) return true;
  const changes = store.changesSince(from);
  if (changes === undefined) {
    const status = expired(`too old resource version: ${from} (${store.oldest})`).toStatus();
    stream.send({ type: 'ERROR', object: status });
    return false;
  }
  for (const change of changes) if (change.resource === resource) stream.send(eventOf(change, matches));
  return true;
}

type WatchEvent = { readonly type: string; readonly object: Fields } | undefined;

/** What a change is for those who see only what matches: an object may enter or leave their sight. */
function eventOf({ type, object, before }: Change, matches: Matches): WatchEvent {
  const was = before !== undefined && matches(before);
  const is = type !== 'DELETED' && matches(object);
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', object };
  if (!was) return undefined;
  // As it was when it was last seen, with the version of the change.
  const { resourceVersion = '' } = object.metadata;
  const last: ApiObject = { ...before, metadata: { ...before.metadata, resourceVersion } };
  return { type: 'DELETED', object: type === 'DELETED' ? object : last };
}

function bookmarkOf({ kind }: Place, revision: number, annotations?: Record<string, string>): WatchEvent {
  const metadata = {
    resourceVersion: String(revision),
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { type: 'BOOKMARK', object: { kind: kind.kind, apiVersion: apiVersionOf(kind), metadata } };
}

class Stream {
  readonly ended: Promise<void>;
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.ended = new Promise((resolve) => {
      response.once('close', resolve);
    });
  }

  send(event: WatchEvent): void {
    if (event === undefined || this.#response.writableEnded) return;
    this.#response.write(`${JSON.stringify(event)}\n`);
    if (this.#response.writableLength > mostWaiting) this.#response.destroy();
  }

  end(): void {
    this.#response.end();
  }
}
