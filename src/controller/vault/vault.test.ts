import { createSecretKey, randomBytes } from 'node:crypto';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { caIds, type CaId } from '../../catalogue/ids.ts';
import { resources } from '../../kube/resources.ts';
import { accept } from './accept.ts';
import type { Anchors } from './anchors.ts';
import { kekId } from './envelope.ts';
import { kekSecretName, openKek } from './kek.ts';
import { secretWith, writeSecret } from './store.ts';
import { makeCa, makeLeaf, MemoryApi, type TestCa } from './testing.ts';
import {
  missingCas,
  openSecret,
  openVault,
  signingCa,
  vaultAnnotations,
  vaultStatus,
  type Vault,
} from './vault.ts';

const cas: Record<CaId, TestCa> = {
  kubernetes: makeCa('kubernetes', 'rsa:2048'),
  etcd: makeCa('etcd-ca'),
  'front-proxy': makeCa('front-proxy-ca'),
};
const foreign = makeCa('kubernetes');
const now = new Date();

function makeKek() {
  const key = createSecretKey(randomBytes(32));
  return { key, id: kekId(key) };
}
const kek = makeKek();
const known = { kek, clusterUID: 'cluster-1', publicNamespace: 'cpaas-system' };

function etcdLeaf(ca: TestCa) {
  return makeLeaf(ca, { commonName: 'cp', extendedKeyUsages: ['serverAuth', 'clientAuth'] }).certificate;
}

const anchors: Anchors = {
  kubernetes: [cas.kubernetes.certificate],
  frontProxy: [cas['front-proxy'].certificate],
  etcd: [
    { node: 'cp1', leaf: etcdLeaf(cas.etcd) },
    { node: 'cp2', leaf: etcdLeaf(cas.etcd) },
    { node: 'cp3', leaf: undefined, problem: 'refused' },
  ],
};

function captured(ids: readonly CaId[] = caIds) {
  return ids.map((id) => ({ id, certificate: cas[id].certificate, key: cas[id].key, source: 'node cp1' }));
}

function vaultOf(secret: Secret | undefined, over: Partial<Vault> = {}): Vault {
  return {
    clusterUID: 'cluster-1',
    publicNamespace: known.publicNamespace,
    secret,
    cas: openSecret(secret, kek, 'cluster-1'),
    recorded: {},
    anchors,
    ...over,
  };
}

