// Of thousands of rows of one height those that are seen, and a few around them.
import { useEffect, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

export interface Shown {
  readonly first: number;
  readonly last: number;
}

const around = 12;
/** A step of a few rows is drawn once, not each of them. */
const step = 8;

/** Rows are `rowHeight` pixels high; the page itself scrolls. */
export function useShown(list: RefObject<HTMLElement | null>, count: number, rowHeight: number): Shown {
  const [shown, setShown] = useState<Shown>({ first: 0, last: Math.min(count, 60) });
  useEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, step * Math.floor((-top / rowHeight - around) / step));
      const last = Math.min(count, step * Math.ceil(((innerHeight - top) / rowHeight + around) / step));
      setShown((before) => (before.first === first && before.last === last ? before : { first, last }));
    };
    const later = (): void => {
      if (frame === 0) frame = requestAnimationFrame(look);
    };
    look();
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, [count, rowHeight, list]);
  const first = Math.min(shown.first, Math.max(0, count - 1));
  return { first, last: Math.max(first, Math.min(count, shown.last)) };
}

/** Whether the page is as narrow as a phone: rows are of two lines then. */
export function useNarrow(): boolean {
  const query = '(max-width: 720px)';
  const [narrow, setNarrow] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = (): void => setNarrow(list.matches);
    list.addEventListener('change', change);
    return () => list.removeEventListener('change', change);
  }, []);
  return narrow;
}
