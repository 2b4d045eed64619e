// When certificates end, by week over thirteen months and by kind: counts alone, however many there are.
import { kinds, type Kind } from './certificates.ts';
import type { Seen } from './picture.ts';

const week = 7 * 86_400_000;
/** Thirteen months and what is left of the week. */
const weeks = 57;

export type Counts = Readonly<Partial<Record<Kind, number>>>;

export interface Timeline {
  /** The first week begins now, RFC 3339; each is seven days long. */
  readonly from: string;
  readonly kinds: readonly Kind[];
  readonly weeks: readonly Counts[];
  readonly expired: Counts;
  readonly later: Counts;
  readonly total: number;
}

export function timelineOf({ nodes, picture }: Seen): Timeline {
  const now = picture.now.getTime();
  const slots: Partial<Record<Kind, number>>[] = Array.from({ length: weeks + 2 }, () => ({}));
  let total = 0;
  for (const { certificates } of nodes) {
    for (const { end, kind } of certificates) {
      if (Number.isNaN(end)) continue;
      const slot = slots[slotOf(end, now)];
      if (slot === undefined) continue;
      slot[kind] = (slot[kind] ?? 0) + 1;
      total += 1;
    }
  }
  const [expired = {}, ...rest] = slots;
  return {
    from: picture.now.toISOString(),
    kinds: kinds.filter((kind) => slots.some((slot) => slot[kind] !== undefined)),
    weeks: rest.slice(0, weeks),
    expired,
    later: rest[weeks] ?? {},
    total,
  };
}

/** 0: expired; 1 to `weeks`; the last: later. */
function slotOf(end: number, now: number): number {
  return end <= now ? 0 : Math.min(weeks + 1, 1 + Math.floor((end - now) / week));
}
