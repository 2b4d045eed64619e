import { describe, expect, it } from 'vitest';
import { blank } from '../../rotation/inventory.ts';
import { decide } from './decide.ts';
import { madeAtStart } from '../missed.ts';
import type { RuntimeTool } from '../restart-advice.ts';
import type { NodePicture, SeenCertificate, SeenCopy } from './picture.ts';
import { seenAdmin } from './testing.ts';

const now = new Date('2030-03-01T00:00:00Z');
const day = 86_400_000;
const inDays = (days: number): string =>
  new Date(now.getTime() + days * day).toISOString().replace('.000', '');

type Change = Partial<Omit<SeenCertificate, 'row'>> & { readonly row?: Partial<SeenCertificate['row']> };

const leaf = (daysLeft: number, { row, ...change }: Change = {}): SeenCertificate =>
  seenAdmin(
    { title: 'x', caNotAfter: new Date(inDays(3000)), ...change },
    { subject: '', notBefore: inDays(daysLeft - 365), notAfter: inDays(daysLeft), ...row },
  );

const ca = (daysLeft: number): SeenCertificate =>
  leaf(daysLeft, {
    row: { id: 'ca.crt', path: '/etc/kubernetes/pki/ca.crt', kind: 'ca', notBefore: inDays(-1000) },
  });

const kubelet = (daysLeft: number, change: Change = {}): SeenCertificate =>
  leaf(daysLeft, {
    id: 'kubelet.crt',
    component: 'kubelet',
    profile: 91 * day,
    ...change,
    row: { id: 'kubelet.crt', path: '/var/lib/kubelet/pki/kubelet.crt', kind: 'pair', ...change.row },
  });

const unreadable = leaf(0, { row: { ...blank, state: 'Unreadable', reason: 'it is a directory' } });

const here = {
  kind: 'here',
  certPath: '/etc/kubernetes/pki/ca.crt',
  keyPath: '/etc/kubernetes/pki/ca.key',
} as const;

const picture = (certificates: readonly SeenCertificate[], more: Partial<NodePicture> = {}): NodePicture => ({
  certificates,
  authorities: { kubernetes: [], etcd: [], 'front-proxy': [] },
  caKeys: { kubernetes: here },
  copies: [],
  rotation: { kind: 'none' },
  stopped: [],
  withoutManifest: [],
  manifests: '/etc/kubernetes/manifests',
  call: 'cert-renew',
  tool: 'crictl',
  notes: [],
  ...more,
});

