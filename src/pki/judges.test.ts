// Every key type of a leaf under every key type of a CA: the successor is accepted by openssl (strict) and by Go, and
// holds, as a reader that is not ours sees it, what the old certificate held.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LeafAlgorithm, Question } from '../../test/judge/judge.ts';
import { Bench, leafAlgorithms, readText } from '../../test/judge/judge.ts';
import type { Certificate } from './certificate.ts';
import { issueFromIdentity, issueSuccessor, newSerial } from './issue.ts';
import { generateLike, keyFits, readPrivateKey, writePrivateKey } from './keys.ts';
import { parseCertificate } from './parse.ts';
import { pem, readPem } from './pem.ts';
import { validity } from './time.ts';

const bench = new Bench();
afterAll(() => bench.remove());

const leafExtensions = `
subjectAltName = IP:10.0.0.7,DNS:zeta,DNS:alpha,URI:spiffe://cluster/x,IP:fd00::7,email:a@b.example,dirName:dir
1.2.3.4.5 = DER:04:03:61:62:63
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = clientAuth,serverAuth,1.3.6.1.4.1.311.20.2.2
basicConstraints = critical,CA:FALSE
certificatePolicies = 1.2.3.4
authorityKeyIdentifier = keyid
subjectKeyIdentifier = hash
nsComment = old tools wrote such things
[dir]
CN = in the SAN
`;

function parsePem(text: string): Certificate {
  const [block] = readPem(text);
  if (block === undefined) throw new Error('no certificate in the fixture');
  return parseCertificate(block.der);
}

function makeCa(algorithm: LeafAlgorithm): string {
  bench.key(algorithm, 'ca');
  const file = `ca-${algorithm}.crt`;
  const options = `-key ${algorithm}-ca.key -out ${file} -days 3650 -utf8 -addext keyUsage=critical,keyCertSign,cRLSign`;
  bench.openssl(`req -x509 ${options} -subj`, `/C=DE/O=Örtlich/CN=kubernetes ${algorithm}`);
  return readText(bench.path(file));
}

/** An old certificate by the RSA-2048 CA: the CA's key must not matter to what a successor keeps. */
function makeOld(algorithm: LeafAlgorithm): string {
  bench.key(algorithm, 'leaf');
  bench.write('leaf.ext', leafExtensions);
  bench.openssl(
    `req -new -key ${algorithm}-leaf.key -out leaf.csr -utf8 -subj /O=system:nodes/O=second/CN=system:node:ünï`,
  );
  const file = `old-${algorithm}.crt`;
  const by = '-CA ca-RSA-2048.crt -CAkey RSA-2048-ca.key -days 30 -set_serial 0x00ff01';
  bench.openssl(`x509 -req -in leaf.csr ${by} -extfile leaf.ext -out ${file}`);
  return readText(bench.path(file));
}

const cas = new Map<LeafAlgorithm, string>();
const olds = new Map<LeafAlgorithm, string>();
beforeAll(() => {
  for (const algorithm of leafAlgorithms) cas.set(algorithm, makeCa(algorithm));
  for (const algorithm of leafAlgorithms) olds.set(algorithm, makeOld(algorithm));
}, 120_000);

const withoutKeyIds = (extensions: readonly string[] = []): string[] =>
  extensions.filter((extension) => !/^2\.5\.29\.(14|35) /.test(extension));
const typesOf = (extensions: readonly string[] = []): string[] =>
  extensions.map((text) => text.replace(/ .*/, ''));

const signatureNames: Readonly<Record<LeafAlgorithm, string>> = {
  'RSA-2048': 'SHA256-RSA',
  'RSA-3072': 'SHA256-RSA',
  'RSA-4096': 'SHA256-RSA',
  'P-256': 'ECDSA-SHA256',
  'P-384': 'ECDSA-SHA384',
  'P-521': 'ECDSA-SHA512',
};

