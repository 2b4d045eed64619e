// The CA Secret of another cluster, as somebody restores the wrong backup: made at run time, and signed by nobody.
import { X509Certificate, createHash, randomBytes } from 'node:crypto';
import { run } from './command.ts';

export interface ForeignCa {
  /** sha256 over DER, lower-case hex. */
  readonly sha256: string;
  /** A merge patch for Secret kubernetes-ca. */
  readonly patch: object;
}

export async function foreignCa(): Promise<ForeignCa> {
  const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', '/dev/null'];
  const ca = ['-subj', '/CN=kubernetes', '-days', '3650', '-addext', 'keyUsage=critical,keyCertSign,cRLSign'];
  const pem = await run('openssl', ['req', '-x509', ...key, ...ca]);
  const sha256 = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  const group = 'certrotator.cpaas.io';
  const patch = {
    metadata: {
      annotations: {
        [`${group}/cluster-uid`]: '00000000-0000-4000-8000-000000000000',
        [`${group}/ca-sha256.kubernetes`]: sha256,
      },
    },
    data: {
      'kubernetes.crt': Buffer.from(pem).toString('base64'),
      // as long as a real one, and sealed by a key that this cluster does not have
      'kubernetes.sealed': randomBytes(1400).toString('base64'),
    },
  };
  return { sha256, patch };
}
