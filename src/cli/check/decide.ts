// From what was seen to what an operator must know: the sentence, the rows, what to do next, the exit code. Pure.
import { checkCodes } from '../exit-codes.ts';
import { judge, judgeCopy, type CheckedCertificate, type CheckedCopy } from './judge.ts';
import { nextSteps } from './next.ts';
import type { NodePicture, SeenRotation } from './picture.ts';
import { sentenceOf } from './sentence.ts';

export interface CheckReport {
  readonly now: Date;
  /** Safe until when, and what to do next. */
  readonly sentence: string;
  /** When the first of what counts ends, on the disk or in what runs; undefined: not safe now, or not known. */
  readonly safeUntil: Date | undefined;
  readonly certificates: readonly CheckedCertificate[];
  readonly caKeys: NodePicture['caKeys'];
  readonly copies: readonly CheckedCopy[];
  readonly rotation: SeenRotation;
  readonly stopped: readonly string[];
  /** Lines to paste, where they are commands. */
  readonly next: readonly string[];
  readonly notes: readonly string[];
  readonly exitCode: number;
}

export function decide(picture: NodePicture, now: Date): CheckReport {
  const certificates = picture.certificates.map((seen) => judge(seen, now, picture.tool));
  const next = nextSteps({ ...picture, certificates });
  const first = firstEnd(certificates);
  return {
    now,
    sentence: sentenceOf({
      certificates,
      first,
      next,
      stopped: picture.stopped,
      rotation: picture.rotation,
      now,
    }),
    safeUntil: exitCode(certificates) % 10 === 0 ? first?.at : undefined,
    certificates,
    caKeys: picture.caKeys,
    copies: picture.copies.map((copy) => judgeCopy(copy, now)),
    rotation: picture.rotation,
    stopped: picture.stopped,
    next: next.map(({ command }) => command),
    notes: picture.notes,
    exitCode: exitCode(certificates),
  };
}

/** The first of these that holds: what has expired is an outage, what cannot be read may be one. */
const codes = [
  ['Expired', checkCodes.expired],
  ['Unreadable', checkCodes.unreadable],
  ['Broken', checkCodes.unreadable],
  ['Due', checkCodes.due],
] as const;

function exitCode(certificates: readonly CheckedCertificate[]): number {
  // Nothing at all is nothing that can be called fine.
  if (!certificates.some(({ row }) => row.serial !== '')) return checkCodes.unreadable;
  const found = codes.find(([verdict]) => certificates.some((each) => each.verdict === verdict));
  return found?.[1] ?? checkCodes.fine;
}

export interface End {
  readonly at: Date;
  readonly of: CheckedCertificate;
}

/** Of what counts, on the disk and in what runs. */
function firstEnd(certificates: readonly CheckedCertificate[]): End | undefined {
  return certificates
    .filter(({ verdict, row }) => verdict !== 'NotCounted' && row.notAfter !== '')
    .map((each): End => {
      const shown = each.use.kind === 'older' ? (each.use.notAfter ?? each.row.notAfter) : each.row.notAfter;
      return { at: new Date(shown < each.row.notAfter ? shown : each.row.notAfter), of: each };
    })
    .toSorted((a, b) => a.at.getTime() - b.at.getTime())[0];
}
