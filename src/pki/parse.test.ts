import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Bench, readText } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import { addressOctets, addressText } from './address.ts';
import { context, oid, readDer, sequence, unsignedInteger } from './der.ts';
import { parseCertificate } from './parse.ts';
import { readPem } from './pem.ts';
import { checkCa, isSignedBy } from './verify.ts';

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

function selfSigned(subject: string, ...more: readonly string[]): Uint8Array {
  bench.key('P-256');
  bench.openssl('req -x509 -utf8 -key P-256-a.key -out x.crt -days 30 -subj', subject, ...more);
  return readPem(readText(bench.path('x.crt')))[0]?.der ?? new Uint8Array();
}

describe('what a certificate says', () => {
  it.each([
    ['/CN=plain', 'CN=plain', 'plain', []],
    [
      '/O=system:nodes/CN=system:node:a',
      'CN=system:node:a,O=system:nodes',
      'system:node:a',
      ['system:nodes'],
    ],
    ['/O=a/O=b/CN=x', 'CN=x,O=b,O=a', 'x', ['a', 'b']],
    ['/CN=komma\\, plus\\+ und "', 'CN=komma\\, plus\\+ und \\"', 'komma, plus+ und "', []],
    ['/CN=ünï', 'CN=ünï', 'ünï', []],
    ['/O=none', 'O=none', undefined, ['none']],
    ['/CN=first/CN=second', 'CN=second,CN=first', undefined, []],
    ['/emailAddress=a@b.c/CN=x', 'CN=x,emailAddress=a@b.c', 'x', []],
  ])('subject %s', (subject, text, commonName, organizations) => {
    expect(parseCertificate(selfSigned(subject)).subject).toMatchObject({ text, commonName, organizations });
  });

  it('agrees with openssl on serial, times, fingerprint and names', () => {
    const san = 'subjectAltName=DNS:a,IP:10.0.0.1,IP:2001:db8:0:0:1::1,URI:u:x,email:m@x,RID:1.2.3';
    const certificate = parseCertificate(selfSigned('/CN=x', '-addext', san, '-set_serial', '0x0abc'));
    const printed = bench.openssl(
      'x509 -in x.crt -noout -serial -dates -dateopt iso_8601 -fingerprint -sha256',
    );
    expect(printed).toContain(`serial=${certificate.serial.toUpperCase()}`);
    expect(printed).toContain(
      `notAfter=${certificate.notAfter.toISOString().slice(0, 19).replace('T', ' ')}Z`,
    );
    expect(printed.replaceAll(':', '').toLowerCase()).toContain(certificate.sha256);
    expect(certificate.sans).toEqual([
      { kind: 'dns', value: 'a' },
      { kind: 'ip', value: '10.0.0.1' },
      { kind: 'ip', value: '2001:db8::1:0:0:1' },
      { kind: 'uri', value: 'u:x' },
      { kind: 'email', value: 'm@x' },
      { kind: 'other', value: '88022a03' },
    ]);
    expect(certificate).toMatchObject({ isCa: true, keyAlgorithm: 'P-256' });
  });

  it('reads GeneralizedTime from 2050 on', () => {
    const { notAfter } = parseCertificate(selfSigned('/CN=x', '-days', '20000'));
    expect(notAfter.getUTCFullYear()).toBeGreaterThan(2050);
  });
});

const octets = (...values: number[]): Uint8Array => Uint8Array.from(values);
const utc = (text: string): Uint8Array => octets(23, text.length, ...Buffer.from(text));

