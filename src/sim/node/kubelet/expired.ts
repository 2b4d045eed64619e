// A kubelet whose client certificate has expired and that has no bootstrap kubeconfig ends at its start (R15).
import * as fs from 'node:fs';
import { currentUser, parseKubeconfig } from '../../../formats/kubeconfig.ts';
import { parseCertificate } from '../../../pki/parse.ts';
import { readPem } from '../../../pki/pem.ts';

/** @throws Error in the real kubelet's words */
export function refuseExpired(kubeconfig: string, now: Date): void {
  const source = currentUser(parseKubeconfig(fs.readFileSync(kubeconfig, 'utf8'), kubeconfig))?.certificate;
  if (source === undefined) return;
  const text = source.kind === 'data' ? source.pem : fs.readFileSync(source.path, 'utf8');
  const block = readPem(text).find(({ label }) => label === 'CERTIFICATE');
  if (block === undefined) throw new Error(`${kubeconfig} names no certificate`);
  const { notAfter } = parseCertificate(block.der);
  if (notAfter <= now)
    throw new Error(
      `part of the existing bootstrap client certificate in ${kubeconfig} is expired: ${notAfter.toISOString()}`,
    );
}
