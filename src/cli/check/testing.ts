// For tests: a certificate as it was seen, whole and fine.
import { blank } from '../../rotation/inventory.ts';
import type { SeenCertificate } from './picture.ts';

/** An administrator's kubeconfig; what a test is about is put in its place. */
export function seenAdmin(
  change: Partial<Omit<SeenCertificate, 'row'>> = {},
  row: Partial<SeenCertificate['row']> = {},
): SeenCertificate {
  return {
    id: 'admin.conf',
    title: 'administrator’s kubeconfig',
    component: 'none',
    profile: 365 * 86_400_000,
    caNotAfter: undefined,
    key: 'fits',
    use: { kind: 'none' },
    remarks: [],
    ...change,
    row: {
      ...blank,
      id: 'admin.conf',
      path: '/etc/kubernetes/admin.conf',
      kind: 'kubeconfig',
      ca: 'kubernetes',
      subject: 'CN=kubernetes-admin',
      issuer: 'CN=kubernetes',
      serial: '0a',
      notBefore: '2029-11-01T00:00:00Z',
      notAfter: '2030-11-01T00:00:00Z',
      state: 'Ok',
      reason: '',
      ...row,
    },
  };
}
