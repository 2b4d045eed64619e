import { afterAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import { nodeFiles } from '../host/node-files.ts';
import { pem } from '../pki/pem.ts';
import { inspectFile, readLocalCa } from './inspect.ts';
import { defaultDays, planRenewals } from './plan.ts';

const bench = new Bench();
afterAll(() => bench.remove());

function makeCa(name: string): void {
  bench.openssl(
    `req -x509 -newkey rsa:2048 -nodes -keyout ${name}.key -out ${name}.crt -subj /CN=${name} -days 400`,
  );
}
function makeLeaf(name: string, ca: string): void {
  bench.write(`${name}.key`, bench.key('P-256', name));
  bench.openssl(`req -new -key ${name}.key -out x.csr -subj /CN=${name}`);
  bench.openssl(`x509 -req -in x.csr -CA ${ca}.crt -CAkey ${ca}.key -days 9 -out ${name}.crt`);
}
makeCa('ca');
makeCa('other');
for (const name of ['kubelet', 'server', 'lonely']) makeLeaf(name, 'ca');
makeLeaf('foreign', 'other');
bench.openssl('x509 -in server.crt -out both.pem');
const read = (name: string): Buffer => Buffer.from(files.read(bench.path(name)));
const files = nodeFiles('/');
bench.write('both.pem', Buffer.concat([read('server.crt'), read('server.key')]));
bench.write('lonely.key', 'gone');
const user = (name: string, from: string): string =>
  `- name: ${name}\n  user: {client-certificate-data: ${read(`${from}.crt`).toString('base64')}, client-key-data: ${read(`${from}.key`).toString('base64')}}\n`;
const config = (users: string): string => `apiVersion: v1\nkind: Config\nusers:\n${users}`;
bench.write('two.conf', config(user('mine', 'server') + user('theirs', 'foreign')));
bench.write(
  'refers.conf',
  config('- name: a\n  user: {client-certificate: /x/a.pem, client-key: /x/a.pem}\n'),
);
bench.write('token.conf', config('- name: a\n  user: {token: x}\n'));
bench.write('empty.crt', 'nothing\n');

const now = new Date();
const ca = readLocalCa(files, bench.path('ca.crt'), bench.path('ca.key'));

// The test's directory lies under /tmp, which checkTarget accepts: sticky, and root's own.
function plan(names: readonly string[], days?: number): ReturnType<typeof planRenewals> {
  const found = names.map((name) => inspectFile(files, bench.path(name)));
  return planRenewals({ ca: ca.certificate, files: found, days, newKey: false, now });
}

const problem = (action: () => unknown): { code: string; message: string } => {
  try {
    action();
    return { code: 'none', message: '' };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { code: error.code, message: error.message };
  }
};

describe.skipIf(process.getuid?.() !== 0)('what becomes of named files', () => {
  it.each([
    ['kubelet.crt', 'pair', 91],
    ['server.crt', 'pair', 365],
    ['both.pem', 'combined', 365],
  ])('%s is a %s and gets %i days', (name, form, days) => {
    const [renewal] = plan([name]).renewals;
    expect(renewal?.file.form).toBe(form);
    expect(Math.round((Number(renewal?.notAfter) - Number(now)) / 86_400_000)).toBe(days);
  });

  it('--days goes over the default', () => {
    const [renewal] = plan(['kubelet.crt'], 2).renewals;
    expect(Math.round((Number(renewal?.notAfter) - Number(now)) / 86_400_000)).toBe(2);
  });

  it('of a kubeconfig, the users of this CA are renewed and the others named', () => {
    const { renewals, notes } = plan(['two.conf']);
    expect(renewals.map(({ found }) => found.user)).toEqual(['mine']);
    expect(notes).toEqual([expect.stringContaining('user theirs was signed by another CA')]);
  });

  it.each([
    ['foreign.crt', 'ForeignCertificate', /foreign\.crt was not signed by CA CN=ca but by CN=other/],
    ['ca.crt', 'TargetIsCa', /is a CA/],
    ['lonely.crt', 'MalformedPem', /holds no private key/],
    ['server.key', 'MalformedPem', /private key alone: name its certificate/],
    ['refers.conf', 'Unsupported', /refers to \/x\/a\.pem: name that file/],
    ['token.conf', 'Unsupported', /no client certificate/],
    ['empty.crt', 'Unsupported', /no kubeconfig/],
    ['gone.crt', 'NotFound', /gone\.crt does not exist/],
  ])('%s is refused: %s', (name, code, message) => {
    const found = problem(() => plan([name]));
    expect(found.code).toBe(code);
    expect(found.message).toMatch(message);
  });

  it('names every refused file at once', () => {
    const { message } = problem(() => plan(['foreign.crt', 'server.crt', 'ca.crt']));
    expect(message).toContain('foreign.crt');
    expect(message).toContain('ca.crt');
  });

  it('two names of one file are one', () => {
    expect(plan(['server.crt', 'server.crt']).renewals).toHaveLength(1);
  });
});

describe('the CA', () => {
  it('of a bundle is the one whose key it is', () => {
    bench.write('bundle.crt', Buffer.concat([read('other.crt'), read('ca.crt')]));
    const found = readLocalCa(files, bench.path('bundle.crt'), bench.path('ca.key'));
    expect(found.certificate.subject.text).toBe('CN=ca');
  });

  it.each([
    ['ca.crt', 'other.key', 'KeyMismatch'],
    ['ca.key', 'ca.key', 'MalformedPem'],
    ['ca.crt', 'ca.crt', 'MalformedPem'],
    ['gone.crt', 'ca.key', 'NotFound'],
  ])('%s with %s: %s, and the file is named', (certificate, key, code) => {
    const found = problem(() => readLocalCa(files, bench.path(certificate), bench.path(key)));
    expect(found.code).toBe(code);
  });

  it('a leaf given as CA signs nothing', () => {
    const leaf = readLocalCa(files, bench.path('server.crt'), bench.path('server.key'));
    const input = { ca: leaf.certificate, files: [], days: 1, newKey: false, now };
    expect(problem(() => planRenewals(input)).code).toBe('NotACertificateAuthority');
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

it('pem of a certificate is what openssl writes', () => {
  expect(pem('CERTIFICATE', ca.certificate.der)).toBe(read('ca.crt').toString());
});
