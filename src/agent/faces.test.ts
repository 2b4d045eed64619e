import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { reachUnder } from '../host/discovery.ts';
import { hostLayout } from '../host/layout.ts';
import { nodeFiles } from '../host/node-files.ts';
import { endedBefore } from '../rotation/outcome.ts';
import * as apply from './apply.ts';
import * as caCertificates from './ca-certificates.ts';
import { certificateIdsOf, say, whole } from './face.ts';
import { fittingMessage } from './fitting.ts';
import * as harvest from './harvest.ts';
import { checkers, decodeMessages } from './message.ts';
import { env, terminationMessageLimit, toolNotes, type RotateResult } from './protocol.ts';
import { forgetRefusal, leaveRefusal, readRefusal } from './refusal.ts';
import { scan } from './scan.ts';
import { layDown } from './stage.ts';

let root: string;
let log: string;
const { signal } = new AbortController();

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'node-'));
  log = join(root, 'termination-log');
});
afterEach(() => fs.rmSync(root, { recursive: true }));

const environment = (more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  [env.hostRoot]: root,
  [env.terminationLog]: log,
  ...more,
});
const said = (): string => fs.readFileSync(log, 'utf8');

const fail = (): never => {
  throw new CertError('Unreachable', 'no API server answers');
};

describe('a face', () => {
  it('leaves its message and ends with 0', async () => {
    expect(await say(environment(), () => 'a message')).toBe(0);
    expect(said()).toBe('a message');
  });

  it.each([0, 1] as const)('leaves an error as a message and ends with %d as told', async (code) => {
    expect(await say(environment(), fail, code)).toBe(code);
    expect(decodeMessages([said()], checkers.done)).toMatchObject({
      kind: 'error',
      error: { code: 'Unreachable', message: 'no API server answers' },
    });
  });

  it('refuses an environment that the controller would not make', () => {
    expect(() => whole({ PART: '1.5' }, 'PART', 0)).toThrow(CertError);
    expect(() => whole({ PARTS: '0' }, 'PARTS', 1, 1)).toThrow(CertError);
    expect(whole({}, 'PART', 7)).toBe(7);
    expect(certificateIdsOf({ [env.certificates]: 'kubelet.crt, admin.conf' })).toEqual([
      'kubelet.crt',
      'admin.conf',
    ]);
    expect(() => certificateIdsOf({ [env.certificates]: 'sa.key' })).toThrow('sa.key');
    expect(() => certificateIdsOf({})).toThrow(env.certificates);
  });
});

describe('ca-certificates and harvest', () => {
  const ca = '/etc/kubernetes/pki/ca.crt';
  it('say that an authority is not on this node', async () => {
    const told = environment({ [env.ca]: 'kubernetes', [env.caCertPath]: ca, [env.caKeyPath]: ca });
    expect(await caCertificates.run(told, signal)).toBe(0);
    expect(JSON.parse(said())).toEqual({ schema: 1, ca: 'kubernetes', missing: true });
    const more = {
      [env.hpkePublicKey]: Buffer.alloc(32, 9).toString('base64'),
      [env.podUID]: 'p',
      [env.nodeUID]: 'n',
      [env.clusterUID]: 'c',
    };
    expect(await harvest.run({ ...told, ...more }, signal)).toBe(0);
    expect(JSON.parse(said())).toEqual({ schema: 1, ca: 'kubernetes', missing: true });
  });

  it('name an authority that they do not know', async () => {
    expect(await caCertificates.run(environment({ [env.ca]: 'sa', [env.caCertPath]: ca }), signal)).toBe(0);
    expect(decodeMessages([said()], checkers.done)).toMatchObject({
      kind: 'error',
      error: { code: 'Usage' },
    });
  });
});

describe('an end that request knows', () => {
  const layout = hostLayout();
  const outcome = endedBefore('refused', 'SigningRefused', 'the signer says no');
  beforeEach(() => fs.mkdirSync(join(root, layout.root), { recursive: true, mode: 0o700 }));

  it('is told by apply, once, for its own rotation', async () => {
    const files = nodeFiles(root);
    leaveRefusal(files, layout, 'uid-1', outcome);
    expect(readRefusal(files, layout, 'uid-2')).toBeUndefined();
    const told = environment({ [env.rotationUID]: 'uid-1', [env.nodeUID]: 'n', [env.machineID]: 'm' });
    expect(await apply.run(told, signal)).toBe(0);
    expect(decodeMessages([said()], checkers.rotate)).toEqual({ kind: 'value', value: outcome });
    expect(readRefusal(files, layout, 'uid-1')).toBeUndefined();
  });

  it('is nothing when there is none, or when the file is somebody else’s', async () => {
    const files = nodeFiles(root);
    fs.writeFileSync(join(root, layout.root, 'refusal.json'), '{"rotationUID":"uid-1","outcome":{}}');
    expect(readRefusal(files, layout, 'uid-1')).toBeUndefined();
    forgetRefusal(files, layout);
    expect(fs.readdirSync(join(root, layout.root))).toEqual([]);
    const told = environment({ [env.rotationUID]: 'uid-1', [env.nodeUID]: 'n', [env.machineID]: 'm' });
    expect(await apply.run(told, signal)).toBe(0);
    expect(decodeMessages([said()], checkers.rotate)).toMatchObject({
      kind: 'value',
      value: { outcome: 'refused', reason: 'Interrupted' },
    });
  });
});

