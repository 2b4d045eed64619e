import { describe, expect, it } from 'vitest';
import { fakeTargets, startTime } from './fake-disk.ts';
import { fakeJournal, fakeStage } from './fake-journal.ts';
import type { Journal, JournalCertificate, JournalStage } from './journal.ts';
import { notBegun, withWaiting } from './supersede.ts';

function certificate(id: string, serial: string): JournalCertificate {
  const target = fakeTargets.find((each) => each.id === id);
  if (target === undefined) throw new Error(`no target ${id}`);
  const end = startTime.toISOString();
  return { ...target, oldSerial: `before ${serial}`, newSerial: serial, oldNotAfter: '', newNotAfter: end };
}

const stageOf = (
  name: JournalStage['name'],
  state: JournalStage['state'],
  ...certificates: readonly JournalCertificate[]
): JournalStage => fakeStage(name, { state, certificates });

const journalOf = (...stages: readonly JournalStage[]): Journal => fakeJournal(stages);

const etcd = stageOf('etcd', 'unproved', certificate('etcd/server.crt', '1'));
const apiserver = stageOf('kube-apiserver', 'unproved', certificate('apiserver.crt', '2'));
const earlier = journalOf(etcd, apiserver, stageOf('kubelet', 'proved'));

describe('a journal that takes the place of another', () => {
  it('names what is not renewed along, in its order, and nothing that is proved', () => {
    const { stages } = withWaiting(journalOf(stageOf('kube-scheduler', 'pending')), earlier);
    expect(stages.map(({ name, state }) => [name, state])).toEqual([
      ['etcd', 'unproved'],
      ['kube-apiserver', 'unproved'],
      ['kube-scheduler', 'pending'],
    ]);
  });

  it('proves along what of a stage cannot be renewed along, and knows what was there before', () => {
    const client = certificate('apiserver-kubelet-client.crt', '3');
    const { stages } = withWaiting(journalOf(stageOf('kube-apiserver', 'pending', client)), earlier);
    const [, renewing] = stages;
    expect(renewing?.certificates.map(({ oldSerial, newSerial }) => [oldSerial, newSerial])).toEqual([
      ['before 3', '3'],
      ['2', '2'],
    ]);
    expect(renewing === undefined ? undefined : { ...renewing, ...notBegun(renewing) }).toMatchObject({
      state: 'unproved',
      certificates: apiserver.certificates,
      waiting: undefined,
    });
  });
});
