import { afterAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import { nodeFiles } from '../host/node-files.ts';
import { defaultDays, readLocalCa } from './local-ca.ts';

const bench = new Bench();
afterAll(() => bench.remove());
const files = nodeFiles('/');
const read = (name: string): Buffer => Buffer.from(files.read(bench.path(name)));

function makeCa(name: string, ...options: readonly string[]): void {
  const more = ['-addext', 'keyUsage=critical,keyCertSign', ...options];
  bench.openssl(
    `req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.crt -subj /CN=${name}`,
    ...more,
  );
}

const problem = (certificate: string, key: string): { code: string; message: string; file: string } => {
  try {
    readLocalCa(files, bench.path(certificate), bench.path(key));
    return { code: 'none', message: '', file: '' };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { code: error.code, message: error.message, file: error.place.file ?? '' };
  }
};

describe('the CA on the local disk', () => {
  makeCa('ca');
  makeCa('other');
  makeCa('old', '-sha1');
  makeCa('leaf', '-addext', 'basicConstraints=critical,CA:FALSE');
  bench.write('ed.key', bench.key('Ed25519'));
  bench.openssl('req -x509 -key ed.key -subj /CN=ed -out ed.crt');
  bench.openssl('pkcs8 -topk8 -in ca.key -passout pass:x -out encrypted.key');
  bench.write(
    'bundle.crt',
    Buffer.concat([read('other.crt'), Buffer.from('# the new one\n'), read('ca.crt')]),
  );

  it('of a bundle is the one whose key it is', () => {
    const { certificate } = readLocalCa(files, bench.path('bundle.crt'), bench.path('ca.key'));
    expect(certificate.subject.text).toBe('CN=ca');
  });

  it.each([
    ['ca.crt', 'ca.key', 'none', ''],
    ['ca.crt', 'other.key', 'KeyMismatch', 'other.key'],
    ['ca.key', 'ca.key', 'MalformedPem', 'ca.key'],
    ['ca.crt', 'ca.crt', 'MalformedPem', 'ca.crt'],
    ['gone.crt', 'ca.key', 'NotFound', 'gone.crt'],
    ['ca.crt', 'encrypted.key', 'KeyEncrypted', 'encrypted.key'],
    ['old.crt', 'old.key', 'WeakCa', 'old.crt'],
    ['ed.crt', 'ed.key', 'Unsupported', 'ed.crt'],
    ['leaf.crt', 'leaf.key', 'NotACertificateAuthority', 'leaf.crt'],
  ])('%s with %s: %s', (certificate, key, code, file) => {
    const found = problem(certificate, key);
    expect(found.code).toBe(code);
    expect(found.file).toBe(file === '' ? '' : bench.path(file));
  });
});

it.each([
  ['/var/lib/kubelet/pki/kubelet-client-current.pem', 91],
  ['/etc/kubernetes/pki/kubelet.crt', 91],
  ['/etc/kubernetes/kubelet.conf', 91],
  ['/etc/kubernetes/pki/apiserver-kubelet-client.crt', 365],
  ['/etc/kubernetes/admin.conf', 365],
])('%s lives %i days when nobody says', (path, days) => {
  expect(defaultDays(path)).toBe(days);
});
