import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { redact } from './redact.ts';
import { tarOf } from './tar.ts';
import { trimNode, trimPod, trimRequest } from './trim.ts';

const body = 'MIGHAgEAMBMGByqGSM49';

describe('what may be a secret', () => {
  it.each([
    ['a key', `a -----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY----- b`],
    [
      'an encrypted key',
      `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${body}\n-----END ENCRYPTED PRIVATE KEY-----`,
    ],
    [
      'a key as a log has it',
      String.raw`"-----BEGIN EC PRIVATE KEY-----\n${body}\n-----END EC PRIVATE KEY-----\n"`,
    ],
    ['a key whose end is cut off', `-----BEGIN RSA PRIVATE KEY-----\n${body}`],
    ['a request', `-----BEGIN CERTIFICATE REQUEST-----\n${body}\n-----END CERTIFICATE REQUEST-----`],
    ['PEM in base64', `client-key-data: LS0tLS1CRUdJTiBSU0E${body}`],
    ['a token', `token eyJhbGciOiJSUzI1NiJ9.${body}.${body}`],
    ['a header', `authorization: Bearer ${body}`],
    ['a bootstrap token', 'kubeadm join --token abcdef.MIGHAgEAMBMGByqG'.toLowerCase()],
    ['a password', `"password": "${body}"`],
    ['a password in an address', `https://me:${body}@host/`],
    ['a long value', body.repeat(6)],
  ])('%s is taken out', (_, text) => {
    expect(redact(text).toLowerCase()).not.toContain(body.slice(0, 16).toLowerCase());
    expect(redact(text)).toContain('left out]');
  });

  it.each([
    'renewed kubelet.crt on w1: serial 0fcf924c1e17473f, sha256 '.concat('ab'.repeat(32)),
    '{"secretName":"kubernetes-ca","path":"/etc/kubernetes/pki/etcd/server.crt"}',
    'waits: Paused: paused by a person; NodeNotReady: w1 since 2027-03-01T08:00:00Z',
  ])('%s stays', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('of an object is in no field that is kept', () => {
    const metadata = {
      name: 'x',
      annotations: { note: body, 'certrotator.cpaas.io/renews': body },
      managedFields: [],
    };
    const container = { name: 'c', image: 'i', env: [{ name: 'E', value: body }], command: [body] };
    const ended = { name: 'c', ready: false, restartCount: 0, image: 'i', imageID: '' };
    const terminated = { exitCode: 0, message: body };
    const kept = [
      trimNode({ metadata }),
      trimPod({
        metadata,
        spec: { containers: [container] },
        status: { containerStatuses: [{ ...ended, state: { terminated } }] },
      }),
      trimRequest({ metadata, spec: { request: body, signerName: 's' }, status: { certificate: body } }),
    ];
    expect(JSON.stringify(kept)).not.toContain(body);
  });
});

test('tar reads what is written, also long names', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-'));
  const files = [
    { path: 'top/a.txt', text: 'ä\n' },
    { path: `top/${'d'.repeat(90)}/${'f'.repeat(90)}`, text: 'x'.repeat(1024) },
    { path: 'top/empty', text: '' },
  ];
  writeFileSync(join(directory, 'x.tar'), tarOf(files, 1_700_000_000));
  execFileSync('tar', ['-xf', 'x.tar'], { cwd: directory });
  expect(files.map(({ path }) => readFileSync(join(directory, path), 'utf8'))).toEqual(
    files.map(({ text }) => text),
  );
  rmSync(directory, { recursive: true });
});
