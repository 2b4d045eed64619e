// Requests that lie in one thing, each with the check of the signer that must catch it.
import type { Bed } from './bed.ts';
import { pemOf } from './certificates.ts';
import { keyOf, newKey, renewal, type Forgery } from './forgery.ts';

/** What it asks for, the name of the check or guard that says no, and how it differs from an honest one. */
export type Lie = readonly [what: string, check: string, forgery: Partial<Forgery>];

/** Kubernetes lets nobody ask its own signer for it; ours is not even told. */
const ofKubernetes: Lie = [
  'system:masters of Kubernetes’ own signer',
  'CertificateSubjectRestriction',
  { subject: '/O=system:masters/CN=kubernetes-admin', signerName: 'kubernetes.io/kube-apiserver-client' },
];

/** By who may not ask at all, or for a rotation that is not there: `check` is always the same. */
export function plainLies(check: string): readonly Lie[] {
  return [
    ['kubelet.crt of n1', check, { id: 'kubelet.crt' }],
    ['apiserver.crt', check, { id: 'apiserver.crt' }],
    ['admin.conf', check, { id: 'admin.conf' }],
    ofKubernetes,
  ];
}

/** An honest request for w1's kubelet.crt: only who sends it is not. */
export function honestRequest(bed: Bed, rotationUID: string, check: string): Lie {
  const { certificate, key: old } = pemOf(bed, 'w1', 'kubelet.crt');
  const key = newKey();
  const id = 'kubelet.crt';
  const renews = renewal(certificate, old, { rotationUID, id, spki: key.spki });
  return ['kubelet.crt of w1, honest but for who asks', check, { id, key, renews }];
}

/** By a token that is honest itself, for w1's rotation of both kubelet certificates. */
export function lies(bed: Bed, rotationUID: string): readonly Lie[] {
  const [serving, login] = ['kubelet.crt', 'kubelet-client-current.pem'];
  const own = pemOf(bed, 'w1', serving);
  const client = pemOf(bed, 'w1', login);
  const other = pemOf(bed, 'n1', login);
  const masters = pemOf(bed, 'n1', 'super-admin.conf');
  const key = newKey();
  const proof = (old: typeof own, signer: string, id: string, uid = rotationUID) =>
    renewal(old.certificate, signer, { rotationUID: uid, id, spki: key.spki });
  const asLogin = (renews: string) => ({ id: login, key, renews });
  const asServing = (renews: string) => ({ id: serving, key, renews });
  const honest = proof(own, own.key, serving);
  const another = proof(own, own.key, serving, 'another');
  return [
    ['login of n1, proved by w1’s key', 'ProofByOldKey', asLogin(proof(other, client.key, login))],
    ['login of n1, even with n1’s key', 'Identity', asLogin(proof(other, other.key, login))],
    ['login of system:masters, even with its key', 'Identity', asLogin(proof(masters, masters.key, login))],
    ['login without a proof', 'ProofByOldKey', { id: login }],
    ['login, with the annotation for kubelet.crt', 'ProofByOldKey', asLogin(honest)],
    ['apiserver.crt', 'CertificateInRotation', { id: 'apiserver.crt' }],
    ['admin.conf', 'CertificateInRotation', { id: 'admin.conf' }],
    ['kubelet.crt, signed by another key', 'ProofByOldKey', asServing(proof(own, client.key, serving))],
    ['kubelet.crt, annotation of another rotation', 'ProofByOldKey', asServing(another)],
    ['kubelet.crt, annotation of another new key', 'ProofByOldKey', { ...asServing(honest), key: newKey() }],
    [
      'kubelet.crt, annotation of the login’s key',
      'ProofByOldKey',
      { ...asServing(honest), key: keyOf(client.key) },
    ],
    ['kubelet.crt with another SAN', 'WellFormed', { ...asServing(honest), san: `IP:${bed.address('n1')}` }],
    [
      'kubelet.crt with system:masters in its subject',
      'WellFormed',
      { ...asServing(honest), subject: '/O=system:masters/CN=x' },
    ],
    ofKubernetes,
  ];
}