describe('vault', () => {
  const secret = secretWith(undefined, captured(), known);

  it('opens what it stored, after the Secret went through the API', async () => {
    const api = new MemoryApi();
    expect((await writeSecret(api.client, secret)).ok).toBe(true);
    const vault = await openVault(api.client, { ...known, anchors });
    for (const id of caIds) {
      const ca = signingCa(vault, id, now);
      expect(ca.ok && ca.certificate.sha256).toBe(cas[id].certificate.sha256);
      expect(ca.ok && ca.key.equals(cas[id].key)).toBe(true);
    }
    expect(vaultStatus(vault, now).problem).toBeUndefined();
    expect(missingCas(vault, now).size).toBe(0);
    expect(vaultStatus(vault, now).cas.etcd?.sha256).toBe(cas.etcd.certificate.sha256);
  });

  it('has no key in clear anywhere in the Secret', () => {
    const text = Object.values(secret.data ?? {}).map((value) =>
      Buffer.from(value, 'base64').toString('latin1'),
    );
    for (const id of caIds) {
      const der = cas[id].key.export({ type: 'pkcs8', format: 'der' });
      // The middle of the key, which every form of it holds.
      const middle = der.subarray(der.length / 2, der.length / 2 + 16).toString('latin1');
      expect(text.join('').includes(middle)).toBe(false);
    }
    expect(JSON.stringify(secret)).not.toContain('PRIVATE KEY');
  });

  it('says Tampered for every flipped byte of ciphertext and certificate, and signs nothing', () => {
    for (const field of ['etcd.sealed', 'etcd.crt']) {
      const bytes = Buffer.from(secret.data?.[field] ?? '', 'base64');
      for (let at = 0; at < bytes.length; at += field === 'etcd.crt' ? 7 : 1) {
        const flipped = Buffer.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ 1;
        const bad: Secret = { ...secret, data: { ...secret.data, [field]: flipped.toString('base64') } };
        const vault = vaultOf(bad);
        // A changed line break of the PEM text is still the same certificate; every other change shows.
        const same =
          vault.cas.etcd.state === 'open' &&
          vault.cas.etcd.certificate.sha256 === cas.etcd.certificate.sha256;
        expect(
          vault.cas.etcd.state === 'unreadable' || (field === 'etcd.crt' && same),
          `${field} ${at}`,
        ).toBe(true);
        expect(vault.cas.kubernetes.state).toBe('open');
      }
    }
  });

  it('says OtherCluster for a Secret that was restored from another cluster', () => {
    const other = secretWith(undefined, captured(), { ...known, clusterUID: 'cluster-2' });
    expect(vaultOf(other).cas.kubernetes).toMatchObject({ state: 'unreadable', problem: 'OtherCluster' });
    // Whoever renames the cluster in it gains nothing.
    const annotations = { ...other.metadata?.annotations, [vaultAnnotations.clusterUID]: 'cluster-1' };
    const renamed = { ...other, metadata: { ...other.metadata, annotations } };
    expect(vaultOf(renamed).cas.kubernetes).toMatchObject({ state: 'unreadable', problem: 'Tampered' });
  });

  it('shuts CaMismatch when what it cannot open records a CA that the cluster does not trust', () => {
    const data = { ...secret.data, 'kubernetes.sealed': 'AAAA' };
    const record = (sha256: string): Vault => {
      const annotations = {
        ...secret.metadata?.annotations,
        [vaultAnnotations.fingerprint('kubernetes')]: sha256,
      };
      return vaultOf({ ...secret, metadata: { ...secret.metadata, annotations }, data });
    };
    const other = signingCa(record(foreign.certificate.sha256), 'kubernetes', now);
    expect(other).toMatchObject({ ok: false, gate: 'CaMismatch' });
    expect(other).toHaveProperty(
      'message',
      expect.stringContaining(`accept-ca=${cas.kubernetes.certificate.sha256}`),
    );
    expect(vaultStatus(record(foreign.certificate.sha256), now).problem?.gate).toBe('CaMismatch');
    const same = signingCa(record(cas.kubernetes.certificate.sha256), 'kubernetes', now);
    expect(same).toMatchObject({ ok: false, gate: 'CaUnavailable' });
  });

  it('says KekLost after the key-encryption key was lost, and wants the CAs again', () => {
    const cas = openSecret(secret, makeKek(), 'cluster-1');
    expect(cas.kubernetes).toMatchObject({ state: 'unreadable', problem: 'KekLost' });
    expect([...missingCas(vaultOf(secret, { cas }), now).keys()]).toEqual([...caIds]);
  });

  it('does not open a CA’s ciphertext in the place of another', () => {
    const data = { ...secret.data, 'etcd.sealed': secret.data?.['kubernetes.sealed'] ?? '' };
    expect(vaultOf({ ...secret, data }).cas.etcd).toMatchObject({ state: 'unreadable' });
  });

  it('stops everything when the cluster trusts another CA now', () => {
    const vault = vaultOf(secret, { anchors: { ...anchors, kubernetes: [foreign.certificate] } });
    expect(signingCa(vault, 'kubernetes', now)).toMatchObject({ ok: false, gate: 'CaMismatch' });
    expect(vaultStatus(vault, now).problem?.gate).toBe('CaMismatch');
    expect([...missingCas(vault, now).keys()]).toEqual(['kubernetes']);
    expect(signingCa(vault, 'etcd', now).ok).toBe(true);
  });

  it('goes on while the root bundle holds the old and the new CA', () => {
    const both = { ...anchors, kubernetes: [foreign.certificate, cas.kubernetes.certificate] };
    expect(signingCa(vaultOf(secret, { anchors: both }), 'kubernetes', now).ok).toBe(true);
  });

  it('signs nothing while what the cluster trusts cannot be read', () => {
    const vault = vaultOf(secret, { anchors: undefined });
    expect(signingCa(vault, 'kubernetes', now)).toMatchObject({ ok: false, gate: 'CaUnavailable' });
    expect(missingCas(vault, now).size).toBe(0);
  });

  it('signs nothing with a CA that has ended', () => {
    const end = new Date(cas.etcd.certificate.notAfter.getTime());
    expect(signingCa(vaultOf(secret), 'etcd', end)).toMatchObject({ ok: false, gate: 'CaUnavailable' });
  });

  it('names an external CA, signs nothing for it, and goes on with the others', () => {
    const external = secretWith(
      secretWith(undefined, captured(['kubernetes', 'front-proxy']), known),
      [{ id: 'etcd', external: 'its key is on no control plane' }],
      known,
    );
    const vault = vaultOf(external);
    expect(signingCa(vault, 'etcd', now)).toMatchObject({ ok: false, gate: 'CaUnavailable' });
    const status = vaultStatus(vault, now);
    expect(status.problem).toBeUndefined();
    expect(status.unavailable?.etcd?.message).toContain('its key is on no control plane');
    expect(missingCas(vault, now).size).toBe(0);
  });

  it('is captured again on demand, also what is external', () => {
    const metadata = { ...secret.metadata, annotations: { [vaultAnnotations.harvest]: 'now' } };
    expect([...missingCas(vaultOf({ ...secret, metadata }), now).keys()]).toEqual([...caIds]);
  });
});

const { publicNamespace } = known;
const never = { recorded: undefined, accepted: [], publicNamespace };
const candidate = (id: CaId, ca = cas[id]) => ({ id, certificates: [ca.certificate], key: ca.key });
const acceptEtcd = (etcd: Anchors['etcd']) => accept(candidate('etcd'), { ...anchors, etcd }, never, now);

