// `cert-renew agent harvest`: the private key of one CA, sealed to the leader's key of this one capture (R11).
import { caIds, type CaId } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { locate } from '../host/discovery.ts';
import { needed, say, seenNode, type Environment } from './face.ts';
import { env } from './protocol.ts';
import { harvestMessage } from './seal.ts';

export async function run(environment: Environment, _signal: AbortSignal): Promise<number> {
  return await say(environment, async () => {
    const publicKey = new Uint8Array(Buffer.from(needed(environment, env.hpkePublicKey), 'base64'));
    const key = readAuthorityFile(environment, needed(environment, env.caKeyPath));
    return await harvestMessage(key, publicKey, {
      podUID: needed(environment, env.podUID),
      nodeUID: needed(environment, env.nodeUID),
      clusterUID: needed(environment, env.clusterUID),
      ca: caIdOf(environment),
    });
  });
}

/** Bytes of a CA's file, undefined when this node does not have it. @throws CertError */
export function readAuthorityFile(environment: Environment, path: string): Uint8Array | undefined {
  const { files, isReachable } = seenNode(environment);
  const place = locate(files, path, isReachable);
  if (place.kind === 'found') return files.read(place.realPath);
  if (place.kind === 'absent') return undefined;
  const why = place.kind === 'problem' ? place.message : 'it lies outside the directories that are mounted';
  throw new CertError('Io', `${path} cannot be read: ${why}`, { file: path });
}

export function caIdOf(environment: Environment): CaId {
  const text = needed(environment, env.ca);
  const id = caIds.find((each) => each === text);
  if (id !== undefined) return id;
  throw new CertError('Usage', `${env.ca}=${text} names no authority; there are ${caIds.join(', ')}`);
}
