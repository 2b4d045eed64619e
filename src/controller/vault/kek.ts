// The key-encryption key: 32 random bytes in a Secret of the private namespace, made by the controller at run time
// (a chart's random functions would change it at every upgrade, R10), or a file that an operator mounts.
import { createSecretKey, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { privateNamespace } from '../../kube/types.ts';
import { kekId, type KeyEncryptionKey } from './envelope.ts';

export const kekSecretName = 'cluster-cert-rotator-kek';
const field = 'key';
const keyLength = 32;

/**
 * The KEK of this cluster; made when there is none. A Secret that is there is never changed, whatever it holds.
 * `file`: path of a mounted file with 32 bytes, raw or base64. Errors: BadConfiguration, NotFound, those of the API.
 */
export async function openKek(client: KubeClient, file?: string): Promise<KeyEncryptionKey> {
  if (file !== undefined) return fromBytes(await readMounted(file), `file ${file}`);
  const ref = { name: kekSecretName, namespace: privateNamespace };
  const where = `Secret ${privateNamespace}/${kekSecretName}`;
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const secret = await client.get(resources.secrets, ref);
    if (secret !== undefined) return fromBytes(Buffer.from(secret.data?.[field] ?? '', 'base64'), where);
    const made = randomBytes(keyLength);
    const written = await client.create(resources.secrets, {
      metadata: { ...ref, labels: { 'app.kubernetes.io/name': 'cluster-cert-rotator' } },
      type: 'Opaque',
      data: { [field]: made.toString('base64') },
    });
    if (written.ok) return fromBytes(made, where);
    // Another replica was faster: its key counts.
  }
  throw new CertError('Conflict', `${where} appears and vanishes; look for what else writes it`);
}

async function readMounted(file: string): Promise<Buffer> {
  try {
    const bytes = await readFile(file);
    const text = bytes.toString('latin1').trim();
    return bytes.length !== keyLength && /^[A-Za-z0-9+/]{43}=$/u.test(text)
      ? Buffer.from(text, 'base64')
      : bytes;
  } catch (cause) {
    throw new CertError('NotFound', 'the file of the key-encryption key cannot be read', { file, cause });
  }
}

function fromBytes(bytes: Buffer, where: string): KeyEncryptionKey {
  if (bytes.length !== keyLength) {
    throw new CertError(
      'BadConfiguration',
      `${where} must hold a key-encryption key of ${keyLength} bytes, and holds ${bytes.length}; restore it from a ` +
        'backup, or delete it: a new one is made and the CA captured again',
    );
  }
  const key = createSecretKey(bytes);
  return { id: kekId(key), key };
}
