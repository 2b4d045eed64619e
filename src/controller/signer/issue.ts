// Turns a judgement into a certificate. Nothing else in the controller uses a CA key.
import type { Certificate } from '../../pki/certificate.ts';
import { issueFromIdentity, issueSuccessor, newSerial } from '../../pki/issue.ts';
import { validity } from '../../pki/time.ts';
import type { Configuration } from '../configuration.ts';
import type { Judgement } from './judge.ts';

/** The new certificate. Errors: those of pki (CaExpired, Unsupported, …). */
export function issue(
  judgement: Judgement & { verdict: 'sign' },
  { lifetimes, backdate }: Pick<Configuration, 'lifetimes' | 'backdate'>,
  now: Date,
): Certificate {
  const { id, identity, ca, spki } = judgement;
  const isKubelet = id === 'kubelet.crt' || id === 'kubelet-client-current.pem';
  const { notBefore, notAfter } = validity({
    now,
    lifetimeMs: isKubelet ? lifetimes.kubelet : lifetimes.controlPlane,
    backdateMs: backdate,
    ca: ca.certificate,
  });
  const order = { ca: ca.certificate, caKey: ca.key, spki, notBefore, notAfter, serial: newSerial() };
  return identity.from === 'successor'
    ? issueSuccessor({ ...order, old: identity.old })
    : issueFromIdentity({ ...order, identity });
}
