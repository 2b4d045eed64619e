// The report as one JSON object, schema 1. Names are those of ConfigMap node-local-certs-<node> where the thing is the
// same (docs/objects.md). Pure.
import { withPrintableTexts } from '../../formats/text.ts';
import { rfc3339 } from '../../pki/time.ts';
import type { CheckReport } from './decide.ts';
import type { CheckedCertificate, CheckedCopy } from './judge.ts';

export function renderJson(report: CheckReport): string {
  const value = {
    schema: 1,
    clock: report.now.toISOString(),
    exitCode: report.exitCode,
    sentence: report.sentence,
    safeUntil: report.safeUntil === undefined ? null : rfc3339(report.safeUntil),
    next: report.next,
    certificates: report.certificates.map((each) => certificateOf(each, report.now)),
    caKeys: report.caKeys,
    copies: report.copies.map(copyOf),
    rotation: report.rotation,
    stopped: report.stopped,
    notes: report.notes,
  };
  return `${JSON.stringify(withPrintableTexts(value))}\n`;
}

function certificateOf({ row, title, verdict, dueAt, key, use, remarks }: CheckedCertificate, now: Date) {
  return {
    ...row,
    title,
    verdict,
    daysLeft:
      row.notAfter === '' ? null : Math.floor((Date.parse(row.notAfter) - now.getTime()) / 86_400_000),
    dueAt: dueAt === undefined ? null : rfc3339(dueAt),
    key,
    use,
    remarks,
  };
}

function copyOf({ path, user, subject, serial, notBefore, notAfter, verdict, remark, of }: CheckedCopy) {
  return { path, user, subject, serial, notBefore, notAfter, verdict, of: of?.path ?? null, remark };
}
