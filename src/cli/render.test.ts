import { describe, expect, it } from 'vitest';
import type { Certificate } from '../pki/certificate.ts';
import type { RenewedCertificate } from './render.ts';
import { renderJson, renderText } from './render.ts';

const certificate = (serial: string, notAfter: string): Certificate => ({
  der: new Uint8Array(),
  serial,
  subject: { der: new Uint8Array(), text: 'CN=x', commonName: 'x', organizations: [] },
  issuer: { der: new Uint8Array(), text: 'CN=ca', commonName: 'ca', organizations: [] },
  notBefore: new Date('2026-01-01T00:00:00Z'),
  notAfter: new Date(notAfter),
  sans: [],
  extendedKeyUsages: [],
  isCa: false,
  spki: new Uint8Array(),
  keyAlgorithm: 'P-256',
  subjectKeyId: undefined,
  authorityKeyId: undefined,
  sha256: '',
});

const entry = (path: string, more: Partial<RenewedCertificate> = {}): RenewedCertificate => ({
  path,
  old: certificate('0a', '2026-12-14T10:00:00Z'),
  renewed: certificate('41bb', '2027-11-24T10:00:00Z'),
  notAfter: new Date('2027-11-24T10:00:00Z'),
  clamped: false,
  newKey: false,
  ...more,
});

const text = (...certificates: RenewedCertificate[]): string =>
  renderText({
    dryRun: false,
    certificates,
    notes: [],
    backup: undefined,
    restart: [],
    users: new Map(),
    tool: 'crictl',
  });

describe('one line a certificate, then what to restart', () => {
  it('of the manual’s example', () => {
    expect(text(entry('/etc/kubernetes/pki/kubelet.crt'))).toBe(
      '/etc/kubernetes/pki/kubelet.crt: renewed, expires 2026-12-14T10:00:00Z → 2027-11-24T10:00:00Z, serial 0a → 41bb, same key\n' +
        'next: kubelet: restart it: systemctl restart kubelet\n',
    );
  });

  it.each([
    ['/etc/kubernetes/pki/apiserver.crt', /next: kube-apiserver: restart it: crictl ps .*kube-apiserver/],
    ['/etc/kubernetes/pki/front-proxy-client.crt', /next: kube-apiserver/],
    ['/etc/kubernetes/pki/etcd/server.crt', /next: etcd: nothing to restart/],
    ['/etc/kubernetes/controller-manager.conf', /next: kube-controller-manager: restart it/],
    ['/etc/kubernetes/scheduler.conf', /next: kube-scheduler: restart it/],
    ['/etc/kubernetes/admin.conf', /next: kubectl: nothing to restart/],
    ['/root/.kube/config', /next: kubectl: nothing to restart/],
    ['/var/lib/kubelet/pki/kubelet-client-current.pem', /next: kubelet: restart it: systemctl/],
    ['/opt/other.crt', /next: whatever uses \/opt\/other.crt: restart it if it needs that/],
  ])('%s', (path, advice) => {
    expect(text(entry(path))).toMatch(advice);
  });

  it('names the kubelet first, since it starts the others, and what restarts before what does not', () => {
    const paths = [
      '/etc/kubernetes/admin.conf',
      '/opt/x.crt',
      '/etc/kubernetes/pki/apiserver.crt',
      '/p/kubelet.crt',
    ];
    const components = [...text(...paths.map((path) => entry(path))).matchAll(/^next: ([^:]+):/gm)];
    expect(components.map(([, name]) => name)).toEqual([
      'kubelet',
      'kube-apiserver',
      'whatever uses /opt/x.crt',
      'kubectl',
    ]);
  });

  it('knows who reads a file of another name, where the node says so', () => {
    const users = new Map([['/opt/tls.crt', 'kube-scheduler']] as const);
    const report = { dryRun: false, certificates: [entry('/opt/tls.crt')], notes: [], backup: undefined };
    expect(renderText({ ...report, restart: [], users, tool: 'crictl' })).toMatch(
      /next: kube-scheduler: restart it: crictl/,
    );
  });

  it('names each component once', () => {
    const lines = text(
      entry('/etc/kubernetes/pki/apiserver.crt'),
      entry('/etc/kubernetes/pki/apiserver-etcd-client.crt'),
    );
    expect(lines.match(/^next: /gm)).toHaveLength(1);
  });

  it('says when the end is the CA’s, and when it is earlier than before', () => {
    expect(text(entry('/a.crt', { clamped: true }))).toContain('(cut to the end of its CA)');
    const earlier = entry('/a.crt', { notAfter: new Date('2026-12-01T00:00:00Z') });
    expect(text(earlier)).toContain('(EARLIER than before)');
  });

  it('says whose certificate in a kubeconfig, that a key is new, notes and backup', () => {
    const report = {
      dryRun: false,
      certificates: [entry('/c', { user: 'me', newKey: true })],
      notes: ['n'],
      backup: '/b',
      restart: ['/etc/kubernetes/scheduler.conf'],
      users: new Map(),
      tool: 'crictl' as const,
    };
    expect(renderText(report)).toMatch(/^\/c \(user me\): renewed, .*, new key\nnote: n\nold files: \/b\n/);
    expect(renderText(report)).toContain('next: kube-scheduler: restart it');
  });

  it('a dry run claims nothing', () => {
    const dry = renderText({
      dryRun: true,
      certificates: [entry('/c', { renewed: undefined })],
      notes: [],
      backup: undefined,
      restart: [],
      users: new Map(),
      tool: 'crictl' as const,
    });
    expect(dry).toContain('/c: would be renewed, expires');
    expect(dry).not.toContain('serial');
  });
});

it('JSON says the same as one object in one line', () => {
  const json = renderJson({
    dryRun: false,
    certificates: [entry('/etc/kubernetes/pki/kubelet.crt')],
    notes: [],
    backup: '/b',
    restart: [],
    users: new Map(),
    tool: 'crictl',
  });
  expect(json.trim()).not.toContain('\n');
  expect(JSON.parse(json)).toEqual({
    schema: 1,
    dryRun: false,
    files: [
      {
        path: '/etc/kubernetes/pki/kubelet.crt',
        oldSerial: '0a',
        newSerial: '41bb',
        oldNotAfter: '2026-12-14T10:00:00Z',
        newNotAfter: '2027-11-24T10:00:00Z',
        clamped: false,
        key: 'kept',
      },
    ],
    notes: [],
    backup: '/b',
    restart: [
      {
        component: 'kubelet',
        command: 'systemctl restart kubelet',
        why: 'it reads its certificates at its start',
      },
    ],
  });
});
