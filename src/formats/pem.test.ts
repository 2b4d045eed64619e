import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { generateLike, writePrivateKey } from '../pki/keys.ts';
import { pem, readBundle, readCertificates, readPem, replaceCertificate, replaceKey } from './pem.ts';

const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const first = pem(
  'CERTIFICATE',
  Uint8Array.from({ length: 100 }, (_, i) => i),
);
const second = pem(
  'CERTIFICATE',
  Uint8Array.from({ length: 70 }, (_, i) => 255 - i),
);
const der = Uint8Array.of(1, 2, 3);
const fresh = pem('CERTIFICATE', der);
const crlf = (value: string): string => value.replaceAll('\n', '\r\n');
const keyText = writePrivateKey(generateLike({ keyAlgorithm: 'P-256' }).key, {
  form: 'sec1',
  ecParameters: true,
});

const outcome = (action: () => unknown): string => {
  try {
    action();
    return 'no error';
  } catch (error) {
    return error instanceof CertError ? error.code : `foreign error: ${String(error)}`;
  }
};

describe('replacing the certificate changes its block alone', () => {
  it.each([
    ['one certificate', first, fresh],
    ['a chain: only the first', first + second, fresh + second],
    ['key before certificate', keyText + first, keyText + fresh],
    ['certificate before key', first + keyText, fresh + keyText],
    [
      'text around, also not UTF-8',
      `Bag \xff\xfe\n${first}tail without end`,
      `Bag \xff\xfe\n${fresh}tail without end`,
    ],
    ['CRLF', crlf(`x\n${first}y\n${second}`), crlf(`x\n${fresh}y\n${second}`)],
    ['no line end at the end', first.trimEnd(), fresh.trimEnd()],
    ['blanks after the dashes', first.replaceAll('-----\n', '----- \n'), fresh.trimEnd() + ' \n'],
  ])('%s', (_, before, after) => {
    expect(text(replaceCertificate(latin1(before), { der }))).toBe(after);
  });

  it('holds for any text around', () => {
    const junk = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)) });
    fc.assert(
      fc.property(junk, junk, (head, tail) => {
        fc.pre(!/-----BEGIN|-----END/.test(head + tail));
        const edited = text(replaceCertificate(latin1(`${head}\n${first}${tail}`), { der }));
        expect(edited).toBe(`${head}\n${fresh}${tail}`);
      }),
    );
  });
});

describe('replacing the key', () => {
  it('keeps form, EC PARAMETERS and everything else', () => {
    const { key } = generateLike({ keyAlgorithm: 'P-256' });
    const edited = text(replaceKey(latin1(`a\n${keyText}b\n${first}`), key));
    expect(edited).toBe(`a\n${writePrivateKey(key, { form: 'sec1', ecParameters: true })}b\n${first}`);
  });

  it('of another type than the form can hold is refused', () => {
    const { key } = generateLike({ keyAlgorithm: 'RSA-2048' });
    expect(() => replaceKey(latin1(keyText), key)).toThrow(expect.objectContaining({ code: 'Unsupported' }));
  });
});

describe('what is not PEM', () => {
  it.each([
    ['a block without end', '-----BEGIN CERTIFICATE-----\nAAAA\n', 1],
    ['an end of another block', `\n\n${first.replace('END CERTIFICATE', 'END CERTIFICATES')}`, 3],
    ['a block in a block', `-----BEGIN CERTIFICATE-----\n${first}`, 1],
    ['no base64', first.replace('\nA', '\n!'), 1],
    ['base64 that was cut', first.replace(/.\n-----END/, '\n-----END'), 1],
    ['an empty block', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', 1],
  ])('%s is refused with its line', (_, bad, line) => {
    expect(() => readPem(bad)).toThrow(expect.objectContaining({ code: 'MalformedPem', place: { line } }));
  });

  it('a file without a certificate has nothing to replace', () => {
    expect(() => replaceCertificate(latin1('hello'), { der })).toThrow(CertError);
    expect(readBundle(latin1('hello'))).toEqual({ certificate: undefined, chain: [], key: undefined });
    expect(readCertificates(latin1(''))).toEqual([]);
  });

  it('no input makes anything but CertError', () => {
    const piece = fc.constantFrom(
      '-----BEGIN CERTIFICATE-----',
      '-----END CERTIFICATE-----',
      '-----BEGIN X',
      '\n',
      '\r\n',
      'AAAA',
      ':',
      '-----',
      ' ',
      '=',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 12 }), (pieces) => {
        expect(outcome(() => readBundle(latin1(pieces.join(''))))).not.toMatch(/^foreign/);
      }),
      { numRuns: 2000 },
    );
  });
});
