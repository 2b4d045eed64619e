// All of `prepare` that writes nothing: what is there is read and judged, etcd is asked, and the new certificates are made
// in memory. A dry run ends here.
import { CertError, describeError } from '../errors.ts';
import type { Reason } from '../policy/reasons.ts';
import type { Circumstances } from './context.ts';
import { refuseUnsafeEtcd } from './etcd-gate.ts';
import { onlyKubeletRotated, sortKubeletRotated, withKubeletRotated } from './kubelet-rotated.ts';
import { tryManifests } from './manifest-file.ts';
import type { Material } from './material.ts';
import { endedBefore } from './outcome.ts';
import { draft, readSubjects, type Draft } from './prepare.ts';
import { stageOf, stageRules } from './stages.ts';
import type { NodeFacts, Outcome, Prepared, RotationNode, RotationOrder, Signer } from './types.ts';

interface Drafting extends Circumstances {
  /** What there is to say before it. */
  readonly notes: readonly string[];
}

/** Errors: those of readSubjects, tryManifests, the gate of etcd, the signer; all of them are refusals but Aborted and Unreachable. */
export async function tryDraft(
  node: RotationNode,
  order: RotationOrder,
  signer: Signer,
  { notes: before, ...circumstances }: Drafting,
  signal: AbortSignal,
): Promise<Draft | { readonly outcome: Outcome }> {
  const notes = [...before];
  const subjects = readSubjects(node, order.targets, notes);
  const { due: materials, rotated } = sortKubeletRotated(subjects, order.clientPlanned);
  if (materials.length === 0 && rotated.length > 0) return { outcome: onlyKubeletRotated(rotated) };
  if (materials.length === 0) {
    const message = notes.join('; ') || 'nothing was asked for';
    return { outcome: endedBefore('nothing-to-do', 'NothingToDo', message) };
  }
  tryManifests(
    node,
    order.facts,
    materials.map(({ id }) => (id === undefined ? 'files' : stageOf(id))),
  );
  await checkEtcd(node, order.facts, materials, circumstances, signal);
  const made = await draft(node, order, materials, signer, signal);
  const noted = { ...made.journal, notes: [...notes, ...made.journal.notes] };
  return { ...made, journal: withKubeletRotated(noted, rotated) };
}

async function checkEtcd(
  node: RotationNode,
  facts: NodeFacts,
  materials: readonly Material[],
  { attended = false, cold = false }: Circumstances,
  signal: AbortSignal,
): Promise<void> {
  const touching = materials.filter(({ id }) => id !== undefined && stageRules[stageOf(id)].needsEtcd);
  if (touching.length === 0) return;
  // A node whose kubelet is down gets at least that back (R15): each stage that leans on etcd is judged by itself.
  if (attended && cold && touching.length < materials.length) return;
  const expired = touching.filter(({ certificate }) => certificate.notAfter <= node.now());
  const renewsExpired = expired.map(({ certificate }) => certificate.serial);
  await refuseUnsafeEtcd(node, facts, { attended, dead: cold, renewsExpired }, signal);
}

/** @throws CertError Unreachable when the signer cannot be asked now, Aborted; what is wrong for good is an outcome */
export async function orRefused<T>(
  work: () => Promise<T>,
): Promise<T | Extract<Prepared, { kind: 'outcome' }>> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted' || error.code === 'Unreachable')
      throw error;
    const reason: Reason = error.code === 'SigningRefused' ? 'SigningRefused' : 'PreflightFailed';
    return { kind: 'outcome', outcome: endedBefore('refused', reason, describeError(error)) };
  }
}

/** For a dry run: what a rotation would end with before it has written anything; undefined: it would begin. */
export async function outcomeAhead(
  node: RotationNode,
  order: RotationOrder,
  signer: Signer,
  circumstances: Circumstances,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const made = await orRefused(() =>
    tryDraft(node, order, signer, { ...circumstances, notes: order.notes ?? [] }, signal),
  );
  return 'outcome' in made ? made.outcome : undefined;
}
