import { beforeAll, describe, expect, it } from 'vitest';
import { apply, prepare } from '../rotation/driver.ts';
import { fakeTargets, makeCa, makeDisk, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { findJournal } from '../rotation/journal.ts';
import { takeUp } from './take-up.ts';
import { captureOutput } from './testing.ts';

let ca: FakeCa;
const said = captureOutput();
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const ids = ['apiserver.crt', 'scheduler.conf'];
const targets = fakeTargets.filter(({ id }) => ids.includes(id));
const agent = { rotationUID: 'uid-1' };

const serials = (fake: FakeNode): string[] => targets.map((target) => fake.certificate(target).serial);

/** The agent's rotation of a node that served, cut off while its only API server does not come up on the new pair. */
async function cutOff(): Promise<{ fake: FakeNode; before: string[] }> {
  const fake = new FakeNode(makeDisk(ca, 40), ca);
  const before = serials(fake);
  fake.broken.set('kube-apiserver', before[0] ?? '');
  await prepare(fake.node, fake.order({ targets }), fake.signer(), signal);
  await interrupted(fake, (person) => apply(fake.node, agent, person));
  expect(serials(fake)).not.toEqual(before);
  return { fake, before };
}

async function interrupted(fake: FakeNode, work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
  const controller = new AbortController();
  fake.onSleep = () => controller.abort();
  await expect(work(controller.signal)).rejects.toThrow('interrupted');
  fake.onSleep = () => undefined;
}

describe('a rotation that a person takes up while the API is dead', () => {
  it('still returns to what served when it began (R14)', async () => {
    const { fake, before } = await cutOff();
    const outcome = await takeUp(fake.node, {}, signal);
    expect(said.err).toContain(
      'what began at 2030-03-01T00:00:00Z is taken up: kube-apiserver, kube-scheduler\n',
    );
    expect(outcome).toMatchObject({ outcome: 'rolled-back', reason: 'ComponentDidNotReturn' });
    expect(serials(fake)[0]).toBe(before[0]);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('returns where nobody acts on a manifest, too: the old state is started as the new one was', async () => {
    const { fake, before } = await cutOff();
    fake.goDark('kube-apiserver');
    expect(await takeUp(fake.node, {}, signal)).toMatchObject({ outcome: 'rolled-back' });
    expect(serials(fake)[0]).toBe(before[0]);
    expect(fake.node.processes.find('kube-apiserver')).toHaveLength(1);
  });

  it('is the agent’s again when the person goes: it returns as if nobody had come', async () => {
    const { fake, before } = await cutOff();
    await interrupted(fake, (person) => takeUp(fake.node, {}, person));
    const found = findJournal(fake.files, fake.node.layout);
    expect(found).toMatchObject({ kind: 'journal', journal: { origin: 'agent', state: 'applying' } });
    expect(found).not.toHaveProperty('journal.cold');
    expect(await apply(fake.node, agent, signal)).toMatchObject({ outcome: 'rolled-back' });
    expect(serials(fake)[0]).toBe(before[0]);
  });

  it('is taken up though its journal’s date is damaged', async () => {
    const { fake, before } = await cutOff();
    const { journal } = fake.node.layout;
    const [name = ''] = fake.files.readdir(journal);
    const written = Buffer.from(fake.files.read(`${journal}/${name}`)).toString('utf8');
    const damaged = written.replace(/"createdAt": "[^"]*"/u, '"createdAt": "yesterday"');
    fake.files.unlink(`${journal}/${name}`);
    fake.files.create(`${journal}/${name}`, new Uint8Array(Buffer.from(damaged)), {
      mode: 0o600,
      uid: 0,
      gid: 0,
    });
    expect(await takeUp(fake.node, {}, signal)).toMatchObject({ outcome: 'rolled-back' });
    expect(said.err).toContain('what began at an unknown time is taken up: kube-apiserver');
    expect(serials(fake)[0]).toBe(before[0]);
  });
});
