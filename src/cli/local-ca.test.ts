import { afterAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { CertError, describeError } from '../errors.ts';
import { nodeFiles } from '../host/node-files.ts';
import { defaultDays, readLocalCas } from './local-ca.ts';

const bench = new Bench();
afterAll(() => bench.remove());
const files = nodeFiles('/');
const read = (name: string): Buffer => Buffer.from(files.read(bench.path(name)));

function makeCa(name: string, ...options: readonly string[]): void {
  const more = ['-addext', 'keyUsage=critical,keyCertSign', ...options];
  bench.openssl(
    `req -x509 -days 3650 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.crt -subj /CN=${name}`,
    ...more,
  );
}

const inDays = (days: number): Date => new Date(Date.now() + days * 86_400_000);

const problem = (
  certificate: string,
  key: string,
  now = new Date(),
): { code: string; text: string; file: string } => {
  try {
    readLocalCas(files, bench.path(certificate), bench.path(key), now);
    return { code: 'none', text: '', file: '' };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { code: error.code, text: describeError(error), file: error.place.file ?? '' };
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
    const [{ certificate }] = readLocalCas(files, bench.path('bundle.crt'), bench.path('ca.key'), new Date());
    expect(certificate.subject.text).toBe('CN=ca');
  });

  it.each([
    [0, [900, 10]],
    [20, [900]],
  ])('of one that was renewed with its key is that with the latest end, %i days later', (later, ends) => {
    // The old one first, as a new one is appended.
    for (const days of [10, 900]) {
      const more = ['-addext', 'keyUsage=critical,keyCertSign'];
      bench.openssl(`req -x509 -key ca.key -subj /CN=ca -days ${days} -out ca-${days}.crt`, ...more);
    }
    bench.write('renewed.crt', Buffer.concat([read('ca-10.crt'), read('ca-900.crt')]));
    const cas = readLocalCas(files, bench.path('renewed.crt'), bench.path('ca.key'), inDays(later));
    const lifetimes = cas.map(({ certificate }) => certificate.notAfter.getTime() - Date.now());
    expect(lifetimes.map((ms) => Math.round(ms / 86_400_000))).toEqual(ends);
  });

  it.each([
    [4000, /ca\.crt: the CA ended at \d{4}-/],
    [-2, /ca\.crt: the CA is not valid before \d{4}-.*check the clock/],
  ])('in %i days is refused with its file and its date', (later, message) => {
    const { code, text } = problem('ca.crt', 'ca.key', inDays(later));
    expect(code).toBe('CaExpired');
    expect(text).toMatch(message);
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

it('of a disk that fails is what it is, without advice for a wrong name', () => {
  makeCa('good');
  const read = (path: string): Uint8Array => {
    if (path.endsWith('.key')) throw new CertError('Io', `${path} cannot be used: EIO`, { file: path });
    return files.read(path);
  };
  const failing = { ...files, read, realpath: (path: string) => path };
  expect(() => readLocalCas(failing, bench.path('good.crt'), bench.path('good.key'), new Date())).toThrow(
    /^\S+good\.key cannot be used: EIO$/u,
  );
});

it.each([
  ['none.crt', 'ca.key', "none.crt holds no certificate; name the CA's certificate"],
  [
    'torn.crt',
    'ca.key',
    'torn.crt:1: not well-formed PEM: block CERTIFICATE has no end; name the certificate of the CA',
  ],
  ['ca.crt', 'none.crt', 'none.crt: holds no private key; name the key of the CA; where there is none, '],
])('%s with %s is refused with what to do', (certificate, key, says) => {
  bench.write('none.crt', 'hello\n');
  bench.write('torn.crt', '-----BEGIN CERTIFICATE-----\nMIIB\n');
  expect(problem(certificate, key).text).toContain(`/${says}`);
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