describe('accept (R11)', () => {
  it.each(caIds)('takes CA %s when the cluster trusts it', (id) => {
    expect(accept(candidate(id), anchors, never, now)).toMatchObject({ ok: true });
  });
  it('takes the certificate that fits the key out of a bundle', () => {
    const bundle = {
      ...candidate('kubernetes'),
      certificates: [foreign.certificate, cas.kubernetes.certificate],
    };
    expect(accept(bundle, anchors, never, now)).toMatchObject({
      ok: true,
      certificate: cas.kubernetes.certificate,
    });
  });
  it.each(caIds)('refuses another cluster’s CA as CA %s', (id) => {
    expect(accept(candidate(id, foreign), anchors, never, now)).toMatchObject({
      ok: false,
      reason: 'NotTrusted',
    });
  });
  it('refuses a key that does not belong to the certificate', () => {
    const wrong = { ...candidate('kubernetes'), key: foreign.key };
    expect(accept(wrong, anchors, never, now)).toMatchObject({ ok: false, reason: 'KeyMismatch' });
  });
  it('refuses a leaf as CA', () => {
    const leaf = makeLeaf(cas.etcd, { commonName: 'x' });
    const wrong = { id: 'kubernetes' as const, certificates: [leaf.certificate], key: leaf.pair.key };
    expect(accept(wrong, anchors, never, now)).toMatchObject({ ok: false, reason: 'UnusableCa' });
  });
  it('refuses a CA that has ended', () => {
    const after = cas.kubernetes.certificate.notAfter;
    expect(accept(candidate('kubernetes'), anchors, never, after)).toMatchObject({
      ok: false,
      reason: 'CaExpired',
    });
  });
  it('refuses an etcd CA that one etcd does not serve', () => {
    const mixed = { ...anchors, etcd: [...anchors.etcd, { node: 'cp4', leaf: etcdLeaf(foreign) }] };
    const verdict = accept(candidate('etcd'), mixed, never, now);
    expect(verdict).toMatchObject({ ok: false, reason: 'NotTrusted' });
    expect(verdict.ok ? '' : verdict.message).toContain('cp4');
  });
  it('wants two etcd that show it where there are two control planes, and one where there is one', () => {
    const one = { node: 'cp1', leaf: etcdLeaf(cas.etcd) };
    const silent = { node: 'cp2', leaf: undefined, problem: 'refused' };
    expect(acceptEtcd([one])).toMatchObject({ ok: true });
    expect(acceptEtcd([one, silent])).toMatchObject({ ok: false, reason: 'NotComparable' });
    expect(acceptEtcd([])).toMatchObject({ ok: false, reason: 'NotComparable' });
  });
  it('takes another CA than the recorded one only when a person named its fingerprint', () => {
    const { sha256 } = cas.kubernetes.certificate;
    const recorded = foreign.certificate.sha256;
    const of = (accepted: readonly string[]) =>
      accept(candidate('kubernetes'), anchors, { recorded, accepted, publicNamespace }, now);
    expect(of([])).toMatchObject({
      ok: false,
      reason: 'DifferentCa',
      message: expect.stringContaining(`kubectl -n cpaas-system annotate secret kubernetes-ca `),
    });
    expect(of([recorded])).toMatchObject({ ok: false, reason: 'DifferentCa' });
    expect(of([sha256])).toMatchObject({ ok: true });
  });
  it('takes the recorded one again by itself', () => {
    const recorded = cas.kubernetes.certificate.sha256;
    expect(
      accept(candidate('kubernetes'), anchors, { recorded, accepted: [], publicNamespace }, now),
    ).toMatchObject({
      ok: true,
    });
  });
});

describe('openKek', () => {
  const ref = { name: kekSecretName, namespace: 'cluster-cert-rotator' };

  it('makes a key once and finds it again', async () => {
    const api = new MemoryApi();
    const first = await openKek(api.client);
    const second = await openKek(api.client);
    expect(second.id).toBe(first.id);
    expect(second.key.equals(first.key)).toBe(true);
    expect(api.writes).toHaveLength(1);
  });

  it('takes the key of the replica that was faster', async () => {
    const api = new MemoryApi();
    const other = new MemoryApi();
    const theirs = await openKek(other.client);
    let asked = 0;
    const client = {
      ...api.client,
      get: async <T>(...args: Parameters<typeof api.client.get<T>>) => {
        asked += 1;
        if (asked === 1) {
          api.put('Secret', other.read(resources.secrets, ref) ?? {});
          return undefined;
        }
        return api.client.get<T>(...args);
      },
    };
    expect((await openKek(client)).id).toBe(theirs.id);
  });

  it.each([
    ['too short', 'AAAA'],
    ['empty', ''],
  ])('never overwrites a Secret whose key is %s, and says what to do', async (_what, key) => {
    const api = new MemoryApi();
    api.put('Secret', { metadata: ref, data: { key } });
    await expect(openKek(api.client)).rejects.toThrow(/restore it from a backup/u);
    expect(api.writes).toEqual([]);
  });

  it('says which file is missing', async () => {
    await expect(openKek(new MemoryApi().client, '/nowhere/kek')).rejects.toMatchObject({ code: 'NotFound' });
  });
});