describe.each(leafAlgorithms)('under a CA with a key of type %s', (caAlgorithm) => {
  function succeed(leafAlgorithm: LeafAlgorithm): { old: Certificate; successor: Certificate; key: string } {
    const ca = parsePem(cas.get(caAlgorithm) ?? '');
    const old = parsePem(olds.get(leafAlgorithm) ?? '');
    // The matrix is about signing; a second fixed key of the same type spares an RSA generation per case.
    const key = bench.key(leafAlgorithm, 'new');
    const successor = issueSuccessor({
      old,
      ca,
      caKey: readPrivateKey(bench.key(caAlgorithm, 'ca')).key,
      spki: readPrivateKey(key).spki,
      serial: newSerial(),
      ...validity({ now: new Date(), lifetimeMs: 91 * 86_400_000, backdateMs: 300_000, ca }),
    });
    return { old, successor, key };
  }

  it('openssl with -x509_strict and Go accept every successor, with its key, for server and client', () => {
    const questions: Question[] = [];
    for (const leafAlgorithm of leafAlgorithms) {
      const { successor, key } = succeed(leafAlgorithm);
      const certificate = pem('CERTIFICATE', successor.der);
      bench.write(`new-${leafAlgorithm}.crt`, certificate);
      const ca = cas.get(caAlgorithm) ?? '';
      questions.push({ certificate, ca, key, usage: 'server', name: 'alpha' });
      questions.push({ certificate, ca, key, usage: 'client', name: 'fd00::7' });
    }
    const files = leafAlgorithms.map((leafAlgorithm) => `new-${leafAlgorithm}.crt`);
    const verified = bench.openssl(`verify -x509_strict -CAfile ca-${caAlgorithm}.crt`, ...files);
    expect(verified.match(/: OK/g)).toHaveLength(files.length);
    for (const verdict of bench.judge(questions)) {
      expect(verdict).toMatchObject({ ok: true, signedWith: signatureNames[caAlgorithm] });
    }
  });

  it.each(leafAlgorithms)(
    'the successor of a %s leaf keeps identity, extensions and key type',
    (leafAlgorithm) => {
      const { old, successor } = succeed(leafAlgorithm);
      const ca = cas.get(caAlgorithm) ?? '';
      const [before, after, authority] = bench.judge(
        [olds.get(leafAlgorithm) ?? '', pem('CERTIFICATE', successor.der), ca].map((certificate) => ({
          certificate,
          ca,
        })),
      );
      expect(after?.rawSubject).toBe(before?.rawSubject);
      expect(typesOf(after?.extensions)).toHaveLength(9);
      expect(typesOf(after?.extensions)).toEqual(typesOf(before?.extensions));
      expect(withoutKeyIds(after?.extensions)).toEqual(withoutKeyIds(before?.extensions));
      expect(after?.rawIssuer).toBe(authority?.rawSubject);
      expect(after?.serial).toBe(successor.serial);
      expect(before?.serial).toBe(old.serial);
      expect(successor.serial).not.toBe(old.serial);
      expect(successor.keyAlgorithm).toBe(leafAlgorithm);
      expect(successor.authorityKeyId).toEqual(parsePem(ca).subjectKeyId);
      expect(successor.subjectKeyId).not.toEqual(old.subjectKeyId);
    },
  );
});

it('a first kubelet.crt, which has no predecessor (R3), is accepted by openssl -x509_strict and by Go', () => {
  const ca = cas.get('P-256') ?? '';
  const caKey = readPrivateKey(bench.key('P-256', 'ca')).key;
  for (const keyAlgorithm of ['RSA-2048', 'P-384'] as const) {
    const pair = generateLike({ keyAlgorithm });
    const identity = {
      commonName: 'system:node:n1',
      organizations: ['system:nodes'],
      sans: [
        { kind: 'dns', value: 'n1' },
        { kind: 'ip', value: '10.0.0.1' },
        { kind: 'ip', value: 'fd00::1' },
      ],
      extendedKeyUsages: ['serverAuth'],
    } as const;
    const times = validity({ now: new Date(), lifetimeMs: 86_400_000, backdateMs: 60_000, ca: parsePem(ca) });
    const first = issueFromIdentity({
      ca: parsePem(ca),
      caKey,
      spki: pair.spki,
      serial: newSerial(),
      ...times,
      identity,
    });
    const certificate = pem('CERTIFICATE', first.der);
    bench.write('first.crt', certificate);
    bench.openssl('verify -x509_strict -purpose sslserver -CAfile ca-P-256.crt first.crt');
    const key = writePrivateKey(pair.key, { form: 'pkcs8', ecParameters: false });
    const [asServer, asClient] = bench.judge([
      { certificate, ca, key, usage: 'server', name: 'fd00::1' },
      { certificate, ca, key, usage: 'client' },
    ]);
    expect(asServer).toMatchObject({
      ok: true,
      subject: 'CN=system:node:n1,O=system:nodes',
      dnsNames: ['n1'],
      ipAddresses: ['10.0.0.1', 'fd00::1'],
    });
    expect(asClient?.ok).toBe(false);
    expect(keyFits(first, pair.key)).toBe(true);
  }
});
