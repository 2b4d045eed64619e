import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import { generateLike, keyFits, readPrivateKey, writePrivateKey } from './keys.ts';
import { pem, readPem } from './pem.ts';

const bench = new Bench();
afterAll(() => bench.remove());

const code = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CertError ? error.code : `foreign error: ${String(error)}`;
  }
};

const caught = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return inspect(error, { depth: 9 });
  }
};

describe('the forms that openssl writes are read, and written back byte for byte', () => {
  it.each([
    ['PKCS#1', 'pkcs1', 'RSA-2048', 'genrsa -traditional 2048'],
    ['PKCS#8 RSA', 'pkcs8', 'RSA-2048', 'genrsa 2048'],
    ['SEC1 with EC PARAMETERS, P-256', 'sec1', 'P-256', 'ecparam -genkey -name prime256v1'],
    ['SEC1 with EC PARAMETERS, P-384', 'sec1', 'P-384', 'ecparam -genkey -name secp384r1'],
    ['SEC1 with EC PARAMETERS, P-521', 'sec1', 'P-521', 'ecparam -genkey -name secp521r1'],
    ['SEC1 alone', 'sec1', 'P-256', 'ecparam -genkey -name prime256v1 -noout'],
    ['PKCS#8 P-384', 'pkcs8', 'P-384', 'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp384r1'],
    ['PKCS#8 Ed25519', 'pkcs8', 'Ed25519', 'genpkey -algorithm ed25519'],
  ] as const)('%s', (_, form, algorithm, command) => {
    const text = bench.openssl(command);
    const read = readPrivateKey(text);
    expect(read).toMatchObject({ form, algorithm, ecParameters: text.includes('EC PARAMETERS') });
    expect(writePrivateKey(read.key, read)).toBe(text);
  });
});

describe('what cannot be used is refused by name', () => {
  const rsa = bench.key('RSA-2048');
  bench.write('plain.key', rsa);
  const encryptedPkcs8 = bench.openssl('pkcs8 -topk8 -in plain.key -passout pass:secret');
  const encryptedPkcs1 = bench.openssl('rsa -traditional -aes128 -passout pass:secret -in plain.key');
  const explicit = '-pkeyopt ec_paramgen_curve:prime256v1 -pkeyopt ec_param_enc:explicit';
  it.each([
    ['an encrypted PKCS#8 key', 'KeyEncrypted', encryptedPkcs8],
    ['an encrypted PKCS#1 key (Proc-Type)', 'KeyEncrypted', encryptedPkcs1],
    ['no key at all', 'MalformedPem', 'nothing here\n'],
    ['two keys', 'Unsupported', rsa + rsa],
    [
      'a curve that Kubernetes does not know',
      'Unsupported',
      bench.openssl('ecparam -genkey -name secp256k1'),
    ],
    ['a curve spelled out', 'Unsupported', bench.openssl(`genpkey -algorithm EC ${explicit}`)],
    ['an Ed448 key', 'Unsupported', bench.openssl('genpkey -algorithm ed448')],
    ['a key of another type than its label says', 'MalformedDer', rsa.replaceAll('PRIVATE', 'EC PRIVATE')],
    ['a block that is no key', 'MalformedDer', pem('PRIVATE KEY', Uint8Array.of(0x30, 0))],
    ['an OpenSSH key', 'Unsupported', pem('OPENSSH PRIVATE KEY', Uint8Array.of(1, 2, 3))],
  ])('%s: %s', (_, expected, text) => {
    expect(code(() => readPrivateKey(text))).toBe(expected);
  });

  it('an error about a key holds nothing of the key', () => {
    const [block] = readPem(rsa);
    const der = Uint8Array.from(block?.der ?? []);
    // Inside the algorithm's identifier: still DER, no longer a key that the library knows.
    der[14] = 0x7f;
    const broken = pem('PRIVATE KEY', der);
    const base64 = broken.split('\n')[3] ?? 'missing';
    const inspected = caught(() => readPrivateKey(broken));
    expect(inspected).toContain('is no such key');
    expect(inspected).not.toContain(base64);
  });
});

describe('a new key is like the old one', () => {
  it.each(['RSA-2048', 'RSA-3072', 'P-256', 'P-384', 'P-521', 'Ed25519'] as const)('%s', (keyAlgorithm) => {
    const pair = generateLike({ keyAlgorithm });
    const text = writePrivateKey(pair.key, { form: 'pkcs8', ecParameters: false });
    expect(readPrivateKey(text).algorithm).toBe(keyAlgorithm);
    expect(keyFits(pair, pair.key)).toBe(true);
    expect(keyFits(generateLike({ keyAlgorithm: 'P-256' }), pair.key)).toBe(false);
  });

  it.each(['RSA-1024', 'RSA-8192', 'unsupported:1.2.3'] as const)('%s is not made', (keyAlgorithm) => {
    expect(code(() => generateLike({ keyAlgorithm }))).toBe('Unsupported');
  });

  it('a form that cannot hold the key is refused', () => {
    const { key } = generateLike({ keyAlgorithm: 'P-256' });
    expect(code(() => writePrivateKey(key, { form: 'pkcs1', ecParameters: false }))).toBe('Unsupported');
  });
});

it('no input makes readPrivateKey throw anything but CertError', () => {
  const seeds = [bench.key('RSA-2048'), bench.openssl('ecparam -genkey -name prime256v1')].map(
    (text) => readPem(text).at(-1)?.der ?? new Uint8Array(),
  );
  const label = fc.constantFrom('PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY');
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(1200), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    )
    .map(([seed, edits]) => {
      const copy = Uint8Array.from(seed);
      for (const [at, octet] of edits) copy[at % copy.length] = octet;
      return copy;
    });
  fc.assert(
    fc.property(label, fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (name, der) => {
      expect(code(() => readPrivateKey(pem(name, der)))).not.toMatch(/^foreign/);
    }),
    { numRuns: 300 },
  );
  fc.assert(fc.property(fc.string(), (text) => !code(() => readPrivateKey(text)).startsWith('foreign')));
});
