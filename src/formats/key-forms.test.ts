// A new key in the file of the old one, in every form and of every type: openssl and Go read it, the form stays.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { generateLike, readPrivateKey } from '../pki/keys.ts';
import { replaceKey } from './pem.ts';

const bench = new Bench();
afterAll(() => bench.remove());

const forms = [
  ...['2048', '3072', '4096'].flatMap((bits) => [
    { form: `PKCS#1 RSA-${bits}`, command: `genrsa -traditional ${bits}`, labels: ['RSA PRIVATE KEY'] },
    { form: `PKCS#8 RSA-${bits}`, command: `genrsa ${bits}`, labels: ['PRIVATE KEY'] },
  ]),
  ...['prime256v1', 'secp384r1', 'secp521r1'].flatMap((curve) => [
    {
      form: `SEC1 ${curve} with its parameters`,
      command: `ecparam -genkey -name ${curve}`,
      labels: ['EC PARAMETERS', 'EC PRIVATE KEY'],
    },
    { form: `SEC1 ${curve}`, command: `ecparam -genkey -noout -name ${curve}`, labels: ['EC PRIVATE KEY'] },
    {
      form: `PKCS#8 ${curve}`,
      command: `genpkey -algorithm EC -pkeyopt ec_paramgen_curve:${curve}`,
      labels: ['PRIVATE KEY'],
    },
  ]),
];

describe('a file whose key is replaced', { timeout: 120_000 }, () => {
  it.each(forms)('$form', ({ command, labels }) => {
    const old = bench.openssl(command);
    const { algorithm } = readPrivateKey(old);
    const { key } = generateLike({ keyAlgorithm: algorithm });
    const replaced = Buffer.from(replaceKey(new Uint8Array(Buffer.from(`kept\n${old}`)), key)).toString();
    expect([...replaced.matchAll(/BEGIN (.*?)-----/g)].map(([, label]) => label)).toEqual(labels);
    expect(replaced.startsWith('kept\n')).toBe(true);

    const file = bench.write('new.key', replaced);
    expect(bench.openssl('pkey -check -noout -in new.key')).toContain('Key is valid');
    bench.openssl('req -x509 -key new.key -subj /CN=x -out new.crt');
    const certificate = readFileSync(bench.path('new.crt'), 'utf8');
    expect(new X509Certificate(certificate).checkPrivateKey(key)).toBe(true);
    const [verdict] = bench.judge([{ certificate, ca: certificate, key: readFileSync(file, 'utf8') }]);
    expect(verdict).toMatchObject({ ok: true });
  });
});
