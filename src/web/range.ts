// Which part of a file a request is answered with, by the headers that it came with (RFC 9110, 13 and 14). Pure.

export interface Asked {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

export type Part =
  | { readonly kind: 'whole' }
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'unsatisfiable' }
  /** Both ends are part of it. */
  | { readonly kind: 'part'; readonly first: number; readonly last: number };

const whole: Part = { kind: 'whole' };

export function partOf(asked: Asked, file: { readonly size: number; readonly etag: string }): Part {
  if (asked.ifNoneMatch !== undefined && matches(asked.ifNoneMatch, file.etag))
    return { kind: 'not-modified' };
  // A date in If-Range never fits: these files have none.
  if (asked.ifRange !== undefined && asked.ifRange.trim() !== file.etag) return whole;
  return asked.range === undefined ? whole : rangeOf(asked.range, file.size);
}

/** By weak comparison, as If-None-Match asks for. */
function matches(list: string, etag: string): boolean {
  return list.trim() === '*' || list.split(',').some((one) => one.trim().replace(/^W\//, '') === etag);
}

/** One range is answered; several, or what is none, are not, as the RFC allows: the whole file is. */
function rangeOf(header: string, size: number): Part {
  const [, from, to] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.replaceAll(/[ \t]/g, '')) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return whole;
  if (from === '') return clipped(size - Math.min(Number(to), size), size - 1, size);
  if (to !== '' && Number(to) < Number(from)) return whole;
  return clipped(Number(from), to === '' ? size - 1 : Math.min(Number(to), size - 1), size);
}

function clipped(first: number, last: number, size: number): Part {
  return first < size ? { kind: 'part', first, last } : { kind: 'unsatisfiable' };
}
