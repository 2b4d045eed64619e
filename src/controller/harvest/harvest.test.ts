import { execFileSync } from 'node:child_process';
import { createSecretKey, generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import type { Node, Pod, Secret } from 'kubernetes-types/core/v1.js';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { captureInfo, terminationMessageLimit, type Capture } from '../../agent/protocol.ts';
import { caCertificatesMessage, harvestMessage, sealKey } from '../../agent/seal.ts';
import { caIds, type CaId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import { resources } from '../../kube/resources.ts';
import { defaultConfiguration, type Configuration } from '../configuration.ts';
import { capturePods } from '../pods.ts';
import type { Anchors } from '../vault/anchors.ts';
import { kekId } from '../vault/envelope.ts';
import { makeCa, makeLeaf, makeNode, MemoryApi, type TestCa } from '../vault/testing.ts';
import { openVault, readKeyDer, signingCa, vaultAnnotations } from '../vault/vault.ts';
import { makeCaptureKey } from './capture-key.ts';
import { backoff, decideHarvest, noMemory, patience, type HarvestView, type Session } from './decide.ts';
import { createHarvester, type Harvester } from './harvester.ts';

const capture: Capture = { podUID: 'p', nodeUID: 'n', clusterUID: 'c', ca: 'etcd' };
const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

describe('sealing to the leader', () => {
  it('opens for exactly this capture, whatever the plaintext', async () => {
    const key = await makeCaptureKey();
    const publicKey = Buffer.from(key.publicKey, 'base64');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async (plaintext) => {
        const sealed = await sealKey({ publicKey, info: captureInfo(capture), plaintext });
        expect(sealed.length).toBe(plaintext.length + 48);
        expect(await key.open(capture, sealed)).toEqual(plaintext);
      }),
      { numRuns: 20 },
    );
  });

  it.each<[string, Partial<Capture>]>([
    ['Pod', { podUID: 'x' }],
    ['node', { nodeUID: 'x' }],
    ['cluster', { clusterUID: 'x' }],
    ['CA', { ca: 'kubernetes' }],
  ])('does not open for another %s', async (_what, other) => {
    const key = await makeCaptureKey();
    const publicKey = Buffer.from(key.publicKey, 'base64');
    const sealed = await sealKey({ publicKey, info: captureInfo(capture), plaintext: utf8('key') });
    expect(await key.open({ ...capture, ...other }, sealed)).toBeUndefined();
  });

  it('does not open for another leader, nor with any byte flipped, nor cut', async () => {
    const key = await makeCaptureKey();
    const publicKey = Buffer.from(key.publicKey, 'base64');
    const sealed = await sealKey({ publicKey, info: captureInfo(capture), plaintext: utf8('key') });
    expect(await (await makeCaptureKey()).open(capture, sealed)).toBeUndefined();
    for (let at = 0; at < sealed.length; at += 1) {
      const flipped = Uint8Array.from(sealed);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(await key.open(capture, flipped), `byte ${at}`).toBeUndefined();
      expect(await key.open(capture, sealed.subarray(0, at)), `cut at ${at}`).toBeUndefined();
    }
  });

  it('says so when the leader’s public key is not one', async () => {
    const sealing = sealKey({ publicKey: utf8('short'), info: utf8(''), plaintext: utf8('key') });
    await expect(sealing).rejects.toThrow(/32 bytes/u);
  });

  it('has the same bytes in the runtime of the node’s executable', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'seal-'));
    try {
      const key = await makeCaptureKey();
      const entry = join(directory, 'main.ts');
      writeFileSync(
        entry,
        `import { harvestMessage } from ${JSON.stringify(resolve('src/agent/seal.ts'))};
         const [pem, publicKey, capture] = JSON.parse(process.argv[2]);
         console.log(await harvestMessage(Buffer.from(pem), Buffer.from(publicKey, 'base64'), capture));`,
      );
      const outfile = join(directory, 'main.mjs');
      await build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        format: 'esm',
        platform: 'node',
        logLevel: 'error',
      });
      const ca = makeCa('etcd-ca');
      const bun = resolve('node_modules/@oven/bun-linux-x64/bin/bun');
      const told = JSON.stringify([ca.keyPem, key.publicKey, capture]);
      const { sealed }: { sealed: string } = JSON.parse(
        execFileSync(bun, [outfile, told], { encoding: 'utf8', stdio: 'pipe' }),
      );
      const opened = await key.open(capture, Buffer.from(sealed, 'base64'));
      expect(readKeyDer(opened ?? new Uint8Array())?.equals(ca.key)).toBe(true);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

