// The real procedure over a disk that dies at every single operation, with and without the loss of what was not synced,
// and what the next start makes of it (reliability.md 1.2, I1 to I10). Every point, no sampling.
import { beforeAll, describe, expect, it } from 'vitest';
import { CrashFiles } from '../host/crash-files.ts';
import {
  clientLink,
  day,
  fakeTargets,
  makeCa,
  makeDisk,
  manifestOf,
  startTime,
  type FakeCa,
} from './fake-disk.ts';
import { FakeNode, issued } from './fake-node.ts';
import { apply, forget, resumeAtBoot, rotate } from './driver.ts';
import { findJournal } from './journal.ts';
import { recoverUnit } from './recover-unit.ts';
import { renewFiles } from './renew-files.ts';
import { settleEarlier } from './settle-earlier.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const targets = fakeTargets.filter(({ id }) =>
  ['apiserver.crt', 'scheduler.conf', 'kubelet-client-current.pem'].includes(id),
);
const unitPath = `/etc/systemd/system/${recoverUnit}`;
const unitLink = `/etc/systemd/system/multi-user.target.wants/${recoverUnit}`;

interface Death {
  readonly name: string;
  /** The machine afterwards: the same one, or one that has just booted. */
  readonly restart: () => FakeNode;
}

/** Every disk that a death can leave; a machine without power is `off` for so many milliseconds: before each operation, by kill, and by power loss with each choice of unsynced names. */
async function deathsOf(
  disk: CrashFiles,
  work: (fake: FakeNode) => Promise<unknown>,
  off = 600_000,
): Promise<Death[]> {
  const deaths: Death[] = [];
  const seen = new Set<string>();
  const fake = new FakeNode(disk, ca);
  const add = (name: string, state: CrashFiles, restart: (state: CrashFiles) => FakeNode): void => {
    const key = `${name.split(' ')[0]} ${digest(state)}`;
    if (seen.has(key)) return;
    seen.add(key);
    deaths.push({ name, restart: () => restart(state) });
  };
  const snapshot = (what: string): void => {
    const machine = fake.afterKill(disk);
    add(`kill before ${what}`, disk.afterKill(), (state) => machine.afterKill(state));
    for (const keeps of choices(disk.pendingCount))
      add(`power loss before ${what}`, disk.afterPowerLoss(keeps), (state) => boot(state, fake, off));
  };
  disk.onStep = snapshot;
  await work(fake);
  disk.onStep = () => undefined;
  snapshot('the end');
  return deaths;
}

/** Every subset of the unsynced names while they are few; they never become many. */
function choices(count: number): ((index: number) => boolean)[] {
  if (count > 8) throw new Error(`${count} names were not synced: too many for every subset`);
  return Array.from({ length: 2 ** count }, (_, mask) => (index: number) => ((mask >> index) & 1) === 1);
}

const digest = (disk: CrashFiles): string =>
  disk
    .list()
    .map(({ path, stat, content, target }) =>
      [path, stat.mode, target, Buffer.from(content).toString('base64')].join(' '),
    )
    .join('\n');

interface Before {
  readonly files: ReadonlyMap<string, string>;
  readonly certificates: readonly { serial: string; subject: string }[];
}

const touched = new Set<string>([
  ...targets.flatMap(({ location }) =>
    location.form === 'pair' ? [location.certPath, location.keyPath] : [location.path],
  ),
  manifestOf('kube-apiserver'),
  manifestOf('kube-scheduler'),
]);

function remember(disk: CrashFiles): Before {
  const fake = new FakeNode(disk, ca);
  return {
    files: new Map(
      disk.list().map(({ path, stat, content, target }) => [path, describeFile(stat.mode, content, target)]),
    ),
    certificates: targets.map((target) => {
      const { serial, subject } = fake.certificate(target);
      return { serial, subject: subject.text };
    }),
  };
}

const describeFile = (mode: number, content: Uint8Array, target: string): string =>
  `${mode.toString(8)} ${target} ${Buffer.from(content).toString('latin1')}`;

/** The boot as systemd does it: the unit runs only when it, its link, the tool and a journal are there. */
function boot(disk: CrashFiles, { broken }: FakeNode, off: number): FakeNode {
  const fake = new FakeNode(disk, ca, new Date(startTime.getTime() + off), { started: false });
  const { layout } = fake.node;
  const isEnabled = disk.lstat(unitPath)?.kind === 'file' && disk.lstat(unitLink)?.kind === 'symlink';
  const hasJournal = disk.stat(layout.journal) !== undefined && disk.readdir(layout.journal).length > 0;
  const isWhole = isEnabled && Buffer.from(disk.read(unitPath)).toString().includes('ExecStart=');
  if (isWhole && hasJournal && disk.stat(layout.tool)?.kind === 'file') resumeAtBoot(fake.node);
  // Before anything else runs, components must be able to start: the boot alone sees to that.
  for (const target of targets)
    if (!fake.fits(target)) throw new Error(`${target.id} does not fit after the boot`);
  for (const [program, serial] of broken) fake.broken.set(program, serial);
  fake.startAll();
  return fake;
}

