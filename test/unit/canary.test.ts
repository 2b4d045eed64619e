// The canary must see a key in every form in which it can leak, wherever it stands, and must not cry at another key.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../e2e/lib/command.ts';
import { goProgram } from '../e2e/lib/go-program.ts';
import { patternsOf, secretOf, shortestPattern } from '../e2e/lib/patterns.ts';

const wrap = (text: string, width: number) => text.replace(new RegExp(`.{${width}}`, 'g'), '$&\n');
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
const text = (key: KeyObject) =>
  execFileSync('openssl', ['pkey', '-text', '-noout'], { input: pem(key, 'pkcs8'), encoding: 'utf8' });
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1') =>
  key.export({ type, format: 'pem' }).toString();
const own = (key: KeyObject) => (key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'sec1');

const kinds: readonly [string, () => KeyObject][] = [
  ['RSA-2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
  ['P-256', () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
];
const forms: readonly [string, (key: KeyObject) => string | Buffer][] = [
  ['DER, PKCS#8', (key) => key.export({ type: 'pkcs8', format: 'der' })],
  ['DER of the key’s own form', (key) => key.export({ type: own(key), format: 'der' })],
  ['PEM, PKCS#8', (key) => pem(key, 'pkcs8')],
  ['PEM of the key’s own form', (key) => pem(key, own(key))],
  ['PEM without line breaks', (key) => pem(key, 'pkcs8').replaceAll('\n', '')],
  ['PEM in JSON', (key) => JSON.stringify({ key: pem(key, 'pkcs8') })],
  ['hex', (key) => key.export({ type: 'pkcs8', format: 'der' }).toString('hex')],
  ['HEX', (key) => key.export({ type: 'pkcs8', format: 'der' }).toString('hex').toUpperCase()],
  ['openssl’s text', text],
  ['base64 of PEM, as in a kubeconfig', (key) => base64(pem(key, own(key)))],
  ['base64 of PEM in lines of 76', (key) => wrap(base64(pem(key, 'pkcs8')), 76)],
  ['base64 of JSON with PEM', (key) => base64(JSON.stringify({ a: 'x', key: pem(key, 'pkcs8') }))],
  ['base64 of a kubeconfig with base64 of PEM', (key) => base64(`k: ${base64(pem(key, own(key)))}\n`)],
  ['the same, in lines of 76', (key) => wrap(base64(`key: ${base64(pem(key, own(key)))}\n`), 76)],
];

describe('the canary', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'canary-test-'));
  let program = '';
  beforeAll(async () => {
    program = await goProgram('canary');
  }, 120_000);
  afterAll(() => rmSync(scratch, { recursive: true }));

  const search = async (secret: Buffer, content: Buffer) => {
    const file = join(scratch, randomBytes(6).toString('hex'));
    writeFileSync(file, content);
    const input = patternsOf(secret)
      .map((p) => `${p.form} ${p.bytes.toString('hex')}\n`)
      .join('');
    return (await run(program, [file], { input })).split('\n').filter((line) => line !== '');
  };

  for (const [kind, generate] of kinds) {
    const key = generate();
    test.each(forms)(
      `${kind} is seen as %s, at any offset, also across the reader's chunks`,
      async (_, encode) => {
        for (const before of [0, 1, 2, 3, 17, (4 << 20) - 500]) {
          const content = Buffer.concat([randomBytes(before), Buffer.from(encode(key)), randomBytes(100)]);
          expect(await search(secretOf(pem(key, 'pkcs8')), content)).not.toEqual([]);
        }
      },
    );
    test(`${kind} is not seen where another key of its kind is`, async () => {
      const other = generate();
      const content = Buffer.concat(forms.map(([, encode]) => Buffer.from(encode(other))));
      expect(await search(secretOf(pem(key, 'pkcs8')), content)).toEqual([]);
    });
    test(`no pattern of ${kind} is so short that chance could make it`, () => {
      const lengths = patternsOf(secretOf(pem(key, 'pkcs8'))).map((p) => p.bytes.length);
      expect(Math.min(...lengths)).toBeGreaterThanOrEqual(shortestPattern);
    });
  }
});