function pemOf(key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1'): string {
  return key.export({ format: 'pem', type }).toString();
}

describe('the message of a harvest container', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey;

  it.each<[string, KeyObject, 'pkcs1' | 'pkcs8' | 'sec1']>([
    ['RSA-4096 as PKCS#1', rsa, 'pkcs1'],
    ['RSA-4096 as PKCS#8', rsa, 'pkcs8'],
    ['P-521 as SEC1', ec, 'sec1'],
    ['P-521 as PKCS#8', ec, 'pkcs8'],
  ])('fits one termination message and opens: %s', async (_what, key, type) => {
    const leader = await makeCaptureKey();
    const pem = utf8(`some text\n${pemOf(key, type)}`);
    const text = await harvestMessage(pem, Buffer.from(leader.publicKey, 'base64'), capture);
    expect(text.length).toBeLessThanOrEqual(terminationMessageLimit);
    const { sealed }: { sealed: string } = JSON.parse(text);
    const opened = await leader.open(capture, Buffer.from(sealed, 'base64'));
    expect(readKeyDer(opened ?? new Uint8Array())?.equals(key)).toBe(true);
  });

  it.each([
    ['nothing', '', 'no PEM private key'],
    ['a certificate only', makeCa('x').certPem, 'no PEM private key'],
    ['broken PEM', '-----BEGIN PRIVATE KEY-----\n!', 'no PEM private key'],
    ['two keys', `${pemOf(ec, 'sec1')}${pemOf(ec, 'pkcs8')}`, 'more than one'],
    [
      'an encrypted key',
      ec.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'encrypted',
    ],
    [
      'a key encrypted in the old way',
      ec.export({ format: 'pem', type: 'sec1', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
      'encrypted',
    ],
  ])('says what is wrong with a file that holds %s, and no byte of it', async (_what, pem, says) => {
    const leader = await makeCaptureKey();
    const text = await harvestMessage(utf8(pem), Buffer.from(leader.publicKey, 'base64'), capture);
    expect(text).toContain(says);
    expect(text).toContain('"ca":"etcd"');
    expect(text.length).toBeLessThan(250);
  });

  it('says that the key is missing', async () => {
    expect(JSON.parse(await harvestMessage(undefined, utf8(''), capture))).toEqual({
      schema: 1,
      ca: 'etcd',
      missing: true,
    });
  });

  it('says every certificate of a bundle, and never cuts', () => {
    const { certPem } = makeCa('x', 'rsa:4096');
    const one: { certificates: string[] } = JSON.parse(caCertificatesMessage(utf8(certPem), 'etcd'));
    expect(one.certificates).toHaveLength(1);
    const many = caCertificatesMessage(utf8(certPem.repeat(5)), 'etcd');
    expect(JSON.parse(many)).toMatchObject({ error: expect.stringContaining('do not fit') });
  });
});

const now = new Date('2030-01-01T00:00:00Z');
const cp1 = makeNode('cp1', ['10.0.0.1'], true);
const cp2 = makeNode('cp2', ['10.0.0.2'], true);
const worker = makeNode('w1', ['10.0.0.11']);

function ended(uid: string, phase = 'Succeeded'): Pod {
  return { metadata: { name: uid, uid }, status: { phase } };
}

describe('decideHarvest', () => {
  const session: Session = {
    nodeName: 'cp1',
    nodeUID: 'uid-cp1',
    startedAt: now,
    harvestPodUID: 'h',
    certificatesPodUID: 'c',
  };
  const base: HarvestView = {
    now,
    missing: new Map([['etcd', 'absent']]),
    nodes: [worker, cp2, cp1],
    pods: [],
    session: undefined,
    memory: noMemory,
    held: undefined,
  };
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  const down: Node = {
    ...cp1,
    status: { ...cp1.status, conditions: [{ type: 'Ready', status: 'Unknown' }] },
  };

  it.each<[string, Partial<HarvestView>, object]>([
    ['begins on the first Ready control plane', {}, { do: 'begin', node: cp1 }],
    [
      'begins on another one when the first was tried',
      { memory: { ...noMemory, tries: new Map([['uid-cp1', 1]]) } },
      { do: 'begin', node: cp2 },
    ],
    [
      'begins on another one when the first has no such key',
      { memory: { ...noMemory, withoutKey: new Map([['etcd', new Set(['uid-cp1'])]]) } },
      { do: 'begin', node: cp2 },
    ],
    ['begins on one that is Ready', { nodes: [down, cp2] }, { do: 'begin', node: cp2 }],
    ['never begins on a worker', { nodes: [worker, down] }, { do: 'nothing' }],
    ['does nothing when no CA is missing', { missing: new Map() }, { do: 'nothing' }],
    [
      'waits after a failure',
      { memory: { ...noMemory, failures: 1, lastFailure: after(-59_000) } },
      { do: 'nothing' },
    ],
    [
      'tries again after the wait',
      { memory: { ...noMemory, failures: 1, lastFailure: after(-60_000) } },
      { do: 'begin' },
    ],
    ['begins nothing while it is held', { held: 'mode observe' }, { do: 'nothing', why: 'mode observe' }],
    [
      'gives up what is under way when it is held',
      { held: 'paused', session, pods: [ended('h'), ended('c')] },
      { do: 'discard', failed: false, why: 'paused' },
    ],
    ['removes Pods of another leader', { pods: [ended('h')] }, { do: 'discard', failed: false }],
    [
      'waits while such Pods are going',
      { pods: [{ metadata: { uid: 'h', deletionTimestamp: 'x' } }] },
      { do: 'nothing' },
    ],
    ['waits until its Pods are seen', { session, now: after(29_000) }, { do: 'nothing' }],
    ['gives up when its Pods are gone', { session, now: after(31_000) }, { do: 'discard', failed: true }],
    ['waits for both Pods', { session, pods: [ended('h'), ended('c', 'Running')] }, { do: 'nothing' }],
    [
      'finishes when both have ended',
      { session, pods: [ended('h', 'Failed'), ended('c')] },
      { do: 'finish' },
    ],
    [
      'gives up when they do not end',
      { session, pods: [ended('h', 'Pending'), ended('c')], now: after(patience) },
      { do: 'discard', failed: true },
    ],
    [
      'gives up when the node is gone',
      { session, nodes: [cp2], pods: [ended('h'), ended('c')] },
      { do: 'discard', failed: true },
    ],
  ])('%s', (_what, view, step) => {
    expect(decideHarvest({ ...base, ...view })).toMatchObject(step);
  });

  it('waits longer after every failure, up to an hour', () => {
    const waits = [0, 1, 2, 3, 20].map((failures) => backoff({ ...noMemory, failures }) / 60_000);
    expect(waits).toEqual([0, 1, 2, 4, 60]);
  });
});

describe('a whole capture', () => {
  const cas: Record<CaId, TestCa> = {
    kubernetes: makeCa('kubernetes', 'rsa:2048'),
    etcd: makeCa('etcd-ca'),
    'front-proxy': makeCa('front-proxy-ca'),
  };
  const later = new Date(Date.now() + 60_000);
  const kekKey = createSecretKey(randomBytes(32));
  const kek = { key: kekKey, id: kekId(kekKey) };
  const nodes = [cp1, worker];
  const anchors: Anchors = {
    kubernetes: [cas.kubernetes.certificate],
    frontProxy: [cas['front-proxy'].certificate],
    etcd: [{ node: 'cp1', leaf: makeLeaf(cas.etcd, { commonName: 'cp1' }).certificate }],
  };
  let api: MemoryApi;
  let harvester: Harvester;
  let configuration: Pick<Configuration, 'mode' | 'paused'>;

  beforeEach(() => {
    api = new MemoryApi();
    configuration = { mode: 'auto', paused: false };
    harvester = createHarvester({
      client: api.client,
      kek,
      publicNamespace: 'cpaas-system',
      pods: capturePods(() => defaultConfiguration),
      configuration: () => configuration,
    });
  });

  async function open(over: Partial<Anchors> = {}) {
    const known = { kek, clusterUID: 'cluster-1', publicNamespace: 'cpaas-system' };
    return openVault(api.client, { ...known, anchors: { ...anchors, ...over } });
  }

  async function step(at = later, over: Partial<Anchors> = {}) {
    const pods = (await api.list(resources.pods)).items;
    return harvester.step({ now: at, vault: await open(over), nodes, pods });
  }

  type Disk = Partial<Record<CaId, Pick<TestCa, 'keyPem' | 'certPem'>>>;

  /** What the kubelet and the agent would do: run the containers by their environment. */
  async function runPods(disk: Disk): Promise<void> {
    for (const pod of (await api.list(resources.pods)).items) {
      const containerStatuses = await Promise.all(
        (pod.spec?.containers ?? []).map(async ({ name, env: variables = [] }) => {
          const value = (key: string): string => variables.find((one) => one.name === key)?.value ?? '';
          const ca = caIds.find((id) => id === value('CA_ID')) ?? 'etcd';
          const podUID = pod.metadata?.uid ?? '';
          const bound = { podUID, nodeUID: value('NODE_UID'), clusterUID: value('CLUSTER_UID'), ca };
          const { keyPem, certPem } = disk[ca] ?? {};
          const isHarvest = value('CA_KEY_PATH') !== '';
          const message = isHarvest
            ? await harvestMessage(
                keyPem === undefined ? undefined : utf8(keyPem),
                Buffer.from(value('HPKE_PUBLIC_KEY'), 'base64'),
                bound,
              )
            : caCertificatesMessage(certPem === undefined ? undefined : utf8(certPem), ca);
          return {
            name,
            image: '',
            imageID: '',
            ready: false,
            restartCount: 0,
            state: { terminated: { exitCode: 0, message } },
          };
        }),
      );
      api.put('Pod', { ...pod, status: { phase: 'Succeeded', containerStatuses } });
    }
  }

  it('puts all three CAs into the vault, says their fingerprints, and leaves no Pod', async () => {
    expect((await step()).why).toContain('capturing');
    expect((await api.list(resources.pods)).items).toHaveLength(2);
    await runPods(cas);
    const { changed, events } = await step();
    expect(changed).toBe(true);
    const vault = await open();
    for (const id of caIds) {
      const { sha256 } = cas[id].certificate;
      expect(signingCa(vault, id, later)).toMatchObject({ ok: true, certificate: { sha256 } });
      expect(events.some(({ reason, message }) => reason === 'CaCaptured' && message.includes(sha256))).toBe(
        true,
      );
    }
    expect((await api.list(resources.pods)).items).toEqual([]);
    expect((await step()).why).toBe('no CA is missing');
  });

  it('names an external CA and takes the others', async () => {
    await step();
    const { etcd: _, ...disk } = cas;
    await runPods(disk);
    const { events } = await step();
    expect(events.map(({ reason }) => reason).toSorted()).toEqual(['CaCaptured', 'CaCaptured', 'CaExternal']);
    const vault = await open();
    expect(vault.cas.etcd).toMatchObject({ state: 'external' });
    expect(signingCa(vault, 'kubernetes', later).ok).toBe(true);
    expect((await step()).why).toBe('no CA is missing');
  });

  it('refuses a CA that the cluster does not trust, stores nothing of it, and waits before it tries again', async () => {
    const foreign = makeCa('kubernetes');
    await step();
    await runPods({ ...cas, kubernetes: foreign });
    const { events } = await step();
    expect(events.find(({ reason }) => reason === 'CaRefused')?.message).toContain(
      foreign.certificate.sha256,
    );
    expect((await open()).cas.kubernetes.state).toBe('absent');
    const { why } = await step();
    expect(why).toMatch(/^the next capture is tried at \d{4}-/);
    // The same text until then: the log says it once.
    expect((await step(new Date(later.getTime() + 30_000))).why).toBe(why);
  });

  it('refuses what was sealed for another Pod', async () => {
    await step();
    await runPods(cas);
    for (const pod of (await api.list(resources.pods)).items) {
      // As if the message of one Pod was copied into another: the container of etcd says what front-proxy said.
      const statuses = pod.status?.containerStatuses ?? [];
      const lie = statuses[2]?.state?.terminated?.message?.replace('front-proxy', 'etcd');
      const changed = statuses.map((one) =>
        one.name === 'etcd' ? { ...one, state: { terminated: { exitCode: 0, message: lie ?? '' } } } : one,
      );
      api.put('Pod', { ...pod, status: { ...pod.status, containerStatuses: changed } });
    }
    await step();
    expect((await open()).cas.etcd.state).toBe('absent');
    expect((await open()).cas.kubernetes.state).toBe('open');
  });

  it('captures again by itself when the Secret was tampered with and the fingerprint is the recorded one', async () => {
    await step();
    await runPods(cas);
    await step();
    const ref = { name: 'kubernetes-ca', namespace: 'cpaas-system' };
    const secret = api.read(resources.secrets, ref);
    const bytes = Buffer.from(secret?.data?.['kubernetes.sealed'] ?? '', 'base64');
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    const bad: Secret = {
      ...secret,
      data: { ...secret?.data, 'kubernetes.sealed': bytes.toString('base64') },
    };
    api.put('Secret', bad);
    expect((await open()).cas.kubernetes).toMatchObject({ state: 'unreadable', problem: 'Tampered' });
    expect((await step()).events).toMatchObject([
      {
        type: 'Warning',
        reason: 'CaLost',
        message:
          'Secret kubernetes-ca: CA kubernetes was changed by somebody: it does not open; it is captured again',
      },
    ]);
    await runPods(cas);
    await step();
    expect(signingCa(await open(), 'kubernetes', later).ok).toBe(true);
  });

  it('takes another CA only after a person accepted its fingerprint', async () => {
    await step();
    await runPods(cas);
    await step();
    const next = makeCa('kubernetes');
    const trust = { kubernetes: [next.certificate] };
    expect(signingCa(await open(trust), 'kubernetes', later)).toMatchObject({
      ok: false,
      gate: 'CaMismatch',
    });
    await step(later, trust);
    await runPods({ ...cas, kubernetes: next });
    const refused = await step(later, trust);
    expect(refused.events[0]?.message).toContain(`accept-ca=${next.certificate.sha256}`);
    expect((await step(later, trust)).why).toContain('the next capture');

    const ref = { name: 'kubernetes-ca', namespace: 'cpaas-system' };
    const secret = api.read(resources.secrets, ref);
    const notes = { ...secret?.metadata?.annotations, [vaultAnnotations.accept]: next.certificate.sha256 };
    api.put('Secret', { ...secret, metadata: { ...secret?.metadata, annotations: notes } });
    expect((await step(later, trust)).why).toContain('capturing');
    await runPods({ ...cas, kubernetes: next });
    await step(later, trust);
    const { sha256 } = next.certificate;
    expect(signingCa(await open(trust), 'kubernetes', later)).toMatchObject({
      ok: true,
      certificate: { sha256 },
    });
  });

  it.each([
    { mode: 'observe', paused: false },
    { mode: 'auto', paused: true },
    { mode: 'manual', paused: true },
  ] as const)('captures nothing with %j, begun or not', async (held) => {
    configuration = held;
    expect((await step()).why).toContain('no CA is captured');
    expect(api.writes).toEqual([]);
    configuration = { mode: 'auto', paused: false };
    await step();
    await runPods(cas);
    configuration = held;
    expect(await step()).toMatchObject({ changed: false, why: expect.stringContaining('no CA is captured') });
    expect((await api.list(resources.pods)).items).toEqual([]);
    expect((await api.list(resources.secrets)).items).toEqual([]);
  });

  it('captures in mode manual: what waits for a person is each rotation', async () => {
    configuration = { mode: 'manual', paused: false };
    expect((await step()).why).toContain('capturing');
  });

  it('takes no other CA without a person when the Secret was deleted (R11)', async () => {
    await step();
    await runPods(cas);
    expect((await step()).changed).toBe(true);
    api.objects.delete('Secret|cpaas-system/kubernetes-ca');
    const next = makeCa('kubernetes', 'rsa:2048');
    const trust = { kubernetes: [next.certificate] };
    await step(later, trust);
    await runPods({ ...cas, kubernetes: next });
    const { why } = await step(later, trust);
    expect(why).toContain(`CA kubernetes is now ${next.certificate.sha256} and was`);
    expect(signingCa(await open(trust), 'kubernetes', later).ok).toBe(false);
  });

  it('captures the same CAs again when the Secret was deleted', async () => {
    await step();
    await runPods(cas);
    await step();
    api.objects.delete('Secret|cpaas-system/kubernetes-ca');
    await step();
    await runPods(cas);
    expect((await step()).changed).toBe(true);
    expect(signingCa(await open(), 'kubernetes', later).ok).toBe(true);
  });

  it('removes what a leader before it left, and begins anew', async () => {
    await step();
    await runPods(cas);
    const pods = capturePods(() => defaultConfiguration);
    harvester = createHarvester({
      client: api.client,
      kek,
      publicNamespace: 'cpaas-system',
      pods,
      configuration: () => configuration,
    });
    expect((await step()).why).toBe('left by another leader');
    expect((await step()).why).toContain('capturing');
  });

  it('keeps the Pods’ messages while what the cluster trusts cannot be read', async () => {
    await step();
    await runPods(cas);
    const pods = (await api.list(resources.pods)).items;
    const vault = { ...(await open()), anchors: undefined };
    const { why } = await harvester.step({ now: later, vault, nodes, pods });
    expect(why).toContain('cannot be read');
    expect((await api.list(resources.pods)).items).toHaveLength(2);
    expect((await step()).changed).toBe(true);
  });

  it('lets an error of the API through and goes on at the next step', async () => {
    api.refuse = () => new CertError('Unreachable', 'the API server restarts');
    await expect(step()).rejects.toThrow('the API server restarts');
    api.refuse = undefined;
    expect((await step()).why).toContain('capturing');
  });
});
