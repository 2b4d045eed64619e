// Whether there is something new: by server-sent events while the page is seen, and after a sleep by asking at once.
import { useEffect, useState } from 'preact/hooks';

/** Three signs of life missed. */
const silent = 45_000;
const look = 5000;

export interface Live {
  /** Changes whenever there may be something new. */
  readonly version: string;
  readonly connected: boolean;
  /** When the last sign of life came, RFC 3339. */
  readonly heardAt: string;
}

export function useLive(): Live {
  const [live, setLive] = useState<Live>({ version: '', connected: true, heardAt: new Date().toISOString() });
  useEffect(() => follow(setLive), []);
  return live;
}

type Change = (change: (live: Live) => Live) => void;

function follow(change: Change): () => void {
  let source: EventSource | undefined;
  let heard = Date.now();
  const hear = (version?: string): void => {
    heard = Date.now();
    const heardAt = new Date(heard).toISOString();
    change((live) => ({ version: version ?? live.version, connected: true, heardAt }));
  };
  const close = (): void => {
    source?.close();
    source = undefined;
  };
  const open = (): void => {
    close();
    heard = Date.now();
    source = new EventSource('/api/v1/stream');
    source.addEventListener('open', () => hear());
    source.addEventListener('alive', () => hear());
    source.addEventListener('version', ({ data }: MessageEvent<string>) => hear(data));
    source.addEventListener('error', () => change((live) => ({ ...live, connected: false })));
  };
  // A machine that slept runs no timers: the first one after it finds that too much time has passed.
  const timer = setInterval(() => {
    const isDead = source?.readyState === EventSource.CLOSED || Date.now() - heard > silent;
    if (document.visibilityState !== 'visible' || !isDead) return;
    // Without a stream, too, what is shown is asked for anew.
    change((live) => ({ ...live, version: `asked ${Date.now()}` }));
    open();
  }, look);
  // A page that nobody sees holds no connection.
  const seen = (): void => {
    if (document.visibilityState === 'visible') open();
    else close();
  };
  document.addEventListener('visibilitychange', seen);
  addEventListener('online', open);
  seen();
  return () => {
    clearInterval(timer);
    document.removeEventListener('visibilitychange', seen);
    removeEventListener('online', open);
    close();
  };
}
