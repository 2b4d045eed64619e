// What the API says, asked for anew whenever there may be something new. What was seen stays until there is.
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { Live } from './live.ts';

export const LiveContext = createContext<Live>({ version: '', connected: true, heardAt: '' });

export type Loaded<T> =
  | { readonly kind: 'loading' }
  | { readonly kind: 'starting' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'value'; readonly value: T };

export function useData<T>(path: string): { readonly loaded: Loaded<T>; readonly again: () => void } {
  const { version } = useContext(LiveContext);
  const [tries, setTries] = useState(0);
  const [known, setKnown] = useState<{ readonly path: string; readonly loaded: Loaded<T> }>({
    path,
    loaded: { kind: 'loading' },
  });
  const again = (): void => setTries((count) => count + 1);
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const loaded = await load<T>(path, stop.signal);
      if (stop.signal.aborted) return;
      const isOut = loaded.kind === 'starting' || loaded.kind === 'failed';
      if (isOut) timer = setTimeout(again, 3000);
      // An outage takes away nothing that is shown, nor does a server that begins anew.
      setKnown((before) =>
        isOut && before.path === path && before.loaded.kind === 'value' ? before : { path, loaded },
      );
    };
    void ask();
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [path, version, tries]);
  return { loaded: known.path === path ? known.loaded : { kind: 'loading' }, again };
}

/** The browser revalidates by ETag: what is the same is not sent again. */
async function load<T>(path: string, signal: AbortSignal): Promise<Loaded<T>> {
  try {
    const answer = await fetch(path, { signal });
    if (answer.status === 404) return { kind: 'gone' };
    if (answer.status === 503 && (await isStarting(answer))) return { kind: 'starting' };
    if (!answer.ok) return { kind: 'failed', why: String(answer.status) };
    const value: T = await answer.json();
    return { kind: 'value', value };
  } catch (error) {
    return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
  }
}

/** Said by our own server; a proxy before it may have nobody to ask. */
async function isStarting(answer: Response): Promise<boolean> {
  return (await answer.text()).includes('"error":"starting"');
}
