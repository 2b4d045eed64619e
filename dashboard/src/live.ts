// Whether there is something new: by server-sent events while the page is seen, and by asking where there are none: after a
// sleep, where a proxy lets none through, where as many as may follow do.
import { useEffect, useState } from 'preact/hooks';

/** Three signs of life missed. */
const silent = 45_000;
const look = 5000;
/** When a server that answers and refused the stream may have a place: its `retry-after`. */
const full = 30_000;

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
  let nextTry = 0;
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
    source.addEventListener('error', () => void lost());
  };
  /** Whoever answers is there, with a stream or without; what is shown is asked for anew then. */
  const ask = async (): Promise<boolean> => {
    const answered = await isThere();
    if (answered) hear(`asked ${Date.now()}`);
    else change((live) => ({ ...live, connected: false }));
    return answered;
  };
  const lost = async (): Promise<void> => {
    // One that was cut off is opened again by the browser itself.
    const isRefused = source?.readyState === EventSource.CLOSED;
    if ((await ask()) && isRefused) nextTry = Date.now() + full;
  };
  // A machine that slept runs no timers: the first one after it finds that too much time has passed.
  const timer = setInterval(() => {
    const isDead = source?.readyState === EventSource.CLOSED || Date.now() - heard > silent;
    if (document.visibilityState !== 'visible' || !isDead) return;
    void ask();
    if (Date.now() >= nextTry) open();
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

async function isThere(): Promise<boolean> {
  try {
    return (await fetch('/api/v1/state', { method: 'HEAD', signal: AbortSignal.timeout(2 * look) })).ok;
  } catch {
    return false;
  }
}