describe('the exit code and the sentence', () => {
  it.each<[string, readonly SeenCertificate[], number, string]>([
    [
      'all fine',
      [leaf(300), leaf(200), ca(3000)],
      0,
      'Safe until 2030-09-17 (200 d), when admin.conf ends; nothing is due before 2030-07-06 (admin.conf)',
    ],
    [
      'one due',
      [leaf(300), leaf(20), ca(3000)],
      10,
      'Safe until 2030-03-21 (20 d), when admin.conf ends; 1 of 2 certificates is due; next: cert-renew all',
    ],
    [
      'one expired',
      [leaf(300), leaf(-3)],
      11,
      'NOT safe: admin.conf expired 3 d ago, on 2030-02-26; next: cert-renew all',
    ],
    [
      'all expired',
      [leaf(-10), leaf(-10), ca(3000)],
      11,
      'NOT safe: 2 of 2 certificates have expired, admin.conf first, 10 d ago, on 2030-02-19; next: cert-renew all',
    ],
    [
      'the CA expired, and what it signed with it',
      [leaf(-1), ca(-1)],
      11,
      'NOT safe: the CA /etc/kubernetes/pki/ca.crt expired 24.0 h ago, on 2030-02-28, and with it all that it signed; next: replace the CA /etc/kubernetes/pki/ca.crt, which nothing can outlive',
    ],
    [
      'the CA ends so soon that a renewal gains nothing',
      [leaf(20, { caNotAfter: new Date(inDays(20)) }), ca(20)],
      10,
      'Safe until 2030-03-21 (20 d), when admin.conf ends; 1 of 1 certificates is due; next: replace the CA /etc/kubernetes/pki/ca.crt, which nothing can outlive',
    ],
    [
      'the CA ends in a year',
      [leaf(300), ca(350)],
      0,
      'Safe until 2030-12-26 (300 d), when admin.conf ends; nothing is due before 2030-10-14 (admin.conf)',
    ],
    [
      'the CA ends first, which is never due',
      [leaf(200), ca(190)],
      0,
      'Safe until 2030-09-07 (190 d), when ca.crt ends; nothing is due before 2030-07-06 (admin.conf)',
    ],
    ['one cannot be read', [leaf(300), unreadable], 2, 'NOT known to be safe: admin.conf: it is a directory'],
    [
      'expired goes before unreadable',
      [unreadable, leaf(-3)],
      11,
      'NOT safe: admin.conf expired 3 d ago, on 2030-02-26; next: cert-renew all',
    ],
    [
      'unreadable goes before due',
      [leaf(5), unreadable],
      2,
      'NOT known to be safe: admin.conf: it is a directory; next: cert-renew all',
    ],
    [
      'a key does not fit',
      [leaf(300, { key: 'mismatch', row: { state: 'KeyMismatch' } })],
      2,
      'NOT known to be safe: admin.conf: its key does not fit it; next: put /etc/kubernetes/admin.conf and its key back from a backup (cert-renew restore BACKUP), or renew it',
    ],
    [
      'the clock is off',
      [leaf(400, { row: { notBefore: inDays(10) } })],
      2,
      'NOT known to be safe: admin.conf: not valid before 2030-03-11T00:00:00Z, and the clock of this node says 2030-03-01T00:00:00.000Z: check the clock',
    ],
    [
      'nothing at all',
      [],
      2,
      'NOT known: there is no certificate of Kubernetes that can be read here; run it as root on a node, or name files',
    ],
    [
      'kubelet.crt that nobody signed is not counted, whatever its end (R3)',
      [leaf(300), kubelet(-5, { row: { ca: null, state: 'SelfSigned' } })],
      0,
      'Safe until 2030-12-26 (300 d), when admin.conf ends; nothing is due before 2030-10-14 (admin.conf)',
    ],
    [
      'what the kubelet renews is not due (R2)',
      [kubelet(3, { row: { state: 'KubeletManaged' } })],
      0,
      'Safe until 2030-03-04 (3 d), when kubelet.crt ends',
    ],
    [
      'what the kubelet renews, expired (R2)',
      [kubelet(-3, { row: { state: 'KubeletManaged' } })],
      11,
      'NOT safe: kubelet.crt expired 3 d ago, on 2030-02-26; next: kubectl get csr, then kubectl certificate approve NAME',
    ],
    [
      'signed elsewhere, due',
      [leaf(5, { row: { ca: null, state: 'Unmanaged', issuer: 'CN=corporate' } })],
      10,
      'Safe until 2030-03-06 (5 d), when admin.conf ends; 1 of 1 certificates is due; next: renew /etc/kubernetes/admin.conf where it was made (CN=corporate)',
    ],
    [
      'what runs shows an older one',
      [kubelet(80, { use: { kind: 'older', text: 'old', serial: '9', notAfter: inDays(2) } })],
      10,
      'Safe until 2030-03-03 (2 d), when kubelet.crt ends; 1 is not in use yet; next: restart kubelet',
    ],
    [
      'what runs shows an expired one',
      [kubelet(80, { use: { kind: 'older', text: 'old', serial: '9', notAfter: inDays(-2) } })],
      11,
      'NOT safe: kubelet.crt expired 2 d ago, on 2030-02-27; next: restart kubelet',
    ],
  ])('%s', (_, certificates, exitCode, sentence) => {
    const report = decide(picture(certificates), now);
    expect(report.sentence).toBe(sentence);
    expect(report.exitCode).toBe(exitCode);
  });

  it('names what does not run, and a rotation without its end', () => {
    const more = {
      stopped: ['etcd', 'kubelet'],
      rotation: { kind: 'unfinished', text: 'a rotation stopped' },
    } as const;
    expect(decide(picture([leaf(300)], more), now)).toMatchObject({
      sentence: expect.stringMatching(
        /; a rotation stopped; not running: etcd, kubelet; next: cert-renew all$/,
      ),
      exitCode: 0,
    });
  });
});

