import { describe, expect, it } from 'vitest';
import { table as catalogue } from '../../catalogue/table.ts';
import { blank } from '../../rotation/inventory.ts';
import { decide, type CheckReport } from './decide.ts';
import type { SeenCertificate, SeenCopy } from './picture.ts';
import { renderJson } from './render-json.ts';
import { renderText } from './render-text.ts';
import { seenAdmin } from './testing.ts';

const now = new Date('2030-03-01T00:00:00Z');

const copy: SeenCopy = {
  path: '/home/a/.kube/config',
  user: 'me',
  subject: 'CN=kubernetes-admin',
  serial: '0b',
  notBefore: '2029-01-01T00:00:00Z',
  notAfter: '2030-01-01T00:00:00Z',
  isOurs: true,
  of: { path: '/etc/kubernetes/admin.conf', isRenewed: true },
  isReadableByOthers: false,
};

const report = (certificates: readonly SeenCertificate[], copies: readonly SeenCopy[] = []): CheckReport =>
  decide(
    {
      certificates,
      authorities: { kubernetes: [], etcd: [], 'front-proxy': [] },
      caKeys: { kubernetes: { kind: 'here', certPath: '/ca.crt', keyPath: '/ca.key' } },
      copies,
      rotation: { kind: 'none' },
      stopped: [],
      withoutManifest: [],
      manifests: undefined,
      call: 'cert-renew',
      tool: 'crictl',
      notes: ['a note'],
    },
    now,
  );

const due = { notBefore: '2029-03-05T00:00:00Z', notAfter: '2030-03-05T00:00:00Z' };
const older: SeenCertificate['use'] = { kind: 'older', text: 'it was started before' };

describe('the text', () => {
  it('has the sentence on top, then the table, remarks, copies and notes', () => {
    const ca = seenAdmin({ title: 'certificate authority' }, { id: 'ca.crt', path: '/ca.crt', kind: 'ca' });
    expect(renderText(report([seenAdmin({ use: older }, due), ca], [copy]), false)).toBe(
      `Safe until 2030-03-05 (4 d), when admin.conf ends; 1 of 1 certificates is due; next: cert-renew all

CERTIFICATE  USED FOR                    EXPIRES     LEFT   CA          KEY   IN USE
admin.conf   administrator’s kubeconfig  2030-03-05  4 d    kubernetes  fits  OLDER
ca.crt       certificate authority       2030-11-01  245 d  -           here  -

admin.conf (/etc/kubernetes/admin.conf): it was started before
ca.crt (/ca.crt): this CA ends in 245 d, and all that it signed with it: plan its replacement

COPIES, WHICH NOBODY RENEWS  USER  EXPIRES     LEFT
/home/a/.kube/config         me    2030-01-01  -59 d  a copy of /etc/kubernetes/admin.conf; put the present one there: cp /etc/kubernetes/admin.conf /home/a/.kube/config

note: a note
`,
    );
  });

  it('fits 120 columns with every certificate of the catalogue', () => {
    const rows = catalogue.map(({ id, title }) =>
      seenAdmin(
        { id, title, use: { kind: 'stopped', text: '' } },
        { id, ca: null, notAfter: '2040-01-01T00:00:00Z' },
      ),
    );
    const lines = renderText(report(rows), false)
      .split('\n')
      .slice(2, 3 + rows.length);
    expect(lines).toHaveLength(catalogue.length + 1);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('is coloured where it is asked to be, and only there', () => {
    const some = report(
      [seenAdmin({}, due), seenAdmin({ use: older }, { notAfter: '2030-01-01T00:00:00Z' })],
      [copy],
    );
    expect(renderText(some, false)).not.toContain('\u001B');
    expect(renderText(some, true)).toContain('\u001B[31mNOT safe');
    expect(renderText(some, true)).toContain('\u001B[33madmin.conf');
  });

  const evil = 'a\u001B]0;x\u0007\u202Eb\nc';

  it.each<[string, CheckReport]>([
    [
      'a file name',
      report([seenAdmin({}, { id: evil, path: evil, state: 'Unreadable', reason: `${evil} is bad` })]),
    ],
    ['a user of a copy', report([seenAdmin()], [{ ...copy, path: evil, user: evil }])],
    ['an issuer', report([seenAdmin({}, { ca: null, state: 'Unmanaged', issuer: evil })])],
  ])('%s cannot steer the terminal', (_, written) => {
    for (const text of [renderText(written, false), renderJson(written)]) {
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(text).toContain('a]0;xb c');
    }
  });
});

describe('the JSON', () => {
  it('is one object with the names of the inventory', () => {
    const text = renderJson(report([seenAdmin()], [copy]));
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      schema: 1,
      clock: '2030-03-01T00:00:00.000Z',
      exitCode: 0,
      sentence:
        'Safe until 2030-11-01 (245 d), when admin.conf ends; nothing is due before 2030-08-20 (admin.conf)',
      safeUntil: '2030-11-01T00:00:00Z',
      next: [],
      certificates: [
        {
          id: 'admin.conf',
          path: '/etc/kubernetes/admin.conf',
          kind: 'kubeconfig',
          ca: 'kubernetes',
          subject: 'CN=kubernetes-admin',
          issuer: 'CN=kubernetes',
          serial: '0a',
          notBefore: '2029-11-01T00:00:00Z',
          notAfter: '2030-11-01T00:00:00Z',
          sans: [],
          keyAlgorithm: '',
          sha256: '',
          state: 'Ok',
          reason: '',
          title: 'administrator’s kubeconfig',
          verdict: 'Fine',
          daysLeft: 245,
          dueAt: '2030-08-20T00:00:00Z',
          key: 'fits',
          use: { kind: 'none' },
          remarks: [],
        },
      ],
      caKeys: { kubernetes: { kind: 'here', certPath: '/ca.crt', keyPath: '/ca.key' } },
      copies: [
        {
          path: '/home/a/.kube/config',
          user: 'me',
          subject: 'CN=kubernetes-admin',
          serial: '0b',
          notBefore: '2029-01-01T00:00:00Z',
          notAfter: '2030-01-01T00:00:00Z',
          verdict: 'Expired',
          of: '/etc/kubernetes/admin.conf',
          remark:
            'a copy of /etc/kubernetes/admin.conf; put the present one there: cp /etc/kubernetes/admin.conf /home/a/.kube/config',
        },
      ],
      rotation: { kind: 'none' },
      stopped: [],
      notes: ['a note'],
    });
  });

  it('says null where nothing is known', () => {
    const value: { safeUntil: unknown; certificates: unknown } = JSON.parse(
      renderJson(report([seenAdmin({}, { ...blank, state: 'Unreadable', reason: 'x' })])),
    );
    expect(value.safeUntil).toBeNull();
    expect(value.certificates).toMatchObject([{ daysLeft: null, dueAt: null, verdict: 'Unreadable' }]);
  });
});
