import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import { apply, prepare, rotate } from './driver.ts';
import { fakeTargets, makeCa, makeDisk, makeLeaf, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { pem } from '../formats/pem.ts';
import { findJournal } from './journal.ts';
import { renewFiles, type RenewOptions, type RenewReport } from './renew-files.ts';
import type { RotationNode } from './types.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const ours = '/var/lib/cluster-cert-rotator/';
const apiserver = '/etc/kubernetes/pki/apiserver.crt';
const scheduler = '/etc/kubernetes/scheduler.conf';
const named = [apiserver, scheduler];

const contents = (files: CrashFiles): Map<string, string> =>
  new Map(
    files
      .list()
      // What only waits beside a file is nothing that anybody reads.
      .filter(({ path }) => !path.startsWith(ours) && !path.includes('.ccr-'))
      .map(({ path, content, target }) => [path, `${target}${Buffer.from(content).toString('latin1')}`]),
  );

const write = (files: CrashFiles, path: string, text: string): void => {
  if (files.lstat(path) !== undefined) files.unlink(path);
  files.create(path, new Uint8Array(Buffer.from(text, 'latin1')), { mode: 0o600, uid: 0, gid: 0 });
};

const renew = (
  fake: FakeNode,
  paths: readonly string[] = named,
  options: Partial<RenewOptions> = {},
  node: RotationNode = fake.node,
): Promise<RenewReport> => renewFiles(node, paths, fake.signer(), { keyPolicy: 'new', ...options }, signal);

const target = (id: string): (typeof fakeTargets)[number] => {
  const found = fakeTargets.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no target ${id}`);
  return found;
};

/** A node on which a rotation died just before an operation. */
async function diedBefore(operation: RegExp, work: (fake: FakeNode) => Promise<unknown>): Promise<FakeNode> {
  const disk = makeDisk(ca, 40);
  const fake = new FakeNode(disk, ca);
  let dead: FakeNode | undefined;
  disk.onStep = (what) => {
    if (operation.test(what)) dead ??= fake.afterKill(disk.afterKill());
  };
  await work(fake);
  if (dead === undefined) throw new Error('it went past that operation');
  return dead;
}

const agentRotates = (fake: FakeNode): Promise<unknown> =>
  rotate(fake.node, fake.order({ targets: [target('apiserver.crt')] }), fake.signer(), {}, signal);

it('a user of a kubeconfig may have any name', async () => {
  const fake = new FakeNode(makeDisk(ca, 40), ca);
  const text = Buffer.from(fake.files.read(scheduler)).toString('utf8');
  const named = text.replaceAll('system:kube-scheduler', 'Jürgen 管理者');
  write(fake.files, scheduler, Buffer.from(named, 'utf8').toString('latin1'));
  const report = await renew(fake, [scheduler]);
  expect(report.files).toEqual([expect.objectContaining({ user: 'Jürgen 管理者' })]);
  const location = { form: 'kubeconfig', path: scheduler, user: 'Jürgen 管理者' } as const;
  expect(fake.fits({ id: 'scheduler.conf', location })).toBe(true);
});

describe('a call that is refused', () => {
  it.each([
    ['a file that is not there', '/etc/kubernetes/typo.crt', 'NotFound'],
    ['a certificate of another CA', '/etc/kubernetes/pki/other.crt', 'ForeignCertificate'],
  ])('for %s leaves what the agent has prepared', async (_, path, code) => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const other = makeLeaf(makeCa(), 'other', 40);
    write(fake.files, '/etc/kubernetes/pki/other.crt', pem('CERTIFICATE', other.certificate.der));
    write(fake.files, '/etc/kubernetes/pki/other.key', other.keyText);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const before = fake.files.list();
    await expect(renew(fake, [apiserver, path])).rejects.toThrow(expect.objectContaining({ code }));
    expect(fake.files.list()).toEqual(before);
    expect((await apply(fake.node, { rotationUID: 'uid-1' }, signal)).outcome).toBe('succeeded');
  });

  it('and one that is not takes its place, and says so', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const report = await renew(fake);
    expect(report.end).toBe('done');
    expect(report.notes.join()).toMatch(/prepared rotation of the controller, .* was dropped/);
  });

  it('tidies up nothing in a directory that a person chose for the backups', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const homes = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => `/srv/${name}`);
    fake.files.mkdir('/srv', 0o700);
    for (const home of homes) {
      fake.files.mkdir(home, 0o700);
      write(fake.files, `${home}/keep`, 'mine');
    }
    const node = { ...fake.node, layout: { ...fake.node.layout, backups: '/srv' } };
    const report = await renew(fake, named, { keepBackups: Number.POSITIVE_INFINITY }, node);
    expect(report.end).toBe('done');
    for (const home of homes) expect(fake.files.lstat(`${home}/keep`)).toBeDefined();
  });
});

async function operations(disk: CrashFiles): Promise<number> {
  let count = 0;
  disk.onStep = () => (count += 1);
  await renew(new FakeNode(disk, ca));
  return count;
}

/** What the report says and the disk does not. */
function lies(fake: FakeNode, report: RenewReport, before: ReadonlyMap<string, string>): string[] {
  const { files } = fake;
  const paths = files.list().map(({ path }) => path);
  const targets = [target('apiserver.crt'), target('scheduler.conf')];
  const same = JSON.stringify([...contents(files)]) === JSON.stringify([...before]);
  const isRenewed = targets.every(
    (each, index) => fake.fits(each) && fake.certificate(each).serial === report.files[index]?.new.serial,
  );
  const isSwept = !paths.some((path) => /\/staging\/|\/etc\/kubernetes\/.*\.ccr-/.test(path));
  const hasNone = findJournal(files, fake.node.layout).kind === 'none';
  const holds = {
    restored: same && hasNone && isSwept && report.message !== '',
    done: isRenewed,
    partly: report.message !== '',
    'dry-run': false,
  }[report.end];
  return holds ? [] : [`${report.end}: ${report.message}`];
}

describe('a failure after the first write', () => {
  /** What fails at an operation, and whether all that need room fail from then on. */
  const failures: readonly (readonly [string, () => Error, boolean])[] = [
    ['one operation', () => new CertError('Io', 'a failing disk'), false],
    ['one operation by a fault of ours', () => new TypeError('a bug'), false],
    ['all room from there on', () => new CertError('NoSpace', 'no room'), true],
  ];

  it.each(failures)(
    'of %s is never called refused, and the end is honest',
    { timeout: 120_000 },
    async (_, make, stays) => {
      const base = makeDisk(ca, 40);
      const count = await operations(base.afterKill());
      const ends = new Set<string>();
      const found: string[] = [];
      for (let failing = 0; failing < count; failing += 1) {
        const disk = base.afterKill();
        const fake = new FakeNode(disk, ca);
        const before = contents(disk);
        let index = 0;
        disk.onStep = (what) => {
          const needsRoom = /^(mkdir|create|write|symlink)/.test(what);
          const fails = index === failing || (stays && index > failing && needsRoom);
          index += 1;
          if (fails) throw make();
        };
        const report = await renew(fake);
        disk.onStep = () => undefined;
        ends.add(report.end);
        found.push(...lies(fake, report, before));
      }
      expect(found).toEqual([]);
      expect([...ends]).toEqual(expect.arrayContaining(['restored', 'done']));
    },
  );

  it('by somebody else’s change is a failure with all as it was', async () => {
    const disk = makeDisk(ca, 40);
    const fake = new FakeNode(disk, ca);
    disk.onStep = (what) => {
      if (!what.startsWith(`fsync ${ours}journal`)) return;
      disk.onStep = () => undefined;
      write(disk, scheduler, 'by somebody else');
    };
    const report = await renew(fake);
    expect(report).toMatchObject({ end: 'restored', message: expect.stringContaining('somebody else') });
    expect(contents(disk).get(scheduler)).toBe('by somebody else');
    expect(findJournal(disk, fake.node.layout).kind).toBe('none');
  });
});

describe('an interrupted rotation of the agent', () => {
  it.each([
    ['between two renames', /^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/, [scheduler]],
    ['between two renames of a named file', /^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/, named],
    ['before the restart', /^create \/etc\/kubernetes\/manifests\/\.kube-apiserver/, [scheduler]],
  ])('%s is made to fit first, and what must restart is named', async (_, operation, paths) => {
    const fake = await diedBefore(operation, agentRotates);
    const report = await renew(fake, paths);
    expect(report.message).toBe('');
    expect(report.end).toBe('done');
    expect(report.restart).toEqual([apiserver]);
    expect(report.notes.join()).toMatch(/interrupted rotation of the controller was moved to .*set-aside/);
    for (const each of fakeTargets) expect(fake.fits(each)).toBe(true);
    expect(fake.files.list().filter(({ path }) => path.includes('recover'))).toEqual([]);
  });

  it('that has restarted its component already leaves nothing to restart', async () => {
    const fake = await diedBefore(/^create \/etc\/kubernetes\/manifests\/\.kube-apiserver/, agentRotates);
    await fake.node.sleep(60_000, signal);
    const [process] = fake.node.processes.find('kube-apiserver');
    const startedMs = (fake.node.processes.now()?.milliseconds ?? 0) - 10_000;
    const startedAt = new Date(fake.time.getTime() - 10_000);
    const processes = {
      ...fake.node.processes,
      find: () => (process === undefined ? [] : [{ ...process, startedAt, startedMs }]),
    };
    const report = await renew(fake, [scheduler], {}, { ...fake.node, processes });
    expect(report).toMatchObject({ end: 'done', restart: [] });
  });

  it('and a failure afterwards is no “all as it was”', async () => {
    const fake = await diedBefore(/^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/, agentRotates);
    let settled = false;
    fake.files.onStep = (what) => {
      settled ||= what.includes('set-aside');
      if (settled && what.startsWith('create /etc/kubernetes/')) throw new CertError('NoSpace', 'no room');
    };
    const report = await renew(fake, [scheduler]);
    expect(report).toMatchObject({ end: 'partly', restart: [apiserver] });
    expect(report.message).toContain('no room');
  });

  it('is only told of in a dry run', async () => {
    const fake = await diedBefore(/^create \/etc\/kubernetes\/manifests\/\.kube-apiserver/, agentRotates);
    const before = fake.files.list();
    const report = await renew(fake, [scheduler], { dryRun: true });
    expect(report.notes.join()).toMatch(/interrupted rotation .* would be/);
    expect(fake.files.list()).toEqual(before);
  });

  it('of another machine touches nothing when all fits', async () => {
    const fake = await diedBefore(/^create \/etc\/kubernetes\/manifests\/\.kube-apiserver/, agentRotates);
    const before = fake.certificate(target('apiserver.crt')).serial;
    const report = await renew(fake, [scheduler], {}, { ...fake.node, machineId: 'b'.repeat(32) });
    expect(report).toMatchObject({ end: 'done', restart: [] });
    expect(report.notes.join()).toContain('another machine');
    expect(fake.certificate(target('apiserver.crt')).serial).toBe(before);
  });
});

describe('an interrupted call of cert-renew', () => {
  it('is finished, and what must restart is named', async () => {
    const fake = await diedBefore(/^rename .* \/etc\/kubernetes\/scheduler\.conf$/, (each) => renew(each));
    const report = await renew(fake, ['/etc/kubernetes/admin.conf']);
    expect(report).toMatchObject({ end: 'done', restart: named });
  });
});

const repair = (fake: FakeNode, fits: boolean): void => {
  const leaf = makeLeaf(ca, 'apiserver', 365);
  write(fake.files, apiserver, pem('CERTIFICATE', leaf.certificate.der));
  if (fits) write(fake.files, '/etc/kubernetes/pki/apiserver.key', leaf.keyText);
};

describe('an interrupted rotation that a person has repaired by hand', () => {
  it('is set aside with a note, and the call goes on', async () => {
    const fake = await diedBefore(/^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/, agentRotates);
    repair(fake, true);
    const report = await renew(fake);
    expect(report.end).toBe('done');
    expect(report.notes.join()).toMatch(/moved to .*set-aside.*replaced by somebody else.*fit/);
  });

  it('is refused untouched while a key does not fit, with what to do', async () => {
    const fake = await diedBefore(/^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/, agentRotates);
    repair(fake, false);
    const before = contents(fake.files);
    await expect(renew(fake)).rejects.toThrow(/apiserver\.crt.*kubeadm certs renew/);
    expect(contents(fake.files)).toEqual(before);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('journal');
  });
});
