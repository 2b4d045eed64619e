// What ends so soon that a person has to look: the critical alerts, the dashboard and kubectl's plugin say it of the same.
const day = 86_400_000;

/** Days before the end, of a leaf and of a CA. */
export const urgentDays = { leaf: 10, ca: 90 } as const;

/**
 * From when on so little of a leaf's life is left; times in milliseconds. What lives shorter than the manual's 90 days comes
 * due later, too (R1): of it the same share counts, a third of the third that is left when it comes due.
 */
export function leafEndsSoonFrom({ begin, end }: { readonly begin: number; readonly end: number }): number {
  const share = Number.isNaN(begin) ? Number.POSITIVE_INFINITY : (end - begin) / 9;
  return end - Math.min(urgentDays.leaf * day, share);
}

export const caEndsSoonFrom = (end: number): number => end - urgentDays.ca * day;