/** I1 to I6 and I9, which hold at the end of every start. Result: what does not hold. */
function violations(fake: FakeNode, before: Before): string[] {
  const { files } = fake;
  const found: string[] = [];
  for (const [index, target] of targets.entries()) {
    const old = before.certificates[index];
    const certificate = fake.certificate(target);
    if (!fake.fits(target)) found.push(`I1 ${target.id}: key and certificate do not fit`);
    if (!issued(certificate, ca)) found.push(`I2 ${target.id}: not of this CA`);
    if (certificate.subject.text !== old?.subject) found.push(`I3 ${target.id}: ${certificate.subject.text}`);
    if (certificate.notAfter > ca.certificate.notAfter) found.push(`I5 ${target.id}: outlives its CA`);
  }
  if (files.lstat(clientLink)?.kind !== 'symlink') found.push('I4: the kubelet’s link is no link');
  const now = new Map(files.list().map((entry) => [entry.path, entry]));
  for (const [path, text] of before.files) {
    const entry = now.get(path);
    if (entry === undefined) {
      found.push(`I9 ${path} is gone`);
      continue;
    }
    const mode = text.split(' ')[0];
    if (entry.stat.mode.toString(8) !== mode) found.push(`I4 ${path}: mode ${entry.stat.mode.toString(8)}`);
    if (touched.has(path)) continue;
    if (describeFile(entry.stat.mode, entry.content, entry.target) !== text) found.push(`I9 ${path} changed`);
  }
  for (const path of now.keys()) {
    if (before.files.has(path)) continue;
    if (path.startsWith('/etc/kubernetes/manifests/') && !path.startsWith('/etc/kubernetes/manifests/.'))
      found.push(`I6 ${path} is a new manifest`);
  }
  for (const component of ['kube-apiserver', 'kube-scheduler'] as const) {
    const text = Buffer.from(files.read(manifestOf(component))).toString();
    const rest = text.replace(/\n {4}certrotator\.cpaas\.io\/restarted-at: .*(?=\n)/, '');
    if (!(before.files.get(manifestOf(component)) ?? '').endsWith(` ${rest}`))
      found.push(`I6 the manifest of ${component} changed in more than its annotation`);
  }
  return found;
}

/** What must not be left when all is over. */
function leftovers(fake: FakeNode, before: Before): string[] {
  const allowed =
    /^\/var\/lib\/kubelet\/pki\/kubelet-client-2030-|^\/var\/lib\/cluster-cert-rotator\/backups\//;
  return fake.files
    .list()
    .map(({ path }) => path)
    .filter((path) => !before.files.has(path) && !allowed.test(path));
}

