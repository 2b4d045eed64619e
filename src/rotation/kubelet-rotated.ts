// R2: the kubelet has renewed its client certificate by itself after the rotation was planned. That is done, not a
// conflict: what it has stays, and is told with the rest.
import type { Journal, JournalCertificate } from './journal.ts';
import type { Material } from './material.ts';
import type { Outcome, RotationOrder } from './types.ts';

export interface Sorted {
  /** What is still to be renewed. */
  readonly due: readonly Material[];
  readonly rotated: readonly JournalCertificate[];
}

/** `planned` is what the plan saw; without one (made by hand, offline) everything is renewed. */
export function sortKubeletRotated(
  materials: readonly Material[],
  planned: RotationOrder['clientPlanned'],
): Sorted {
  const isRotated = ({ id, certificate }: Material) =>
    planned !== undefined &&
    id === 'kubelet-client-current.pem' &&
    certificate.serial !== planned.serial &&
    certificate.notAfter > planned.notAfter;
  return {
    due: materials.filter((material) => !isRotated(material)),
    rotated: materials.filter(isRotated).map((material) => doneBy(material, planned)),
  };
}

function doneBy(
  { id, location, certificate }: Material,
  planned: RotationOrder['clientPlanned'],
): JournalCertificate {
  return {
    id,
    location,
    oldSerial: planned?.serial ?? '',
    newSerial: certificate.serial,
    oldNotAfter: (planned?.notAfter ?? certificate.notAfter).toISOString(),
    newNotAfter: certificate.notAfter.toISOString(),
    rotatedByKubelet: true,
    proof: 'KubeletRotated: the kubelet had renewed it by itself',
  };
}

/** Told with the kubelet's other certificate; where there is none in this rotation, in a note. */
export function withKubeletRotated(journal: Journal, rotated: readonly JournalCertificate[]): Journal {
  if (rotated.length === 0) return journal;
  if (!journal.stages.some(({ name }) => name === 'kubelet')) {
    const notes = rotated.map(
      ({ id, newSerial }) => `${id}: the kubelet had renewed it by itself (${newSerial})`,
    );
    return { ...journal, notes: [...journal.notes, ...notes] };
  }
  return {
    ...journal,
    stages: journal.stages.map((stage) =>
      stage.name === 'kubelet' ? { ...stage, certificates: [...stage.certificates, ...rotated] } : stage,
    ),
  };
}

/** Nothing else was asked for. */
export function onlyKubeletRotated(rotated: readonly JournalCertificate[]): Outcome {
  return {
    schema: 1,
    outcome: 'succeeded',
    reason: 'KubeletRotated',
    message: 'the kubelet had renewed it by itself',
    steps: [],
    certificates: rotated.flatMap(({ id, oldSerial, newSerial, oldNotAfter, newNotAfter, proof = '' }) =>
      id === undefined ? [] : [{ id, oldSerial, newSerial, oldNotAfter, newNotAfter, proof }],
    ),
  };
}
