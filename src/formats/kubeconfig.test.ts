import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { currentCluster, currentUser, parseKubeconfig, replaceUserData } from './kubeconfig.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const oldCertificate = b64('old certificate');
const oldKey = b64('old key');
const fresh = { certificatePem: 'new certificate\n', keyPem: 'new key\n' };

const kubeadm = `apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: ${b64('the CA')}
    server: https://10.0.0.1:6443
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: kubernetes-admin
  name: kubernetes-admin@kubernetes
current-context: kubernetes-admin@kubernetes
kind: Config
users:
- name: kubernetes-admin
  user:
    client-certificate-data: ${oldCertificate}
    client-key-data: ${oldKey}
`;

const swapped = (text: string): string =>
  text.replace(oldCertificate, b64(fresh.certificatePem)).replace(oldKey, b64(fresh.keyPem));

function thrown(action: () => unknown): CertError {
  try {
    action();
  } catch (error) {
    if (error instanceof CertError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** A CertError is as good as a value; anything else is the finding. */
function outcome(action: () => unknown): unknown {
  try {
    action();
    return 'fine';
  } catch (error) {
    return error instanceof CertError ? 'fine' : error;
  }
}

describe('reading a kubeconfig', () => {
  it('gives user and cluster of the current context', () => {
    const config = parseKubeconfig(kubeadm, '/etc/kubernetes/admin.conf');
    expect(currentUser(config)).toEqual({
      name: 'kubernetes-admin',
      certificate: { kind: 'data', pem: 'old certificate' },
      key: { kind: 'data', pem: 'old key' },
      others: [],
    });
    expect(currentCluster(config)).toEqual({
      name: 'kubernetes',
      server: 'https://10.0.0.1:6443',
      tlsServerName: undefined,
      authority: { kind: 'data', pem: 'the CA' },
    });
  });

  it('resolves references against the directory of the kubeconfig, and data wins over them', () => {
    const text = `users:
- name: a
  user: {client-certificate: ../pki/a.crt, client-key: /abs/a.key, token: t}
- name: b
  user: {client-certificate: b.crt, client-certificate-data: ${oldCertificate}}
`;
    const { users } = parseKubeconfig(text, '/root/.kube/config');
    expect(users[0]).toEqual({
      name: 'a',
      certificate: { kind: 'file', path: '/root/pki/a.crt' },
      key: { kind: 'file', path: '/abs/a.key' },
      others: ['token'],
    });
    expect(users[1]?.certificate).toEqual({ kind: 'data', pem: 'old certificate' });
  });

  it.each([
    ['a list', '- a\n', 'Unsupported'],
    ['an empty file', '', 'Unsupported'],
    ['another kind', 'kind: Pod\n', 'Unsupported'],
    ['two documents', `${kubeadm}---\n${kubeadm}`, 'Unsupported'],
    ['a user named twice', 'users: [{name: a}, {name: a}]', 'Unsupported'],
    ['wrong base64', 'users: [{name: a, user: {client-certificate-data: "a?"}}]', 'MalformedPem'],
    ['base64 folded by spaces', 'users: [{name: a, user: {client-key-data: "YWJj YWJj"}}]', 'MalformedPem'],
    ['users that are no list', 'users: {a: b}', 'Unsupported'],
    ['broken YAML', 'users: [', 'MalformedYaml'],
  ])('refuses %s', (_, text, code) => {
    expect(thrown(() => parseKubeconfig(text, '/k')).code).toBe(code);
  });
});

const user = (inner: string): string => `users:\n- name: kubernetes-admin\n  user:\n${inner}`;

describe('an edit of a kubeconfig', () => {
  const flow = `{"kind":"Config","users":[{"name":"kubernetes-admin","user":{"client-certificate-data":"${oldCertificate}","client-key-data":"${oldKey}"}}]}`;
  const several = `# ours
users:
- name: other   # stays
  user:
    client-certificate-data: ${b64('certificate of another')}
    client-key-data: "${b64('key of another')}"
- user:
    client-key-data:   '${oldKey}'    # the key
    username-of-nobody: 0644
    client-certificate-data: "${oldCertificate}" # the certificate
  name: kubernetes-admin
`;
  it.each([
    ['block style', kubeadm],
    ['CRLF', kubeadm.replaceAll('\n', '\r\n')],
    ['a byte order mark', `\uFEFF${kubeadm}`],
    ['no line end at the end', kubeadm.trimEnd()],
    ['JSON', flow],
    [
      'flow style',
      `users: [ {name: kubernetes-admin, user: {client-certificate-data: ${oldCertificate}, client-key-data: ${oldKey} }}]`,
    ],
    ['comments, quotes and several users', several],
  ])('changes only the two values in %s', (_, text) => {
    const edited = replaceUserData(text, 'kubernetes-admin', fresh);
    expect(edited).toBe(swapped(text));
    expect(
      parseKubeconfig(edited, '/k').users.find((user) => user.name === 'kubernetes-admin'),
    ).toMatchObject({
      certificate: { kind: 'data', pem: fresh.certificatePem },
      key: { kind: 'data', pem: fresh.keyPem },
    });
  });

  it('of the certificate alone leaves the key', () => {
    const edited = replaceUserData(kubeadm, 'kubernetes-admin', { certificatePem: fresh.certificatePem });
    expect(edited).toBe(kubeadm.replace(oldCertificate, b64(fresh.certificatePem)));
  });

  it.each([
    [
      'an anchor on a value',
      user(`    client-certificate-data: &a ${oldCertificate}\n    client-key-data: ${oldKey}\n`),
      4,
    ],
    [
      'an alias as value',
      `x: &a ${oldKey}\n${user(`    client-certificate-data: ${oldCertificate}\n    client-key-data: *a\n`)}`,
      6,
    ],
    [
      'an anchor on the user',
      user('').replace(
        'user:\n',
        `user: &u\n    client-certificate-data: ${oldCertificate}\n    client-key-data: ${oldKey}\n`,
      ),
      4,
    ],
    [
      'a merge key',
      `b: &b {client-key-data: ${oldKey}}\n${user(`    <<: *b\n    client-certificate-data: ${oldCertificate}\n`)}`,
      5,
    ],
    [
      'a tag',
      user(`    client-certificate-data: !secret ${oldCertificate}\n    client-key-data: ${oldKey}\n`),
      4,
    ],
    [
      'a block scalar',
      user(`    client-certificate-data: |\n      ${oldCertificate}\n    client-key-data: ${oldKey}\n`),
      4,
    ],
    ['references instead of data', user('    client-certificate: a.crt\n    client-key: a.key\n'), 4],
    ['a key that stands twice', user(`    client-key-data: ${oldKey}\n    client-key-data: ${oldKey}\n`), 5],
  ])('refuses %s and says where', (_, text, line) => {
    const error = thrown(() => replaceUserData(text, 'kubernetes-admin', fresh, '/etc/kubernetes/x.conf'));
    expect(error.code).toBe('Unsupported');
    expect(error.place).toMatchObject({ file: '/etc/kubernetes/x.conf', line });
    expect(error.place.column).toBeGreaterThan(0);
    expect(error.message).toContain(`/etc/kubernetes/x.conf:${line}:`);
  });

  it('refuses a user that is not there', () => {
    expect(thrown(() => replaceUserData(kubeadm, 'nobody', fresh)).code).toBe('NotFound');
  });

  const pieces = fc.constantFrom(
    'users:',
    '\n',
    '- name: a',
    '  ',
    'user:',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '"',
    "'",
    '|',
    '>',
    '#',
    'client-certificate-data: ',
    'client-key-data: ',
    oldKey,
    '<<: ',
    '\r\n',
    ',',
    '\t',
    '---\n',
    '!!binary ',
    '\uFEFF',
    '? ',
    ': ',
  );
  it('of any text is done exactly or refused by a CertError', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(outcome(() => parseKubeconfig(text, '/k'))).toBe('fine');
        expect(outcome(() => replaceUserData(text, 'a', fresh))).toBe('fine');
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    ['deep nesting', '['.repeat(50_000)],
    ['deep maps', '{a: '.repeat(20_000)],
    [
      'a billion laughs',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghijk'.replaceAll(
        /./gu,
        (c) =>
          `${c}: &${c} [${Array(9)
            .fill(`*${String.fromCodePoint((c.codePointAt(0) ?? 0) - 1)}`)
            .join()}]\n`,
      )}`,
    ],
    ['two million characters', 'a'.repeat(2_000_000)],
  ])('%s ends in a CertError, soon', (_, text) => {
    const start = performance.now();
    expect(thrown(() => parseKubeconfig(text, '/k'))).toBeInstanceOf(CertError);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
