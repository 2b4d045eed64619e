// A journal that takes the place of another: what waits to be proved there goes on waiting here, whatever becomes of its
// renewal. Pure.
import type { Journal, JournalCertificate, JournalStage } from './journal.ts';
import { describeLocation } from './material.ts';
import { stageNames } from './stages.ts';

const rank = ({ name }: JournalStage): number => stageNames.indexOf(name);
const place = ({ location }: JournalCertificate): string => describeLocation(location);

/** With every stage of an earlier journal that waits to be proved: in the stage that renews it, or else by itself. */
export function withWaiting(journal: Journal, earlier: Journal): Journal {
  const waiting = earlier.stages.filter(({ state }) => state === 'unproved');
  const renewing = journal.stages.map((stage) => {
    const before = waiting.find(({ name }) => name === stage.name);
    return before === undefined ? stage : { ...withOthers(stage, before), waiting: before };
  });
  const alone = waiting.filter(({ name }) => renewing.every((stage) => stage.name !== name));
  return { ...journal, stages: [...renewing, ...alone].toSorted((a, b) => rank(a) - rank(b)) };
}

/** Those that cannot be renewed along are proved along. */
function withOthers(stage: JournalStage, before: JournalStage): JournalStage {
  const places = new Set(stage.certificates.map(place));
  const others = before.certificates
    .filter((each) => !places.has(place(each)))
    .map((each) => ({ ...each, oldSerial: each.newSerial, oldNotAfter: each.newNotAfter }));
  return { ...stage, certificates: [...stage.certificates, ...others] };
}

/** Of a stage of which nothing was touched: what it took the place of is as it was. */
export const notBegun = ({ waiting }: JournalStage): Partial<JournalStage> =>
  waiting === undefined ? { state: 'not-begun' } : { ...waiting, waiting: undefined };
