// A watch: what changed after a version, as it changes, with bookmarks, until its time is over or its place is forgotten.
import type { ServerResponse } from 'node:http';
import { storedIn, type Place } from './create.ts';
import { apiVersionOf } from './kinds.ts';
import type { ApiObject, Fields } from './objects.ts';
import { matcherOf, versionOf } from './read.ts';
import { isTrue } from './request-info.ts';
import type { Matches } from './selectors.ts';
import { expired, plainError } from './status.ts';
import type { Change, Store } from './store.ts';

export interface WatchTiming {
  /** Milliseconds between bookmarks of a watch that asked for them. The real server's is a minute. */
  readonly bookmark: number;
}

/** A reader that falls behind by more than this is cut off, as the real server's cache does it. */
const mostWaiting = 16 * 1024 * 1024;
const longest = 1800 + 1800;

/** Answers and returns when the watch has ended. Errors: 400; a forgotten place is told in the stream. */
export async function serveWatch(
  store: Store,
  place: Place,
  query: URLSearchParams,
  response: ServerResponse,
  timing: WatchTiming,
): Promise<void> {
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
  const bookmark = (): void => stream.send(bookmarkOf(place, store.revision));
  const wanted = isTrue(query.get('allowWatchBookmarks'));
  const marks = setInterval(() => wanted && bookmark(), timing.bookmark);
  const seconds = Number(query.get('timeoutSeconds') ?? '0') || longest;
  const timer = setTimeout(() => stream.end(), seconds * 1000);
  await stream.ended;
  clearInterval(marks);
  clearTimeout(timer);
  unsubscribe();
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
  const initial = isTrue(query.get('sendInitialEvents'));
  if (from === undefined || from === 0 || initial) {
    for (const object of store.list(resource).filter(matches)) stream.send({ type: 'ADDED', object });
    if (initial) stream.send(bookmarkOf(place, store.revision, { 'k8s.io/initial-events-end': 'true' }));
    return true;
  }
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
    creationTimestamp: null,
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
