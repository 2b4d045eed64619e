// The judge of the audit log: what the API servers say was written since a mark, and by whom.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import type { Bed } from './bed.ts';

export interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: {
    readonly username: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  readonly impersonatedUser?: { readonly username: string };
  readonly userAgent?: string;
  readonly sourceIPs?: readonly string[];
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A moment in the logs of all API servers. A restore of the bed empties the logs: marks of before are void. */
export interface AuditMark {
  readonly at: Date;
  readonly offsets: ReadonlyMap<string, number>;
}

export function auditMark(bed: Bed): AuditMark {
  return {
    at: new Date(),
    offsets: new Map(bed.auditLogs().map((path) => [path, existsSync(path) ? statSync(path).size : 0])),
  };
}

/** All finished requests since the mark, in the order in which they came. */
export function auditedSince(bed: Bed, mark: AuditMark): readonly AuditEvent[] {
  const events = bed.auditLogs().flatMap((path) => {
    const lines = readFrom(path, mark.offsets.get(path) ?? 0).split('\n');
    // the last line may be half written
    return lines.slice(0, -1).map(parseEvent);
  });
  return events
    .filter((event) => event.stage === 'ResponseComplete')
    .toSorted((a, b) => (a.requestReceivedTimestamp < b.requestReceivedTimestamp ? -1 : 1));
}

function parseEvent(line: string): AuditEvent {
  const event: AuditEvent = JSON.parse(line);
  return event;
}

function readFrom(path: string, offset: number): string {
  if (!existsSync(path)) return '';
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    if (size < offset)
      throw new Error(`${path} is shorter than at the mark: the bed was restored in between`);
    const bytes = Buffer.alloc(size - offset);
    readSync(file, bytes, 0, bytes.length, offset);
    return bytes.toString('utf8');
  } finally {
    closeSync(file);
  }
}

const writing = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

/** Requests that changed something: a writing verb, answered with success, not a dry run, not a question to the API. */
export function writes(events: readonly AuditEvent[]): readonly AuditEvent[] {
  return events.filter(
    (event) =>
      writing.has(event.verb) &&
      (event.responseStatus?.code ?? 0) < 300 &&
      !/[?&]dryRun=/.test(event.requestURI) &&
      !(event.objectRef?.resource ?? '').endsWith('reviews'),
  );
}

/** `patch nodes/status` */
export function action(event: AuditEvent): string {
  const ref = event.objectRef;
  const resource = [ref?.resource ?? event.requestURI, ref?.subresource].filter(Boolean).join('/');
  return `${event.verb} ${resource}${ref?.apiGroup ? `.${ref.apiGroup}` : ''}`;
}

/** Who did what how often, for a test's message: `system:node:n1  patch nodes/status  3` */
export function tellAudit(events: readonly AuditEvent[]): string {
  const counts = new Map<string, number>();
  for (const event of events) {
    const where = [event.objectRef?.namespace, event.objectRef?.name].filter(Boolean).join('/');
    const line = `${event.user.username}  ${action(event)}  ${where}  ${event.responseStatus?.code ?? ''}`;
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `${line}  × ${count}`).join('\n');
}
