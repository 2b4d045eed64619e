// A rotation that was interrupted has ended well, and has done nothing twice.
import { expect } from 'vitest';
import { action, auditedSince, writes, type AuditMark } from './audit.ts';
import type { Bed } from './bed.ts';
import { factsOf } from './certificates.ts';
import { rotations, type Rotation } from './product.ts';

/** By the object, the disk, and the number of requests that were made and signed. */
export async function expectRenewedOnce(bed: Bed, rotation: Rotation, mark: AuditMark): Promise<void> {
  const { metadata, spec, status } = rotation;
  expect(status?.phase, status?.message).toBe('Succeeded');
  const certificates = status?.certificates ?? [];
  expect(certificates.map(({ id }) => id).toSorted()).toEqual(spec.certificates.toSorted());
  for (const { id, newSerial, proof } of certificates) {
    expect(proof, id).toBeTruthy();
    expect((await factsOf(bed, spec.nodeName, id)).serial, id).toBe(newSerial);
  }
  const own = writes(auditedSince(bed, mark)).filter(
    ({ objectRef }) =>
      objectRef?.resource === 'certificatesigningrequests' && objectRef.name?.startsWith(metadata.name),
  );
  for (const what of ['create certificatesigningrequests', 'certificatesigningrequests/status']) {
    const names = own.filter((event) => action(event).includes(what)).map(({ objectRef }) => objectRef?.name);
    expect(new Set(names).size, what).toBe(certificates.length);
    expect(names.length, `${what}: each once`).toBe(certificates.length);
  }
  const others = (await rotations(bed)).filter(
    (one) => one.spec.nodeName === spec.nodeName && one.metadata.uid !== metadata.uid,
  );
  expect(
    others.map((one) => one.status?.phase).filter((phase) => phase !== 'Superseded' && phase !== 'Scheduled'),
  ).toEqual([]);
}
