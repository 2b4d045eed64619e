// The report as an operator reads it: the sentence, the table, the remarks. Pure.
import { printable } from '../../formats/text.ts';
import { timeText } from '../../policy/due.ts';
import type { CheckReport } from './decide.ts';
import type { CheckedCertificate, CheckedCopy, CopyVerdict, Verdict } from './judge.ts';

/** @param colour whether it goes to a terminal that shows colours */
export function renderText(report: CheckReport, colour: boolean): string {
  const paint = colour ? painted : plain;
  const rows = report.certificates.map((each) => ({ cells: cellsOf(each, report), verdict: each.verdict }));
  const lines = [
    paint(sentenceTone(report.exitCode), printable(report.sentence)),
    '',
    ...table(header, rows, paint),
    ...block('', report.certificates.flatMap(remarkLines)),
    ...copyLines(report.copies, report.now, paint),
    ...block(
      '',
      report.notes.map((note) => `note: ${printable(note)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

type Tone = 'good' | 'warning' | 'bad' | 'faint' | 'plain';
type Paint = (tone: Tone, text: string) => string;

const codes: Readonly<Record<Tone, string>> = { good: '32', warning: '33', bad: '31', faint: '2', plain: '' };
const plain: Paint = (_, text) => text;
const painted: Paint = (tone, text) => (codes[tone] === '' ? text : `\u001B[${codes[tone]}m${text}\u001B[0m`);

const sentenceTone = (exitCode: number): Tone =>
  exitCode === 0 ? 'good' : exitCode === 10 ? 'warning' : 'bad';

const verdictTones: Readonly<Record<Verdict | CopyVerdict, Tone>> = {
  Fine: 'plain',
  Due: 'warning',
  Expired: 'bad',
  Broken: 'bad',
  Unreadable: 'bad',
  NotCounted: 'faint',
  Current: 'plain',
  Stale: 'warning',
  Foreign: 'faint',
};

const header = ['CERTIFICATE', 'USED FOR', 'EXPIRES', 'LEFT', 'CA', 'KEY', 'IN USE'] as const;

function cellsOf(
  { row, title, key, use }: CheckedCertificate,
  { now, caKeys }: CheckReport,
): readonly string[] {
  const end = row.notAfter === '' ? undefined : new Date(row.notAfter);
  const isCa = row.kind === 'ca';
  const caKey = isCa && row.ca !== null ? caKeys[row.ca]?.kind : undefined;
  return [
    printable(row.id),
    title,
    end === undefined ? '?' : end.toISOString().slice(0, 10),
    end === undefined ? '?' : timeText(end.getTime() - now.getTime()),
    isCa ? '-' : caCell(row),
    isCa ? (caKey === 'here' ? 'here' : '-') : keyWords[key],
    useWords[use.kind],
  ];
}

function caCell({ ca, kind, state, serial }: CheckedCertificate['row']): string {
  if (ca !== null) return ca;
  if (state === 'SelfSigned') return 'itself';
  if (kind === 'served') return '-';
  return serial === '' ? '?' : 'NONE HERE';
}

const keyWords: Readonly<Record<CheckedCertificate['key'], string>> = {
  fits: 'fits',
  mismatch: 'NO',
  unreadable: '?',
  absent: '-',
  unknown: '-',
};

const useWords: Readonly<Record<CheckedCertificate['use']['kind'], string>> = {
  none: '-',
  same: 'yes',
  older: 'OLDER',
  stopped: 'stopped',
  'by-itself': 'yes',
  unknown: '?',
};

interface Row {
  readonly cells: readonly string[];
  readonly verdict: Verdict | CopyVerdict;
}

function table(head: readonly string[], rows: readonly Row[], paint: Paint): readonly string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map(({ cells }) => (cells[column] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    paint('faint', line(head)),
    ...rows.map(({ cells, verdict }) => paint(verdictTones[verdict], line(cells))),
  ];
}

const remarkLines = ({ row: { id, path }, remarks }: CheckedCertificate): readonly string[] =>
  remarks.map((remark) => {
    const where = id.includes(path) || remark.includes(path) ? id : `${id} (${path})`;
    return printable(remark.startsWith(path) && id === path ? remark : `${where}: ${remark}`);
  });

function copyLines(copies: readonly CheckedCopy[], now: Date, paint: Paint): readonly string[] {
  const rows = copies.map((copy): Row => ({
    cells: [
      printable(copy.path),
      printable(copy.user),
      copy.notAfter.slice(0, 10),
      timeText(new Date(copy.notAfter).getTime() - now.getTime()),
      printable(copy.remark),
    ],
    verdict: copy.verdict,
  }));
  if (rows.length === 0) return [];
  const head = ['COPIES, WHICH NOBODY RENEWS', 'USER', 'EXPIRES', 'LEFT', ''];
  return ['', ...table(head, rows, paint)];
}

const block = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : [title, ...lines];