describe('what to do next', () => {
  const key = { kind: 'absent', why: '' } as const;

  it('without the CA’s key a control plane signs', () => {
    const rows = [
      kubelet(-1),
      kubelet(5, { row: { path: '/var/lib/kubelet/pki/kubelet-client-current.pem' } }),
    ];
    expect(decide(picture(rows, { caKeys: { kubernetes: key } }), now).next).toEqual([
      'cert-renew request /var/lib/kubelet/pki/kubelet.crt /var/lib/kubelet/pki/kubelet-client-current.pem',
    ]);
  });

  it('commands are called as this program is, with paths that a shell takes as they are', () => {
    const call = '/opt/cert-renew';
    const row = { path: "/srv/it's x.crt", kind: 'certificate' } as const;
    const rows = [leaf(5), leaf(5, { id: undefined, row })];
    expect(decide(picture(rows, { call }), now)).toMatchObject({
      sentence: expect.stringContaining('; next: /opt/cert-renew all; /opt/cert-renew --ca-cert '),
      next: [
        '/opt/cert-renew all',
        String.raw`/opt/cert-renew --ca-cert /etc/kubernetes/pki/ca.crt --ca-key /etc/kubernetes/pki/ca.key '/srv/it'\''s x.crt'`,
      ],
    });
    const broken = leaf(100, { key: 'mismatch' });
    expect(decide(picture([broken], { call }), now).next.join()).toContain(
      '(/opt/cert-renew restore BACKUP)',
    );
  });

  it('what has lost its manifest is put back before all else', () => {
    const rotation = { kind: 'unfinished', text: '' } as const;
    const more = { rotation, withoutManifest: ['etcd', 'kube-scheduler'] } as const;
    expect(decide(picture([leaf(5)], more), now).next).toEqual([
      'put the manifests of etcd, kube-scheduler back into /etc/kubernetes/manifests, then run cert-renew check again',
      'cert-renew all',
    ]);
    expect(decide(picture([leaf(5)], { ...more, manifests: undefined }), now).next[0]).toBe(
      'put the manifests of etcd, kube-scheduler back and name their directory to the kubelet (staticPodPath), then run cert-renew check again',
    );
  });

  it('an interrupted rotation is finished without the CA’s key too', () => {
    const rotation = { kind: 'unfinished', text: '' } as const;
    const { next } = decide(picture([kubelet(80)], { rotation, caKeys: { kubernetes: key } }), now);
    expect(next).toEqual(['cert-renew all']);
  });

  it('a restart is a line to paste', () => {
    const use = { kind: 'older', text: 'started before' } as const;
    const row = { id: 'scheduler.conf', path: '/etc/kubernetes/scheduler.conf' };
    const { next, certificates } = decide(
      picture([leaf(300, { component: 'kube-scheduler', use, row })]),
      now,
    );
    const command = "crictl ps --quiet --name '^kube-scheduler$' | xargs -r crictl stop";
    expect(next).toEqual([command]);
    expect(certificates[0]?.remarks).toEqual([`started before; restart it: ${command}`]);
  });

  it('a restart is advised by the tool that is there', () => {
    const use = { kind: 'older', text: 'started before' } as const;
    const row = { id: 'scheduler.conf', path: '/etc/kubernetes/scheduler.conf' };
    const seen = leaf(300, { component: 'kube-scheduler', use, row });
    const of = (tool: RuntimeTool) => decide(picture([seen], { tool }), now).next.join();
    expect(of('ctr')).toMatch(/^ctr --namespace k8s\.io containers list .*==kube-scheduler' \| xargs .*ctr/);
    expect(of('none')).toBe('pidof kube-scheduler | xargs -r kill');
  });

  it('a file that is none of the node’s own is renewed by its name, where its CA is here', () => {
    const row = { path: '/srv/x.crt', kind: 'certificate' } as const;
    expect(decide(picture([leaf(5, { id: undefined, row })]), now).next).toEqual([
      'cert-renew --ca-cert /etc/kubernetes/pki/ca.crt --ca-key /etc/kubernetes/pki/ca.key /srv/x.crt',
    ]);
    expect(decide(picture([leaf(5, { id: undefined, row: { ...row, ca: null } })]), now).next).toEqual([
      'renew /srv/x.crt where its CA is (CN=kubernetes)',
    ]);
  });

  it('with an expired CA nothing is said to be renewed', () => {
    const { next } = decide(picture([leaf(-1), ca(-1)]), now);
    expect(next.join()).not.toContain('cert-renew');
  });
});

describe('what a row says beside', () => {
  it.each<[string, SeenCertificate, readonly string[]]>([
    [
      'a CA that ends within a year',
      ca(100),
      ['this CA ends in 100 d, and all that it signed with it: plan its replacement'],
    ],
    ['a CA that does not', ca(400), []],
    [
      'signed by another',
      leaf(300, { row: { ca: null, state: 'Unmanaged', issuer: 'CN=corporate' } }),
      ['signed by none of the CAs on this disk (issuer CN=corporate): cert-renew leaves it alone'],
    ],
    [
      'a directory that others may write',
      leaf(300, { row: { state: 'WritableByOthers', reason: 'others' } }),
      ['others'],
    ],
    [
      'a server that does not answer',
      kubelet(80, { use: { kind: 'unknown', text: 'no answer' } }),
      ['no answer'],
    ],
    [
      'kubelet.crt that is not there',
      kubelet(0, { row: { ...blank, state: 'NotPresent', reason: madeAtStart } }),
      [madeAtStart],
    ],
    [
      'one that the kubelet’s configuration names and that is not there',
      kubelet(0, { row: { ...blank, state: 'NotPresent', reason: 'it is gone' } }),
      ['it is gone'],
    ],
  ])('%s', (_, seen, remarks) => {
    expect(decide(picture([seen]), now).certificates[0]?.remarks).toEqual(remarks);
  });
});

describe('copies elsewhere (R27)', () => {
  const copy = (change: Partial<SeenCopy>): SeenCopy => ({
    path: '/home/a/.kube/config',
    user: 'admin',
    subject: 'CN=kubernetes-admin',
    serial: '1',
    notBefore: inDays(-300),
    notAfter: inDays(65),
    isOurs: true,
    of: { path: '/etc/kubernetes/admin.conf', isRenewed: false },
    isReadableByOthers: false,
    ...change,
  });

  it.each<[string, Partial<SeenCopy>, string, RegExp]>([
    ['of the present one', {}, 'Current', /^a copy of \/etc\/kubernetes\/admin\.conf$/],
    [
      'of one that was renewed since',
      { of: { path: '/etc/kubernetes/admin.conf', isRenewed: true } },
      'Stale',
      /put the present one there: cp \/etc\/kubernetes\/admin\.conf \/home\/a\/\.kube\/config$/,
    ],
    ['expired, a person’s own', { notAfter: inDays(-1), of: undefined }, 'Expired', /^renew it by hand$/],
    ['of another cluster', { isOurs: false, notAfter: inDays(-1) }, 'Foreign', /^signed by another CA/],
    ['that others may read', { isReadableByOthers: true }, 'Current', /; others may read its key$/],
  ])('%s, is told and not counted', (_, change, verdict, remark) => {
    const report = decide(picture([leaf(300)], { copies: [copy(change)] }), now);
    expect(report.copies).toMatchObject([{ verdict, remark: expect.stringMatching(remark) }]);
    expect(report.exitCode).toBe(0);
  });
});
