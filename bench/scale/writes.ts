// What the controller has written, by the API server's own audit log.
import { readFileSync } from 'node:fs';

export interface Write {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** As `create pods`. */
  readonly what: string;
  readonly name: string;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestReceivedTimestamp: string;
  readonly objectRef: { readonly resource: string; readonly subresource?: string; readonly name?: string };
  readonly requestURI: string;
}

export function readWrites(auditLog: string): readonly Write[] {
  return readFileSync(auditLog, 'utf8')
    .split('\n')
    .filter((line) => line.endsWith('}'))
    .flatMap((line): Write[] => {
      const { verb, requestReceivedTimestamp, objectRef, requestURI }: AuditEvent = JSON.parse(line);
      // A review or a dry run asks; nothing is written.
      if (/review/u.test(objectRef.resource) || /dryRun=All/u.test(requestURI)) return [];
      const { resource, subresource, name = '' } = objectRef;
      const sub = subresource === undefined ? '' : `/${subresource}`;
      return [{ at: Date.parse(requestReceivedTimestamp), what: `${verb} ${resource}${sub}`, name }];
    });
}

export function countBy(writes: readonly Write[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { what } of writes) counts.set(what, (counts.get(what) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([, a], [, b]) => b - a));
}

export const within = (writes: readonly Write[], from: number, to: number): readonly Write[] =>
  writes.filter(({ at }) => at >= from && at < to);

/** Writes a second in the busiest stretch of so many milliseconds. */
export function busiest(writes: readonly Write[], stretch: number): number {
  const times = writes.map(({ at }) => at).toSorted((a, b) => a - b);
  let [most, first] = [0, 0];
  for (const [last, time] of times.entries()) {
    while (time - (times[first] ?? time) >= stretch) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most / (stretch / 1000);
}