describe('what is not DER, or no certificate, is refused', () => {
  const good = selfSigned('/CN=x');
  it.each([
    ['nothing', octets()],
    ['a cut one', good.subarray(0, good.length - 1)],
    ['one with bytes after its end', Uint8Array.from([...good, 0])],
    ['indefinite length', octets(0x30, 0x80, 0, 0)],
    ['a length in more octets than needed', octets(0x30, 0x81, 0x02, 0x05, 0x00)],
    ['a sequence of too few parts', sequence(sequence())],
    ['half a megabyte', new Uint8Array(512 * 1024)],
  ])('%s', (_, bytes) => {
    expect(code(() => parseCertificate(bytes))).toBe('MalformedDer');
  });

  const body = readDer(good).children[0]?.children ?? [];
  const rebuild = (edit: (parts: Uint8Array[]) => void): Uint8Array => {
    const parts = body.map(({ bytes }) => bytes);
    edit(parts);
    return sequence(
      sequence(...parts),
      ...readDer(good)
        .children.slice(1)
        .map(({ bytes }) => bytes),
    );
  };
  it.each([
    ['a negative serial', (parts: Uint8Array[]) => void (parts[1] = octets(2, 1, 0x80))],
    ['a serial with a needless zero', (parts: Uint8Array[]) => void (parts[1] = octets(2, 2, 0, 1))],
    ['another signature algorithm inside', (parts: Uint8Array[]) => void (parts[2] = sequence(oid('1.2.3')))],
    [
      '30 February',
      (parts: Uint8Array[]) => void (parts[4] = sequence(utc('260230000000Z'), utc('270101000000Z'))),
    ],
    [
      'a time without seconds',
      (parts: Uint8Array[]) => void (parts[4] = sequence(utc('2602010000Z'), utc('270101000000Z'))),
    ],
    [
      'a time zone',
      (parts: Uint8Array[]) => void (parts[4] = sequence(utc('260201000000+0100'), utc('270101000000Z'))),
    ],
    [
      'an extension twice',
      (parts: Uint8Array[]) => {
        const list = readDer(parts[7] ?? octets()).children[0]?.children.map(({ bytes }) => bytes) ?? [];
        parts[7] = context(3, true, sequence(...list, list[0] ?? octets()));
      },
    ],
    [
      'a part that does not belong there',
      (parts: Uint8Array[]) => void parts.push(unsignedInteger(octets(1))),
    ],
  ])('%s', (_, edit) => {
    expect(code(() => parseCertificate(rebuild(edit)))).toBe('MalformedDer');
  });

  it('but unchanged parts make the same certificate again', () => {
    expect(code(() => parseCertificate(rebuild(() => undefined)))).toBe('no error');
  });

  it('no input makes it throw anything but CertError', () => {
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(edits, (changes) => {
        const copy = Uint8Array.from(good);
        for (const [at, octet] of changes) copy[at] = octet;
        expect(code(() => isSignedBy(parseCertificate(copy), parseCertificate(good)))).not.toMatch(
          /^foreign/,
        );
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        (bytes) => !code(() => parseCertificate(bytes)).startsWith('foreign'),
      ),
      { numRuns: 1000 },
    );
  });

  it('a single changed octet never verifies as the same certificate', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const copy = Uint8Array.from(good);
        copy[at] = (copy[at] ?? 0) ^ flip;
        const verdict = (): boolean => isSignedBy(parseCertificate(copy), parseCertificate(good));
        const outcome = code(() => expect(verdict()).toBe(false));
        expect(outcome).toMatch(/^(no error|MalformedDer)$/);
      }),
      { numRuns: 500 },
    );
  });
});

const ecCa = (...options: readonly string[]): Uint8Array => selfSigned('/CN=ca', ...options);
const derOf = (file: string): Uint8Array => readPem(readText(bench.path(file)))[0]?.der ?? new Uint8Array();
function rsaCa(bits: string, hash: string): Uint8Array {
  bench.openssl(`req -x509 -newkey rsa:${bits} -nodes -keyout ca.key -${hash} -subj /CN=ca -out x.crt`);
  return derOf('x.crt');
}
function ed25519Ca(): Uint8Array {
  bench.key('Ed25519');
  bench.openssl('req -x509 -key Ed25519-a.key -subj /CN=ca -out x.crt');
  return derOf('x.crt');
}

describe('which CA may be used', () => {
  it.each([
    ['kubeadm-like', 'no error', () => ecCa()],
    ['RSA 2048 and SHA-256', 'no error', () => rsaCa('2048', 'sha256')],
    ['signed with SHA-1', 'WeakCa', () => rsaCa('2048', 'sha1')],
    ['signed with MD5', 'WeakCa', () => rsaCa('2048', 'md5')],
    ['RSA 1024', 'WeakCa', () => rsaCa('1024', 'sha256')],
    ['Ed25519', 'Unsupported', () => ed25519Ca()],
    ['a leaf', 'NotACertificateAuthority', () => ecCa('-addext', 'basicConstraints=critical,CA:FALSE')],
    [
      'a CA that may not sign certificates',
      'NotACertificateAuthority',
      () => ecCa('-addext', 'keyUsage=digitalSignature'),
    ],
  ])('%s: %s', (_, expected, make) => {
    const certificate = parseCertificate(make());
    expect(code(() => checkCa(certificate))).toBe(expected);
  });
});

describe('addresses', () => {
  it.each([
    ['::'],
    ['::1'],
    ['2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1::1'],
    ['::ffff:10.0.0.1'],
    ['10.0.0.1'],
    ['fe80::'],
  ])('%s is canonical', (text) => {
    expect(addressText(addressOctets(text) ?? new Uint8Array())).toBe(text);
  });

  it('every text form of an address gives the same octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (octets) => {
        expect(addressOctets(addressText(octets) ?? '')).toEqual(octets);
      }),
    );
    expect(addressOctets('2001:0DB8::0001')).toEqual(addressOctets('2001:db8::1'));
  });

  it.each(['', 'a', '1.2.3', '01.2.3.4', '::1%eth0', '1::2::3'])('%s is none', (text) => {
    expect(addressOctets(text)).toBeUndefined();
  });
});
