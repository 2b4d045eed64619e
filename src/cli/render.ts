// What the operator reads: one line a file, then what to restart; or the same as one JSON object. Pure.
import type { Component } from '../catalogue/ids.ts';
import type { Certificate } from '../pki/certificate.ts';
import { rfc3339 } from '../pki/time.ts';
import { restartAdvice, type RuntimeTool } from './restart-advice.ts';

/** One certificate, before and after. */
export interface RenewedCertificate {
  readonly path: string;
  readonly user?: string;
  readonly old: Certificate;
  /** Undefined in a dry run: nothing was signed. */
  readonly renewed: Certificate | undefined;
  readonly notAfter: Date;
  readonly clamped: boolean;
  readonly newKey: boolean;
}

export interface RenewReport {
  readonly dryRun: boolean;
  readonly certificates: readonly RenewedCertificate[];
  readonly notes: readonly string[];
  /** Where the old files are; undefined when none were kept. */
  readonly backup: string | undefined;
  /** More certificates whose readers must restart: an earlier, interrupted rotation changed them. */
  readonly restart: readonly string[];
  /** Who reads a file, where its name does not say it. */
  readonly users: ReadonlyMap<string, Component>;
  /** By which a person can restart a component here. */
  readonly tool: RuntimeTool;
}

const changedPaths = ({ certificates, restart }: RenewReport): string[] => [
  ...certificates.map(({ path }) => path),
  ...restart,
];

export function renderText(report: RenewReport): string {
  const lines = report.certificates.map((each) => certificateLine(each, report.dryRun));
  lines.push(...report.notes.map((note) => `note: ${note}`));
  if (report.backup !== undefined) lines.push(`old files: ${report.backup}`);
  lines.push(...nextLines(changedPaths(report), report.tool, report.users));
  return `${lines.join('\n')}\n`;
}

/** What to do for the new files to be used. */
export function nextLines(
  paths: readonly string[],
  tool: RuntimeTool,
  users?: ReadonlyMap<string, Component>,
): string[] {
  return restartAdvice(paths, tool, users).map(({ component, command, why }) => {
    const todo = command === undefined ? `nothing to restart, ${why}` : `restart it: ${command}`;
    return `next: ${component}: ${component.startsWith('whatever') ? `restart it if it needs that, ${why}` : todo}`;
  });
}

function certificateLine(each: RenewedCertificate, dryRun: boolean): string {
  const { path, user, old, renewed, notAfter, clamped, newKey } = each;
  const remarks = [
    ...(clamped ? ['cut to the end of its CA'] : []),
    ...(notAfter < old.notAfter ? ['EARLIER than before'] : []),
  ];
  const serial = renewed === undefined ? '' : `, serial ${old.serial} → ${renewed.serial}`;
  const remark = remarks.length === 0 ? '' : ` (${remarks.join(', ')})`;
  const whose = user === undefined ? path : `${path} (user ${user})`;
  const verb = dryRun ? 'would be renewed' : 'renewed';
  const expiry = `expires ${rfc3339(old.notAfter)} → ${rfc3339(notAfter)}${remark}`;
  return `${whose}: ${verb}, ${expiry}${serial}, ${newKey ? 'new key' : 'same key'}`;
}

/** Schema 1; times RFC 3339 in UTC, serials in lower-case hex. */
export function renderJson(report: RenewReport): string {
  const value = {
    schema: 1,
    dryRun: report.dryRun,
    files: report.certificates.map(({ path, user, old, renewed, notAfter, clamped, newKey }) => ({
      path,
      ...(user === undefined ? {} : { user }),
      oldSerial: old.serial,
      newSerial: renewed?.serial ?? null,
      oldNotAfter: rfc3339(old.notAfter),
      newNotAfter: rfc3339(notAfter),
      clamped,
      key: newKey ? 'new' : 'kept',
    })),
    notes: report.notes,
    backup: report.backup ?? null,
    restart: restartAdvice(changedPaths(report), report.tool, report.users),
  };
  return `${JSON.stringify(value)}\n`;
}
