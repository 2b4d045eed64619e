import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { apply, prepare, rotate } from './driver.ts';
import { fakeTargets, makeCa, makeDisk, manifestOf, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { RotationNode } from './types.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const targets = fakeTargets.filter(({ id }) => id === 'scheduler.conf');
const path = '/etc/kubernetes/scheduler.conf';
const flag = '--kubeconfig=/config/scheduler.conf';

/** The scheduler sees its kubeconfig under another name, and says so in its command line. */
function mountedElsewhere(): FakeNode {
  const disk = makeDisk(ca, 40);
  const manifest = manifestOf('kube-scheduler');
  const text = Buffer.from(disk.read(manifest))
    .toString()
    .replace(/\[kube-scheduler, .*\]/u, `[kube-scheduler, ${flag}]`)
    .concat(
      `    volumeMounts: [{name: conf, mountPath: /config/scheduler.conf}]
  volumes: [{name: conf, hostPath: {path: ${path}}}]
`,
    );
  disk.unlink(manifest);
  disk.create(manifest, new Uint8Array(Buffer.from(text)), { mode: 0o600, uid: 0, gid: 0 });
  return new FakeNode(disk, ca);
}

interface Seen {
  /** What the scheduler of the manifest sees at a path: true for the bytes of the disk. */
  readonly own: (path: string) => boolean;
  /** Another process of the same name. */
  readonly stranger?: (path: string) => boolean;
}

function withProcesses(fake: FakeNode, { own, stranger }: Seen): RotationNode {
  const node = fake.node;
  const sees = [own, stranger];
  return {
    ...node,
    processes: {
      ...node.processes,
      find: (program) =>
        node.processes
          .find(program)
          .flatMap((each) => [
            { ...each, pid: 0, commandLine: [program, flag] },
            ...(stranger === undefined ? [] : [{ ...each, pid: 1, commandLine: [program, '--config=/x'] }]),
          ]),
      readFile: (pid, each) => {
        if (sees[pid]?.(each) === true) return fake.files.read(path);
        throw new CertError('NotFound', `${each} does not exist`);
      },
    },
  };
}

async function run(seen: Seen): Promise<string> {
  const fake = mountedElsewhere();
  const order = fake.order({ targets });
  return (await rotate(withProcesses(fake, seen), order, fake.signer(), {}, signal)).outcome;
}

describe('what a process sees of its files (R20)', () => {
  it('is looked for where the manifest mounts them', async () => {
    expect(await run({ own: (each) => each === '/config/scheduler.conf' })).toBe('succeeded');
  });

  it('is no proof when there is nothing', async () => {
    expect(await run({ own: () => false })).not.toBe('succeeded');
  });

  it('counts only of the process that the manifest describes', async () => {
    expect(await run({ own: () => false, stranger: () => true })).not.toBe('succeeded');
    expect(await run({ own: () => true, stranger: () => false })).toBe('succeeded');
  });
});

describe('a process that was started after the files', () => {
  it.each([-3_600_000, 3_600_000])('is known as such when the clock is set by %i ms', async (shift) => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    fake.onSleep = () => (fake.clockShift = shift);
    const outcome = await rotate(fake.node, fake.order({ targets }), fake.signer(), {}, signal);
    expect(outcome.message).toBe('1 renewed and proved');
  });

  it('is not one that was started before, though the clock was set forward', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const node = fake.node;
    const before = node.processes.find('kube-scheduler');
    fake.onSleep = () => (fake.clockShift = 7_200_000);
    const stuck = {
      ...node,
      processes: {
        ...node.processes,
        find: () =>
          before.map((each) => ({
            ...each,
            startedAt: new Date(each.startedAt.getTime() + fake.clockShift),
          })),
      },
    };
    const outcome = await rotate(stuck, fake.order({ targets }), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('rolled-back');
  });

  it('may have been started by a later boot', async () => {
    const disk = makeDisk(ca, 40);
    const fake = new FakeNode(disk, ca);
    await prepare(fake.node, fake.order({ targets }), fake.signer(), signal);
    const controller = new AbortController();
    fake.onSleep = () => controller.abort();
    await expect(apply(fake.node, {}, controller.signal)).rejects.toThrow('interrupted');
    const booted = new FakeNode(disk, ca, new Date(fake.time.getTime() - 60_000), { started: false });
    booted.startAll();
    expect((await apply(booted.node, {}, signal)).message).toBe('1 renewed and proved');
  });
});
