import * as fc from 'fast-check';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { annotate, flagsOf, hostPathOf, readManifest } from './manifest.ts';

const key = 'certrotator.cpaas.io/restarted-at';
const value = '2026-01-02T03:04:05Z';

const kubeadm = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint: 10.0.0.1:6443
  labels:
    component: kube-apiserver
    tier: control-plane
  name: kube-apiserver
  namespace: kube-system
spec:
  containers:
  - command:
    - kube-apiserver
    - --tls-cert-file=/etc/kubernetes/pki/apiserver.crt
    - --secure-port=6443
    - --v
    - "2"
    - --profiling
    image: registry.k8s.io/kube-apiserver:v1.34.4
    name: kube-apiserver
    volumeMounts:
    - {mountPath: /etc/kubernetes/pki, name: k8s-certs, readOnly: true}
    - {mountPath: /data, name: data, subPath: sub}
    - {mountPath: /token, name: projected}
  hostNetwork: true
  volumes:
  - hostPath:
      path: /srv/pki
      type: DirectoryOrCreate
    name: k8s-certs
  - {name: data, hostPath: {path: /srv/data/}}
  - {name: projected, emptyDir: {}}
status: {}
`;

function thrown(action: () => unknown): CertError {
  try {
    action();
  } catch (error) {
    if (error instanceof CertError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('reading a manifest', () => {
  const manifest = readManifest(kubeadm, 'm');
  const [container] = manifest.containers;

  it('gives name, labels, annotations and flags', () => {
    expect(manifest).toMatchObject({ name: 'kube-apiserver', namespace: 'kube-system', hostNetwork: true });
    expect(manifest.labels.get('component')).toBe('kube-apiserver');
    expect(container?.flags).toEqual(
      new Map([
        ['tls-cert-file', '/etc/kubernetes/pki/apiserver.crt'],
        ['secure-port', '6443'],
        ['v', '2'],
        ['profiling', 'true'],
      ]),
    );
  });

  it.each([
    ['/etc/kubernetes/pki/apiserver.crt', '/srv/pki/apiserver.crt'],
    ['/etc/kubernetes/pki/', '/srv/pki'],
    ['/etc/kubernetes/pki/../pki/a', '/srv/pki/a'],
    ['/data/x', '/srv/data/sub/x'],
    ['/etc/kubernetes/pkix', undefined],
    ['/token/x', undefined],
  ])('finds %s of the container on the host', (path, host) => {
    if (container === undefined) throw new Error('no container');
    expect(hostPathOf(container, path)).toBe(host);
  });

  it('takes the last of a repeated flag, and both ways to write one', () => {
    expect(flagsOf(['etcd', '-name', 'a', '--name=b', '--a=b=c', '--', 'x'])).toEqual(
      new Map([
        ['name', 'b'],
        ['a', 'b=c'],
      ]),
    );
  });

  it.each([
    ['a List', 'apiVersion: v1\nkind: List\nitems: []\n', 'Unsupported'],
    ['a Deployment', 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n', 'Unsupported'],
    ['a Pod without a name', 'apiVersion: v1\nkind: Pod\nmetadata: {}\n', 'Unsupported'],
    ['an empty file', '', 'Unsupported'],
    ['two documents', `${kubeadm}---\n${kubeadm}`, 'Unsupported'],
    ['a template', kubeadm.replace('10.0.0.1:6443', '{{ .Endpoint }}'), 'Unsupported'],
    ['template lines', `{{- if .x }}\n${kubeadm}{{- end }}\n`, 'MalformedYaml'],
    ['a key that stands twice', `${kubeadm}kind: Pod\n`, 'Unsupported'],
  ])('refuses %s', (_, text, code) => {
    expect(thrown(() => readManifest(text, 'm')).code).toBe(code);
    expect(thrown(() => annotate(text, key, value)).code).toBe(code);
  });
});

const json = (annotations: string): string =>
  `{"apiVersion": "v1", "kind": "Pod", "metadata": {${annotations}"name": "a"}, "spec": {"containers": []}}`;
const pretty = JSON.stringify(
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { annotations: { a: 'b' }, name: 'a' },
    spec: { containers: [] },
  },
  null,
  2,
);
const without = kubeadm.replace(/  annotations:\n.*\n/u, '');
const commented = kubeadm.replace('  annotations:\n', '  annotations: # ours\n    # about the next one\n');
const added = `    ${key}: "${value}"\n`;

const pod = (metadata: string): string => `apiVersion: v1\nkind: Pod\nmetadata:${metadata}\nspec: {}\n`;

describe('an annotation', () => {
  it.each([
    ['below others', kubeadm, kubeadm.replace('annotations:\n', `annotations:\n${added}`)],
    [
      'into CRLF',
      kubeadm.replaceAll('\n', '\r\n'),
      kubeadm.replace('annotations:\n', `annotations:\n${added}`).replaceAll('\n', '\r\n'),
    ],
    [
      'behind a byte order mark',
      `\uFEFF${kubeadm}`,
      `\uFEFF${kubeadm.replace('annotations:\n', `annotations:\n${added}`)}`,
    ],
    ['above comments', commented, commented.replace('# ours\n', `# ours\n${added}`)],
    [
      'with CRLF and a comment',
      commented.replaceAll('\n', '\r\n'),
      commented.replace('# ours\n', `# ours\n${added}`).replaceAll('\n', '\r\n'),
    ],
    ['where there was none', without, without.replace('metadata:\n', `metadata:\n  annotations:\n${added}`)],
    [
      'below a document start',
      `---\n${without}`,
      `---\n${without.replace('metadata:\n', `metadata:\n  annotations:\n${added}`)}`,
    ],
    [
      'in place of null',
      without.replace('metadata:\n', 'metadata:\n  annotations: null # n\n'),
      without.replace('metadata:\n', `metadata:\n  annotations: {"${key}": "${value}"} # n\n`),
    ],
    [
      'in place of nothing',
      without.replace('metadata:\n', 'metadata:\n  annotations:\n'),
      without.replace('metadata:\n', `metadata:\n  annotations: {"${key}": "${value}"}\n`),
    ],
    [
      'into an empty flow map',
      without.replace('metadata:\n', 'metadata:\n  annotations: { }\n'),
      without.replace('metadata:\n', `metadata:\n  annotations: {"${key}": "${value}" }\n`),
    ],
    [
      'into JSON',
      json('"annotations": {"a": "b"}, '),
      json(`"annotations": {"${key}": "${value}", "a": "b"}, `),
    ],
    ['into JSON without any', json(''), json(`"annotations": {"${key}": "${value}"}, `)],
    ['into indented JSON', pretty, pretty.replace('{\n      "a"', `{"${key}": "${value}", \n      "a"`)],
    [
      'over an older value',
      kubeadm.replace('annotations:\n', `annotations:\n    ${key}: 2020-01-01T00:00:00Z # when\n`),
      kubeadm.replace('annotations:\n', `annotations:\n    ${key}: "${value}" # when\n`),
    ],
    [
      'over an older quoted value',
      kubeadm.replace('annotations:\n', `annotations:\n    '${key}':   'x'\n`),
      kubeadm.replace('annotations:\n', `annotations:\n    '${key}':   "${value}"\n`),
    ],
    [
      'over an empty value',
      kubeadm.replace('annotations:\n', `annotations:\n    ${key}:\n`),
      kubeadm.replace('annotations:\n', `annotations:\n    ${key}: "${value}"\n`),
    ],
    [
      'without a line end at the end',
      kubeadm.trimEnd(),
      kubeadm.replace('annotations:\n', `annotations:\n${added}`).trimEnd(),
    ],
  ])('goes %s and nothing else changes', (_, text, expected) => {
    const edited = annotate(text, key, value);
    expect(edited).toBe(expected);
    expect(readManifest(edited, 'm').annotations.get(key)).toBe(value);
    expect(annotate(edited, key, value)).toBe(edited);
  });

  it.each([
    ['an anchor on metadata', pod(' &m\n  name: a'), 4],
    ['an anchor on annotations', pod('\n  name: a\n  annotations: &a\n    b: c\n  labels: *a'), 6],
    ['an alias as annotations', pod('\n  name: a\n  labels: &l\n    b: c\n  annotations: *l'), 7],
    ['merged metadata', `x: &x {a: b}\n${pod('\n  <<: *x\n  name: a')}`, 5],
    ['a block scalar as value', pod(`\n  name: a\n  annotations:\n    ${key}: |\n      x`), 6],
    ['annotations that are a list', pod('\n  name: a\n  annotations: [a]'), 5],
    ['a tagged map', pod('\n  name: a\n  annotations: !x\n    b: c'), 6],
    ['a key behind a question mark', pod('\n  ? name\n  : a'), 4],
  ])('is refused with %s, and the message says where', (_, text, line) => {
    const error = thrown(() => annotate(text, key, value, '/etc/kubernetes/manifests/x.yaml'));
    expect(error.code).toBe('Unsupported');
    expect(error.place).toMatchObject({ file: '/etc/kubernetes/manifests/x.yaml', line });
  });

  it('whose value is not plain is refused', () => {
    expect(thrown(() => annotate(kubeadm, key, 'a\nb')).code).toBe('Unsupported');
    expect(thrown(() => annotate(kubeadm, 'a: b', value)).code).toBe('Unsupported');
  });

  it('of any text is exact or refused by a CertError', () => {
    const pieces = fc.constantFrom(
      'metadata:',
      'annotations:',
      'name: a',
      '\n',
      '  ',
      '    ',
      '{',
      '}',
      '"',
      '|',
      '#',
      ': ',
      '\r\n',
      ',',
      '&a ',
      '*a',
      '? ',
      'b: c',
      'null',
      '\t',
      '!!map ',
      '\uFEFF',
      '<<: ',
    );
    const pods = fc
      .array(pieces, { maxLength: 25 })
      .map((parts) => `apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n${parts.join('')}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), pods), (text) => {
        expect(outcome(text)).toBe('fine');
      }),
      { numRuns: 3000 },
    );
  });
});

/** A CertError is as good as an exact edit; anything else is the finding. */
function outcome(text: string): unknown {
  let edited: string;
  try {
    edited = annotate(text, key, value);
  } catch (error) {
    return error instanceof CertError ? 'fine' : error;
  }
  const before: unknown = parse(text, { logLevel: 'error' });
  const after: unknown = parse(edited, { logLevel: 'error' });
  expect(after).toHaveProperty(['metadata', 'annotations', key], value);
  expect(before).toHaveProperty('metadata');
  return edited.length > text.length ? 'fine' : edited;
}
