// Half a request, or half an answer, is carried to no other machine.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { CrashFiles } from '../../host/crash-files.ts';
import { writePrivateKey } from '../../pki/keys.ts';
import { makeCa, makeDisk, startTime } from '../../rotation/fake-disk.ts';
import { FakeNode } from '../../rotation/fake-node.ts';
import { request } from '../request.ts';
import { sign } from '../sign.ts';
import { put, workerDisk } from './testing.ts';
import { captureOutput } from '../testing.ts';

vi.mock('../output.ts', async (original) => ({ ...(await original<object>()), say: () => false }));

const directory = mkdtempSync(join(tmpdir(), 'unwritten-'));
const signal = new AbortController().signal;
let worker: FakeNode;
let control: CrashFiles;
const said = captureOutput();

beforeAll(() => {
  const ca = makeCa();
  worker = new FakeNode(workerDisk(ca, 'w1'), ca);
  control = makeDisk(ca, 300);
  control.mkdir('/root', 0o700);
  const key = writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false });
  put(control, '/etc/kubernetes/pki/ca.key', key);
});
// A file is written whole.
beforeEach(async () => {
  await ask('/root/w1.req', false);
  put(control, '/root/w1.req', Buffer.from(worker.files.read('/root/w1.req')).toString('latin1'));
  said.err = '';
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function ask(out: string | undefined, json: boolean): Promise<number> {
  const { node } = worker;
  const layout = { ...node.layout, lock: join(directory, 'lock') };
  return request({ files: [], newKey: false, out, json, lockTimeoutMs: 1000 }, signal, { ...node, layout });
}

const answer = (out: string | undefined, json: boolean): Promise<number> =>
  sign({ file: '/root/w1.req', ca: undefined, days: undefined, out, yes: true, json }, signal, {
    files: control,
    now: () => startTime,
  });

it.each([
  ['request', undefined, false],
  ['request', undefined, true],
  ['request', '/root/w1.req', true],
  ['sign', undefined, false],
  ['sign', undefined, true],
  ['sign', '/root/w1.ans', true],
] as const)('%s, to %s, json %s: ends with 1, and does not say what is next', async (command, out, json) => {
  expect(await (command === 'request' ? ask : answer)(out, json)).toBe(1);
  const what = `the ${command === 'request' ? 'request' : 'answer'}`;
  const half = `cert-renew: ${what} was not written whole; throw it away, and run this again`;
  const whole = `cert-renew: the JSON on standard output was not written whole; ${what} is: it lies in ${out}\n`;
  expect(said.err).toContain(out === undefined ? half : whole);
  expect(said.err.includes('throw it away')).toBe(out === undefined);
  expect(said.err).not.toMatch(/^(signed|next: )/mu);
});
