// The three standing judges, as the last tests of a case in which everything was due: the world's difference, the audit
// log, the search for private keys.
import { expect, test } from 'vitest';
import { tellAudit, type AuditMark } from './audit.ts';
import type { Bed } from './bed.ts';
import { canary, type Secret } from './canary.ts';
import * as checks from './checks.ts';
import { tell, type Allowance, type World } from './world.ts';

/** What the case has seen by the time that its tests run. */
export interface Seen {
  readonly before: World;
  readonly after: World;
  readonly mark: AuditMark;
  readonly secrets: readonly Secret[];
  /** What else may have changed. */
  readonly allowed?: readonly Allowance[];
}

export function testWhatIsLeftBehind(bed: Bed, seen: () => Seen): void {
  test('nothing else on any node or in the API has changed', () => {
    const { before, after, allowed } = seen();
    const changes = checks.strangeChanges(before, after, allowed);
    expect(changes, tell(changes)).toEqual([]);
    expect(checks.touchedAuthorities(bed, before, after)).toEqual([]);
  });

  test('only the controller wrote inventories and rotations; agents did nothing but ask for certificates', () => {
    const strangers = checks.strangeWrites(bed, seen().mark);
    expect(strangers, tellAudit(strangers)).toEqual([]);
  });

  test('no private key was seen where it does not belong', async () => {
    const report = await canary(bed, seen().secrets);
    expect(report.unseen, 'the judge sees every key at home').toEqual([]);
    expect(report.leaks).toEqual([]);
  });
}
