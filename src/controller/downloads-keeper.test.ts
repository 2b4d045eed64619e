import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import { createLog } from '../log.ts';
import { DownloadsKeeper, readChecksums } from './downloads-keeper.ts';

const on = { download: { enabled: true } };
const off = { download: { enabled: false } };

/** An API server of a few objects, which writes down every call. */
function server(held: Record<string, object> = {}) {
  const web = { metadata: { name: 'cluster-cert-rotator-web', uid: 'web' } };
  const objects = new Map<string, object>(Object.entries({ 'cluster-cert-rotator-web': web, ...held }));
  const calls: string[] = [];
  let losing = false;
  const write = (verb: string) => async (_: unknown, object: { metadata: { name: string } }) => {
    calls.push(`${verb} ${object.metadata.name}`);
    if (losing) {
      losing = false;
      return { ok: false, why: 'conflict', message: '' };
    }
    const stored = { ...object, metadata: { ...object.metadata, uid: 'u1', resourceVersion: '1' } };
    objects.set(object.metadata.name, stored);
    return { ok: true, object: stored };
  };
  const answers: Record<string, unknown> = {
    get: async (_: unknown, { name }: { name: string }) => {
      calls.push(`get ${name}`);
      return objects.get(name);
    },
    create: write('create'),
    replace: write('replace'),
    delete: async (
      _: unknown,
      { name }: { name: string },
      { uid, resourceVersion }: { uid: string; resourceVersion: string },
    ) => {
      calls.push(`delete ${name} ${uid} ${resourceVersion}`);
      if (losing) {
        losing = false;
        return { ok: false, why: 'conflict', message: '' };
      }
      objects.delete(name);
      return { ok: true };
    },
  };
  const client: KubeClient = Object.assign(Object.create(null), answers);
  const keeper = new DownloadsKeeper({
    client,
    publicNamespace: 'cpaas-system',
    checksums: { amd64: 'aa  cert-renew\n' },
    log: createLog('silent'),
  });
  const lose = (): void => {
    losing = true;
  };
  return { keeper, said: () => calls.splice(0), lose };
}

const looks = ['get frontend', 'get cluster-cert-rotator-web', 'get cert-renew-checksums'];

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

describe('the downloads’ objects', () => {
  it('are made, and looked at twice a minute; nothing is written while they are as they should be', async () => {
    const { keeper, said } = server();
    expect(await keeper.keep(on)).toEqual([]);
    expect(said()).toEqual([...looks, 'create frontend', 'create cert-renew-checksums']);
    await keeper.keep(on);
    expect(said()).toEqual([]);
    vi.advanceTimersByTime(30_000);
    await keeper.keep(on);
    expect(said()).toEqual(looks);
  });

  it('go at once when they are switched off', async () => {
    const { keeper, said } = server();
    await keeper.keep(on);
    said();
    await keeper.keep(off);
    expect(said()).toEqual([...looks, 'delete frontend u1 1', 'replace cert-renew-checksums']);
  });

  it('that somebody took over since they were read are not deleted; they are looked at again at once', async () => {
    const { keeper, said, lose } = server();
    await keeper.keep(on);
    said();
    lose();
    await keeper.keep(off);
    expect(said()).toEqual([...looks, 'delete frontend u1 1']);
    await keeper.keep(off);
    expect(said()).toEqual([...looks, 'delete frontend u1 1', 'replace cert-renew-checksums']);
  });

  it('are looked at again at once when somebody else was faster, and nothing is said of them before', async () => {
    const { keeper, said, lose } = server();
    lose();
    await keeper.keep(on);
    expect(said()).toEqual([...looks, 'create frontend']);
    await keeper.keep(on);
    expect(said()).toEqual([...looks, 'create frontend', 'create cert-renew-checksums']);
  });

  it('of somebody else are told of with every pass, for the recorder to say once an hour', async () => {
    const { keeper, said } = server({ frontend: { metadata: { name: 'frontend', uid: 'theirs' } } });
    const [event] = await keeper.keep(on);
    expect(event?.reason).toBe('FrontendNotOurs');
    expect(await keeper.keep(on)).toEqual([event]);
    expect(said()).toEqual([...looks, 'create cert-renew-checksums']);
  });
});

describe('checksums that nobody can change', () => {
  const immutable = {
    metadata: { name: 'cert-renew-checksums', uid: 'old', resourceVersion: '7', annotations: { a: 'b' } },
    immutable: true,
    data: { amd64: 'wrong' },
  };

  it('are deleted as they were read, and made anew; that is told once', async () => {
    const { keeper, said } = server({ 'cert-renew-checksums': immutable });
    const [event, ...more] = await keeper.keep(on);
    expect(event).toMatchObject({
      about: { kind: 'ConfigMap', name: 'cert-renew-checksums', namespace: 'cpaas-system', uid: 'old' },
      reason: 'ChecksumsReplaced',
    });
    expect(more).toEqual([]);
    expect(said()).toEqual([
      ...looks,
      'create frontend',
      'delete cert-renew-checksums old 7',
      'create cert-renew-checksums',
    ]);
    vi.advanceTimersByTime(30_000);
    expect(await keeper.keep(on)).toEqual([]);
    expect(said()).toEqual(looks);
  });

  it('that somebody changed meanwhile are looked at again at once', async () => {
    const { keeper, said, lose } = server({ 'cert-renew-checksums': immutable });
    lose();
    expect(await keeper.keep(off)).toEqual([]);
    expect(said()).toEqual([...looks, 'delete cert-renew-checksums old 7']);
    expect(await keeper.keep(off)).toMatchObject([{ reason: 'ChecksumsReplaced' }]);
  });
});

describe('the checksums in the image', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'checksums-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('are read as they are, by architecture', () => {
    for (const name of ['arm64', 'amd64']) {
      mkdirSync(join(directory, name));
      writeFileSync(join(directory, name, 'SHA256SUMS'), `${name}\n`);
    }
    writeFileSync(join(directory, 'VERSION'), '1.2.3\n');
    expect(readChecksums(directory)).toEqual({ amd64: 'amd64\n', arm64: 'arm64\n', version: '1.2.3' });
  });

  it('are not known elsewhere', () => {
    expect(readChecksums(join(directory, 'nowhere'))).toBeUndefined();
  });

  it('that cannot be read are an error', () => {
    mkdirSync(join(directory, 'amd64'));
    expect(() => readChecksums(directory)).toThrow('the checksums of the downloads cannot be read');
  });
});