const result = (steps: number, prose: string): RotateResult => ({
  schema: 1,
  outcome: 'rolled-back',
  reason: 'ComponentDidNotReturn',
  message: prose,
  steps: Array.from({ length: steps }, (_, index) => ({
    name: `stage ${index}: prove`,
    startedAt: '2030-01-01T00:00:00.000Z',
    finishedAt: '2030-01-01T00:00:00.000Z',
    result: index === 3 ? 'failed' : 'done',
    message: prose,
  })),
  certificates: [{ id: 'apiserver.crt', oldSerial: 'aa', newSerial: 'bb', oldNotAfter: '', newNotAfter: '' }],
});

// Prose that deflate cannot shorten.
const noise = (length: number): string => {
  const letters = Array.from({ length }, (_, index) =>
    String.fromCodePoint(97 + ((index * index * 7919 + index * 31) % 26)),
  );
  return letters.join('');
};

describe('a rotation’s result', () => {
  it('that fits is said as it is', () => {
    expect(decodeMessages([fittingMessage(result(20, 'fine'))], checkers.rotate)).toEqual({
      kind: 'value',
      value: result(20, 'fine'),
    });
  });

  it.each([10, 60, 190])('with %d steps and much prose loses words, never a certificate', (steps) => {
    const message = fittingMessage(result(steps, `${noise(3000)}${'é'.repeat(900)}`));
    expect(message.length).toBeLessThanOrEqual(terminationMessageLimit);
    const decoded = decodeMessages([message], checkers.rotate);
    expect(decoded).toMatchObject({
      kind: 'value',
      value: { outcome: 'rolled-back', certificates: result(0, '').certificates },
    });
  });
});

describe('stage', () => {
  it('lays the executable down whole, closed to others, and replaces an older one', () => {
    const executable = join(root, 'self');
    fs.writeFileSync(executable, 'new');
    const tool = join(root, hostLayout().tool);
    fs.mkdirSync(join(root, hostLayout().root), { recursive: true, mode: 0o755 });
    const node = { root, files: nodeFiles(root), isReachable: () => true };
    layDown(node, executable);
    fs.writeFileSync(executable, 'newer');
    expect(layDown(node, executable)).toContain('sha256');
    expect(fs.readFileSync(tool, 'utf8')).toBe('newer');
    expect(fs.statSync(tool).mode & 0o777).toBe(0o755);
    expect(fs.statSync(join(root, hostLayout().root)).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(join(tool, '..')).toSorted()).toEqual(['SHA256SUMS', 'cert-renew']);
  });

  it('lays renew-all.sh beside it, and checksums that hold; the next scan finds nothing wanting', () => {
    const executable = join(root, 'self');
    fs.writeFileSync(executable, 'tool');
    fs.writeFileSync(join(root, 'renew-all.sh'), 'script');
    const directory = join(root, hostLayout().tool, '..');
    const node = { root, files: nodeFiles(root), isReachable: () => true };
    const notes = () =>
      scan(node, { machineID: 'm', now: new Date(), executable }).notes.filter((note) =>
        Object.values<string>(toolNotes).includes(note),
      );
    expect(notes()).toEqual([toolNotes.absent]);
    layDown(node, executable);
    const check = spawnSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect(check.stdout).toBe('cert-renew: OK\nrenew-all.sh: OK\n');
    expect(notes()).toEqual([]);
    for (const name of ['cert-renew', 'renew-all.sh', 'SHA256SUMS']) {
      fs.appendFileSync(join(directory, name), '#');
      expect(notes(), name).toEqual([toolNotes.stale]);
      layDown(node, executable);
      expect(notes(), name).toEqual([]);
    }
    fs.rmSync(join(directory, 'SHA256SUMS'));
    expect(notes()).toEqual([toolNotes.stale]);
  });

  it('writes through no link', () => {
    const elsewhere = join(root, 'elsewhere');
    fs.mkdirSync(elsewhere);
    fs.mkdirSync(join(root, '/var/lib'), { recursive: true });
    fs.symlinkSync(elsewhere, join(root, hostLayout().root));
    const node = { root, files: nodeFiles(root), isReachable: () => true };
    expect(() => layDown(node, process.execPath)).toThrow(CertError);
    expect(fs.readdirSync(elsewhere)).toEqual([]);
  });
});

describe('what a Pod can see', () => {
  const mounts = `1 0 0:1 / / rw - overlay overlay rw
2 1 0:2 /etc/kubernetes /host/etc/kubernetes ro - ext4 /dev/sda rw
3 1 0:2 /a\\040b /host/opt/a\\040b ro - ext4 /dev/sda rw
4 1 0:2 / /hosts ro - ext4 /dev/sda rw
`;
  it.each([
    ['/etc/kubernetes', true],
    ['/etc/kubernetes/pki/ca.crt', true],
    ['/etc/kubernetes-old/x', false],
    ['/opt/a b/x', true],
    ['/usr/lib/systemd', false],
  ])('of %s is %s', (path, expected) => {
    expect(reachUnder('/host', () => mounts)(path)).toBe(expected);
  });

  it('is everything on the node itself, and in a plain directory', () => {
    expect(reachUnder('/')('/anything')).toBe(true);
    expect(reachUnder('/rescue', () => mounts)('/anything')).toBe(true);
  });
});
