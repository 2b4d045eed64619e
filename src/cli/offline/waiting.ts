// The request of this node that waits for its answer, on this node alone: its new keys are here and nowhere else.
import { posix } from 'node:path';
import * as v from 'valibot';
import { certificateIds, type CertificateId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import { makeDirectories, writeAtomically } from '../../rotation/bytes.ts';
import { readPrivateKey, writePrivateKey, type KeyPair } from '../../pki/keys.ts';
import type { RotationNode } from '../../rotation/types.ts';
import { ownCall } from '../own-call.ts';
import { asRequest, type RequestBlock } from './block.ts';

export interface Waiting {
  readonly block: RequestBlock;
  /** What was wished; some keys may have had to stay (plan-keys). */
  readonly newKey: boolean;
  /** Those that are new. */
  readonly keys: ReadonlyMap<CertificateId, KeyPair>;
}

const shape = v.object({
  schema: v.literal(1),
  newKey: v.boolean(),
  request: v.unknown(),
  keys: v.array(v.object({ id: v.picklist(certificateIds), key: v.string() })),
});

/** One file, written at once: there is no half of a request. */
export function writeWaiting({ files, layout }: RotationNode, { block, newKey, keys }: Waiting): void {
  makeDirectories(files, posix.dirname(layout.waiting));
  const style = { form: 'pkcs8', ecParameters: false } as const;
  const value = {
    schema: 1,
    newKey,
    request: block,
    keys: [...keys].map(([id, { key }]) => ({ id, key: writePrivateKey(key, style) })),
  };
  const text = `${JSON.stringify(value, undefined, 1)}\n`;
  writeAtomically(files, layout.waiting, new Uint8Array(Buffer.from(text, 'utf8')));
}

/**
 * Undefined: none waits.
 *
 * @throws CertError Unsupported when the file is none of this version
 */
export function readWaiting({ files, layout }: Pick<RotationNode, 'files' | 'layout'>): Waiting | undefined {
  if (files.lstat(layout.waiting) === undefined) return undefined;
  const text = Buffer.from(files.read(layout.waiting)).toString('utf8');
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), shape), text);
  const block = parsed.success ? asRequest(parsed.output.request) : undefined;
  if (!parsed.success || block === undefined) {
    throw new CertError(
      'Unsupported',
      `${layout.waiting} is no request of this cert-renew; remove it and run ${ownCall()} request again`,
      { file: layout.waiting },
    );
  }
  const keys = new Map(parsed.output.keys.map(({ id, key }) => [id, readPrivateKey(key)]));
  return { block, newKey: parsed.output.newKey, keys };
}

export function forgetWaiting({ files, layout }: RotationNode): void {
  if (files.lstat(layout.waiting) === undefined) return;
  files.unlink(layout.waiting);
  files.syncDirectory(posix.dirname(layout.waiting));
}
