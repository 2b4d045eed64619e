// What ends so soon that a person has to look: the critical alerts, the dashboard and kubectl's plugin say it of the same.
const day = 86_400_000;

/** Days before the end, of a leaf and of a CA. */
export const urgentDays = { leaf: 10, ca: 90 } as const;

export interface Leaf {
  /** Milliseconds since 1970. */
  readonly begin: number;
  readonly end: number;
  /** A kubelet that renews by itself does so with a tenth to three tenths of the life left. */
  readonly renewsItself: boolean;
  /** Before that nobody has to have renewed it. */
  readonly dueAt: number | undefined;
}

/**
 * From when on so little of a leaf's life is left, milliseconds since 1970. What lives shorter than the manual's 90 days comes
 * due later, too (R1): of it the same share counts, a third of the third that is left when it comes due.
 */
export function leafEndsSoonFrom({ begin, end, renewsItself, dueAt = -Infinity }: Leaf): number {
  const share = Number.isNaN(begin) ? Infinity : (end - begin) / (renewsItself ? 20 : 9);
  return Math.max(dueAt, end - Math.min(urgentDays.leaf * day, share));
}

export const caEndsSoonFrom = (end: number): number => end - urgentDays.ca * day;