describe('a rotation that dies', () => {
  it('at any operation ends well at the next start', { timeout: 120_000 }, async () => {
    const disk = makeDisk(ca, 40);
    const before = remember(disk);
    const keep = disk.afterKill();
    const deaths = await deathsOf(disk, (fake) =>
      rotate(fake.node, fake.order({ targets }), fake.signer(), {}, signal),
    );
    const failures: string[] = [];
    for (const { name, restart } of deaths) {
      const fake = restart();
      failures.push(...(await recover(fake, before)).map((each) => `${name}: ${each}`));
    }
    expect(failures).toEqual([]);
    expect(keep.list().length).toBe(before.files.size);
    console.log(`${deaths.length} different deaths of a rotation were recovered`);
    expect(deaths.length).toBeGreaterThan(300);
  });

  it('while it rolls back ends with the old state', { timeout: 120_000 }, async () => {
    const disk = makeDisk(ca, 40);
    const before = remember(disk);
    const only = targets.filter(({ id }) => id === 'apiserver.crt');
    const serial = before.certificates[0]?.serial ?? '';
    const deaths = await deathsOf(disk, async (fake) => {
      fake.broken.set('kube-apiserver', serial);
      const { outcome } = await rotate(fake.node, fake.order({ targets: only }), fake.signer(), {}, signal);
      expect(outcome).toBe('rolled-back');
    });
    const failures: string[] = [];
    for (const { name, restart } of deaths) {
      const fake = restart();
      if (findJournal(fake.files, fake.node.layout).kind === 'journal') {
        await apply(fake.node, {}, signal);
        forget(fake.node);
      }
      const target = only[0];
      if (target !== undefined && fake.certificate(target).serial !== serial)
        failures.push(`${name}: not old`);
      failures.push(...violations(fake, before).map((each) => `${name}: ${each}`));
    }
    expect(failures).toEqual([]);
    console.log(`${deaths.length} different deaths of a roll back were recovered`);
    expect(deaths.length).toBeGreaterThan(100);
  });

  it(
    'while it rolls back, and is off until the old has ended, ends with the new (R14)',
    {
      timeout: 120_000,
    },
    async () => {
      const disk = makeDisk(ca, 40);
      const before = remember(disk);
      const only = targets.filter(({ id }) => id === 'apiserver.crt');
      const serial = before.certificates[0]?.serial ?? '';
      const work = async (fake: FakeNode): Promise<void> => {
        fake.broken.set('kube-apiserver', serial);
        await rotate(fake.node, fake.order({ targets: only }), fake.signer(), {}, signal);
      };
      const deaths = (await deathsOf(disk, work, 60 * day)).filter(({ name }) =>
        name.startsWith('power loss'),
      );
      const failures: string[] = [];
      let cutOff = 0;
      for (const { name, restart } of deaths) {
        const fake = restart();
        const found = findJournal(fake.files, fake.node.layout);
        const stage = found.kind === 'journal' ? found.journal.stages[0] : undefined;
        if (stage === undefined || !['swapping', 'swapped', 'restoring', 'restored'].includes(stage.state))
          continue;
        cutOff += 1;
        const outcome = await apply(fake.node, {}, signal);
        if (outcome.reason !== 'OldStateUnsafe')
          failures.push(`${name}: ${outcome.reason} ${outcome.message}`);
        const [target] = only;
        if (target !== undefined && fake.certificate(target).serial === serial) failures.push(`${name}: old`);
        failures.push(...violations(fake, before).map((each) => `${name}: ${each}`));
      }
      expect(failures).toEqual([]);
      expect(cutOff).toBeGreaterThan(30);
    },
  );
});

/** The next start: resumes, or begins anew; then once more, which must find nothing to resume. */
async function recover(fake: FakeNode, before: Before): Promise<string[]> {
  const failures: string[] = [];
  const { node } = fake;
  const found = findJournal(node.files, node.layout);
  const touchedNothing = found.kind === 'journal' && found.journal.state === 'prepared';
  const outcome =
    found.kind === 'journal' && !touchedNothing
      ? await apply(node, {}, signal)
      : await rotate(node, fake.order({ targets }), fake.signer(), {}, signal);
  forget(node);
  if (outcome.outcome !== 'succeeded') failures.push(`ended ${outcome.outcome}: ${outcome.message}`);
  failures.push(...violations(fake, before), ...leftovers(fake, before).map((path) => `leftover ${path}`));
  for (const [index, target] of targets.entries())
    if (fake.certificate(target).serial === before.certificates[index]?.serial)
      failures.push(`${target.id} is old after the recovery`);
  const [apiserver] = targets;
  const shown = await node.probes.handshake({ host: '10.0.0.1', port: 6443 }, signal);
  if (apiserver !== undefined && shown.serial !== fake.certificate(apiserver).serial)
    failures.push('I2 the API server does not serve what lies on the disk');
  const digestBefore = digest(fake.files);
  if (settleEarlier(node).length > 0 || digest(fake.files) !== digestBefore)
    failures.push('I10 a second start changed something');
  return failures;
}

describe('cert-renew FILE… that dies', () => {
  it('at any operation is finished or undone by the next call', { timeout: 120_000 }, async () => {
    const disk = makeDisk(ca, 40);
    const before = remember(disk);
    const paths = ['/etc/kubernetes/pki/apiserver.crt', '/etc/kubernetes/scheduler.conf'];
    const options = { keyPolicy: 'new' } as const;
    const deaths = await deathsOf(disk, (fake) =>
      renewFiles(fake.node, paths, fake.signer(), options, signal),
    );
    const failures: string[] = [];
    for (const { name, restart } of deaths) {
      const fake = restart();
      settleEarlier(fake.node);
      const renewed = [0, 1].map((index) => {
        const target = targets[index];
        return target !== undefined && fake.certificate(target).serial !== before.certificates[index]?.serial;
      });
      if (renewed[0] !== renewed[1]) failures.push(`${name}: one of two files is new`);
      failures.push(...violations(fake, before).map((each) => `${name}: ${each}`));
      const report = await renewFiles(fake.node, paths, fake.signer(), options, signal);
      if (report.end !== 'done') failures.push(`${name}: then ${report.end} ${report.message}`);
      failures.push(...leftovers(fake, before).map((path) => `${name}: leftover ${path}`));
    }
    expect(failures).toEqual([]);
    console.log(`${deaths.length} different deaths of cert-renew were recovered`);
    expect(deaths.length).toBeGreaterThan(100);
  });
});
