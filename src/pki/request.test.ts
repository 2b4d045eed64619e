import { afterAll, describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { Bench } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import { generateLike } from './keys.ts';
import { pem } from './pem.ts';
import { makeRequest, parseRequest, renewalBytes, signRenewal, verifyRenewal } from './request.ts';

const bench = new Bench();
afterAll(() => bench.remove());

describe('requests', () => {
  it.each(['RSA-2048', 'P-256', 'P-384', 'P-521', 'Ed25519'] as const)(
    'openssl accepts the request of a %s key',
    (keyAlgorithm) => {
      const pair = generateLike({ keyAlgorithm });
      const der = makeRequest(pair, 'apiserver.crt');
      bench.write('r.csr', pem('CERTIFICATE REQUEST', der));
      expect(bench.openssl('req -in r.csr -verify -noout -subject')).toContain('CN = apiserver.crt');
      expect(parseRequest(der)).toMatchObject({ keyAlgorithm, subject: { commonName: 'apiserver.crt' } });
      expect(Buffer.from(parseRequest(der).spki)).toEqual(Buffer.from(pair.spki));
    },
  );

  it('a request for a key that somebody else has is refused', () => {
    const mine = generateLike({ keyAlgorithm: 'P-256' });
    const theirs = generateLike({ keyAlgorithm: 'P-256' });
    const forged = makeRequest({ key: mine.key, spki: theirs.spki }, 'x');
    expect(() => parseRequest(forged)).toThrow(expect.objectContaining({ code: 'SigningRefused' }));
  });

  it('no changed request is accepted, and none makes anything but CertError', () => {
    const der = makeRequest(generateLike({ keyAlgorithm: 'P-256' }), 'x');
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const copy = Uint8Array.from(der);
        copy[at] = (copy[at] ?? 0) ^ flip;
        expect(() => parseRequest(copy)).toThrow(CertError);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('proof by the old key', () => {
  it.each(['RSA-2048', 'P-256', 'P-521', 'Ed25519'] as const)(
    '%s: fits this rotation, certificate and new key alone',
    (keyAlgorithm) => {
      const old = generateLike({ keyAlgorithm });
      const { spki } = generateLike({ keyAlgorithm: 'P-256' });
      const other = generateLike({ keyAlgorithm: 'P-256' });
      const bytes = renewalBytes('uid-1', 'kubelet.crt', spki);
      const signature = signRenewal(old.key, bytes);
      expect(verifyRenewal(old, bytes, signature)).toBe(true);
      expect(verifyRenewal(old, renewalBytes('uid-2', 'kubelet.crt', spki), signature)).toBe(false);
      expect(verifyRenewal(old, renewalBytes('uid-1', 'apiserver.crt', spki), signature)).toBe(false);
      expect(verifyRenewal(old, renewalBytes('uid-1', 'kubelet.crt', other.spki), signature)).toBe(false);
      expect(verifyRenewal(other, bytes, signature)).toBe(false);
      expect(verifyRenewal(old, bytes, new Uint8Array())).toBe(false);
    },
  );

  it('openssl verifies it over exactly the documented bytes', () => {
    const old = generateLike({ keyAlgorithm: 'P-256' });
    const { spki } = generateLike({ keyAlgorithm: 'P-256' });
    bench.write('old.pub', pem('PUBLIC KEY', old.spki));
    bench.write('bytes', Buffer.concat([Buffer.from('renews-v1\nuid-1\nadmin.conf\n'), spki]));
    bench.write('sig', signRenewal(old.key, renewalBytes('uid-1', 'admin.conf', spki)));
    expect(bench.openssl('dgst -sha256 -verify old.pub -signature sig bytes')).toContain('Verified OK');
  });

  it('a line break cannot shift the parts', () => {
    expect(() => renewalBytes('a\nb', 'c', new Uint8Array())).toThrow(CertError);
  });
});
