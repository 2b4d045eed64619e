// Proof of certificates that are in their files already, by whatever way they came there: an earlier call that was cut
// off, or one that could not prove them since the API server was away. The stage is taken up where its files are swapped.
import type { CertificateId } from '../catalogue/ids.ts';
import { apply, forget, type ApplyOptions } from './driver.ts';
import { journalSchema, writeJournal, type JournalStage } from './journal.ts';
import { type Material } from './material.ts';
import { newJournalId } from './prepare.ts';
import { planStages } from './stages.ts';
import type { NodeFacts, Outcome, RotationNode } from './types.ts';

/** What is in place; there is no way back from it. */
export type InPlace = Material & { readonly id: CertificateId };

/** Restarts what was not started since, and proves. The caller holds the lock; no journal is under way. Errors: Aborted. */
export async function proveInPlace(
  node: RotationNode,
  facts: NodeFacts,
  materials: readonly InPlace[],
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  forget(node);
  const id = newJournalId(node);
  writeJournal(node.files, node.layout, {
    schema: journalSchema,
    id,
    machineId: node.machineId,
    origin: 'cli',
    createdAt: node.now().toISOString(),
    state: 'applying',
    kubeletRestart: 'always',
    facts,
    stages: planStages(materials).map(({ name, members }) => swappedStage(name, members)),
    steps: [],
    notes: [],
  });
  const outcome = await apply(node, options, signal);
  forget(node);
  return outcome;
}

function swappedStage(name: JournalStage['name'], members: readonly InPlace[]): JournalStage {
  const written = members.flatMap((each) => each.files.map(({ stat }) => stat.mtimeNs));
  const last = written.reduce((latest, each) => (each > latest ? each : latest), 0n);
  return {
    name,
    state: 'swapped',
    files: [],
    certificates: members.map(({ id, location, certificate: { serial, notAfter } }) => {
      const end = notAfter.toISOString();
      return { id, location, oldSerial: serial, newSerial: serial, oldNotAfter: end, newNotAfter: end };
    }),
    mayReturn: false,
    swappedAt: new Date(Number(last / 1_000_000n)).toISOString(),
    resumes: 0,
  };
}
