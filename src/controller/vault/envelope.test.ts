import { createSecretKey, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kekId, openEnvelope, sealEnvelope, type Binding } from './envelope.ts';

function makeKek() {
  const key = createSecretKey(randomBytes(32));
  return { key, id: kekId(key) };
}

const kek = makeKek();
const binding: Binding = { clusterUID: 'c1', ca: 'etcd', sha256: 'ab'.repeat(32) };
const secret = Buffer.from('the private key');

describe('envelope', () => {
  it('gives back what was sealed, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        const opened = openEnvelope(kek, binding, sealEnvelope(kek, binding, bytes));
        expect(opened).toEqual({ ok: true, plaintext: Buffer.from(bytes) });
      }),
    );
  });

  it('does not open when any single bit of any byte is flipped', () => {
    const sealed = sealEnvelope(kek, binding, secret);
    for (let at = 0; at < sealed.length; at += 1) {
      for (const bit of [1, 128]) {
        const flipped = Buffer.from(sealed);
        flipped[at] = (flipped[at] ?? 0) ^ bit;
        expect(openEnvelope(kek, binding, flipped).ok, `byte ${at}`).toBe(false);
      }
    }
  });

  it('does not open when it is cut anywhere, or longer', () => {
    const sealed = sealEnvelope(kek, binding, secret);
    for (let length = 0; length < sealed.length; length += 1) {
      expect(openEnvelope(kek, binding, sealed.subarray(0, length)).ok).toBe(false);
    }
    expect(openEnvelope(kek, binding, Buffer.concat([sealed, Buffer.of(0)])).ok).toBe(false);
  });

  it.each<[string, Partial<Binding>]>([
    ['cluster', { clusterUID: 'c2' }],
    ['CA', { ca: 'kubernetes' }],
    ['fingerprint', { sha256: 'cd'.repeat(32) }],
  ])('does not open for another %s', (_what, other) => {
    const opened = openEnvelope(kek, { ...binding, ...other }, sealEnvelope(kek, binding, secret));
    expect(opened).toEqual({ ok: false, problem: 'Tampered' });
  });

  it('says that the key-encryption key is lost when it was sealed by another one', () => {
    const opened = openEnvelope(makeKek(), binding, sealEnvelope(kek, binding, secret));
    expect(opened).toEqual({ ok: false, problem: 'KekLost' });
  });

  it('never has the same bytes twice, and never the plaintext', () => {
    const once = sealEnvelope(kek, binding, secret);
    expect(once.equals(sealEnvelope(kek, binding, secret))).toBe(false);
    expect(once.includes(secret)).toBe(false);
  });

  it('refuses a binding with a line break in it', () => {
    expect(() => sealEnvelope(kek, { ...binding, clusterUID: 'a\nb' }, secret)).toThrow(/line break/u);
  });
});
