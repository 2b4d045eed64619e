// Which page is shown, by the part of the address behind the #: the server need know no page but one.
import { useEffect, useState } from 'preact/hooks';

export const pages = ['overview', 'nodes', 'plan', 'history', 'cas', 'settings'] as const;
export type Page = (typeof pages)[number];

export interface Route {
  readonly page: Page;
  /** Of page `nodes`: the one that is shown. */
  readonly node: string | undefined;
  readonly query: URLSearchParams;
}

export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [first = '', second] = path.split('/', 2);
  const page = pages.find((one) => one === first) ?? 'overview';
  const node = page === 'nodes' && second !== undefined && second !== '' ? decoded(second) : undefined;
  return { page, node, query: new URLSearchParams(query) };
}

/** What somebody typed may be no encoding of anything. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const nodeLink = (name: string): string => `#/nodes/${encodeURIComponent(name)}`;

/** Another one whenever somebody goes somewhere, be it to where the page began. */
export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const change = (): void => setRoute(routeOf(location.hash));
    addEventListener('hashchange', change);
    return () => removeEventListener('hashchange', change);
  }, []);
  return route;
}
