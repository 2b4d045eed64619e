// Which certificates get a new key, and the requests that go to the signer.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { posix } from 'node:path';
import { generateLikeAsync, type KeyPair } from '../pki/keys.ts';
import { makeRequest, renewalBytes, signRenewal } from '../pki/request.ts';
import { type Material } from './material.ts';
import { bootRecovery } from './recover-unit.ts';
import type { RotationNode, RotationOrder, SigningRequest } from './types.ts';
import { certificateFile } from '../catalogue/discover.ts';

export interface Plan {
  readonly material: Material;
  readonly request: SigningRequest;
  /** The new private key; undefined: the old one stays. */
  readonly newKey: KeyObject | undefined;
}

/**
 * A new key for each, or the old one where a new one could not be put in place safely. Each comes when its key is made, so
 * that it can be signed while others are still made.
 */
export function planKeys(
  node: RotationNode,
  order: Omit<RotationOrder, 'targets'>,
  materials: readonly Material[],
  notes: string[],
): Promise<Plan>[] {
  // Asked for only where it matters: it compares the executable with its staged copy, byte by byte.
  const pairsMayChange = order.keyPolicy === 'new' && materials.some(isPair);
  const recovery = pairsMayChange ? bootRecovery(node.files, node.layout) : { possible: false, why: '' };
  if (pairsMayChange && !recovery.possible)
    notes.push(`pairs keep their key, since the boot could not recover them: ${recovery.why}`);
  const shared = sharedKeys(materials);
  return materials.map(async (material, index) => {
    const inPair = isPair(material);
    const keep =
      order.keyPolicy === 'keep' ||
      (inPair && (!recovery.possible || shared.has(keyPathOf(material)))) ||
      isKeyUnmakeable(material);
    const make = async (): Promise<KeyPair | undefined> =>
      keep ? undefined : await generateLikeAsync(material.certificate);
    const pair = order.madeKey === undefined ? await make() : madeKey(order.madeKey, material);
    const key = pair?.key ?? material.key;
    const spki = pair?.spki ?? new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }));
    return {
      material,
      newKey: pair?.key,
      request: makeSigningRequest(order, material, { key, spki, index }),
    };
  });
}

const madeKey = (made: NonNullable<RotationOrder['madeKey']>, { id }: Material): KeyPair | undefined =>
  id === undefined ? undefined : made(id);

const isPair = ({ location }: Material): boolean =>
  location.form === 'pair' && location.certPath !== location.keyPath;
const keyPathOf = ({ files }: Material): string => files.find(({ role }) => role === 'key')?.path ?? '';

/** Ed25519 and odd RSA sizes are served as they are: current verifiers of Kubernetes would refuse a new one. */
function isKeyUnmakeable({ certificate }: Material): boolean {
  const bits = Number(/^RSA-(\d+)$/.exec(certificate.keyAlgorithm)?.[1] ?? 0);
  if (bits > 0) return bits < 2048 || bits > 4096;
  return !certificate.keyAlgorithm.startsWith('P-');
}

/** A key that serves two certificates may not change with one of them. */
function sharedKeys(materials: readonly Material[]): ReadonlySet<string> {
  const paths = materials.filter(isPair).map(keyPathOf);
  return new Set(paths.filter((path, index) => paths.indexOf(path) !== index));
}

function makeSigningRequest(
  order: Omit<RotationOrder, 'targets'>,
  { id, location, certificate, key: oldKey }: Material,
  { key, spki, index }: { key: KeyObject; spki: Uint8Array; index: number },
): SigningRequest {
  const label = id ?? posix.basename(certificateFile(location));
  const { rotationUID } = order;
  return {
    key: `${label} ${index}`,
    id,
    path: certificateFile(location),
    ...(location.form === 'kubeconfig' ? { user: location.user } : {}),
    // Made when a signer asks for it: one beside the keys does not.
    get requestDer() {
      return makeRequest({ key, spki }, label);
    },
    spki,
    oldCertificate: certificate,
    ...(rotationUID === undefined || id === undefined
      ? {}
      : { possession: signRenewal(oldKey, renewalBytes(rotationUID, id, spki)) }),
  };
}
