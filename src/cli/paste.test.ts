// Lines that a person is told to run name this program as it can be called here.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { writePrivateKey } from '../pki/keys.ts';
import { makeCa, makeDisk, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { all } from './all.ts';
import { check } from './check.ts';
import { put, workerDisk } from './offline/testing.ts';
import { request } from './request.ts';
import { captureOutput } from './testing.ts';

const call = "'/root/my tools/cert-renew'";
vi.mock(import('./own-call.ts'), async (original) => ({ ...(await original()), ownCall: () => call }));

const signal = new AbortController().signal;
const directory = mkdtempSync(join(tmpdir(), 'paste-'));
let ca: FakeCa;
const said = captureOutput();

beforeAll(() => {
  ca = makeCa();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const home = ({ node }: FakeNode) => ({
  ...node,
  layout: { ...node.layout, lock: join(directory, 'lock') },
  isOwnAddress: () => true,
  remoteMounts: [],
});

function expired(): FakeNode {
  const disk = makeDisk(ca, -10);
  put(disk, '/etc/kubernetes/pki/ca.key', writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }));
  const fake = new FakeNode(disk, ca);
  fake.goDark('kube-apiserver', 'kube-scheduler');
  return fake;
}

it('check', async () => {
  const report = await check({ files: [], server: undefined }, signal, home(expired()));
  expect(report.next).toEqual([`${call} all`]);
  expect(report.sentence).toContain(`; next: ${call} all`);
});

it('all, where it is to be run again', async () => {
  const fake = expired();
  fake.quorum = false;
  expect(await all({ lockTimeout: 1000 }, signal, home(fake))).toBe(4);
  expect(said.out).toMatch(/^old files: .* \('\/root\/my tools\/cert-renew' restore\)$/mu);
  expect(said.out).toMatch(/; .*(?:then )?run '\/root\/my tools\/cert-renew' all here again/mu);
});

it('all, where it was interrupted', async () => {
  const fake = expired();
  const person = new AbortController();
  fake.files.onStep = (what) => {
    if (/^rename .*scheduler.conf$/u.test(what)) person.abort();
  };
  expect(await all({ lockTimeout: 1000 }, person.signal, home(fake))).toBe(4);
  expect(said.err).toContain(`; run ${call} all again, it goes on where it was`);
});

it('request', async () => {
  const fake = new FakeNode(workerDisk(ca, 'w1'), ca);
  const asking = { files: [], newKey: false, out: '/root/x.req', json: false, lockTimeoutMs: 1000 };
  expect(await request(asking, signal, home(fake))).toBe(0);
  expect(said.err).toContain(
    `next: bring /root/x.req to a control plane: cert-renew sign FILE --out ANSWER; then bring ANSWER here: ${call} install ANSWER`,
  );
});
