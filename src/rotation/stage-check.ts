// What is looked at before a stage touches anything: are the files what they were, is the place safe, is etcd (R13),
// and would there be a state to return to (R14)?
import { CertError } from '../errors.ts';
import { checkTarget } from '../host/safe-target.ts';
import { readBundle } from '../formats/pem.ts';
import { save, type Context } from './context.ts';
import { refuseUnsafeEtcd, type EtcdPlea } from './etcd-gate.ts';
import { endingSoon } from './journal-check.ts';
import type { JournalCertificate, JournalFile, JournalStage } from './journal.ts';
import { manifestFile } from './manifest-file.ts';
import { look } from './prove.ts';
import { aliveAtAll, ticks } from './prove-process.ts';
import { stageRules } from './stages.ts';
import { isIntact, liveState } from './swap.ts';
import type { RotationNode } from './types.ts';

/** Of the whole rotation: with the certificates of one stage etcd is asked before another. */
const pleaOf = ({ node, journal, attended = false, cold = false }: Context): EtcdPlea => ({
  attended,
  dead: cold,
  renewsExpired: journal.stages
    .flatMap(({ certificates }) => certificates)
    .filter(({ oldNotAfter }) => new Date(oldNotAfter) <= node.now())
    .map(({ oldSerial }) => oldSerial),
});

export interface CheckedStage {
  /** With the manifest, where one is annotated. Empty: nothing is left to do. */
  readonly files: readonly JournalFile[];
  readonly change: Pick<JournalStage, 'certificates' | 'mayReturn'>;
  readonly why: string;
}

/** Errors: Conflict, those of checkTarget, NotProved when etcd is unsafe, Unsupported for the manifest. */
export async function checkStage(context: Context, stage: JournalStage): Promise<CheckedStage> {
  const { node, journal } = context;
  const { certificates, files } = keepKubeletRotated(node, stage);
  const change = { certificates, mayReturn: false };
  if (files.length === 0) return { files, change, why: 'the kubelet has renewed it by itself' };
  for (const file of files) checkFile(node, file);
  if (stageRules[stage.name].needsEtcd)
    await refuseUnsafeEtcd(node, journal.facts, pleaOf(context), context.signal);
  const manifest = manifestFile(context, stage);
  const mayReturn = await whyNoReturn(context, { ...stage, certificates });
  return {
    files: manifest === undefined ? files : [...files, manifest],
    change: { ...change, mayReturn: mayReturn === '' },
    why: mayReturn === '' ? '' : `no way back (R14): ${mayReturn}`,
  };
}

function checkFile({ files }: RotationNode, file: JournalFile): void {
  checkTarget(files, file.path);
  if (liveState(files, file) !== 'old')
    throw new CertError(
      'Conflict',
      `${file.path} was changed by somebody else since it was read; try again`,
      {
        file: file.path,
      },
    );
  if (!isIntact(files, file, 'forward'))
    throw new CertError('JournalForeign', `the new bytes for ${file.path} are not what was prepared`, {
      file: file.path,
    });
}

/** R2: a pem of the kubelet's own that is newer than the one that was read is left alone and counts as done. */
export function keepKubeletRotated(
  node: RotationNode,
  stage: JournalStage,
): Pick<JournalStage, 'certificates' | 'files'> {
  const rotated = stage.files.filter(
    (file) => file.kind === 'kubelet-link' && isNewer(node, file, stage.certificates),
  );
  if (rotated.length === 0) return stage;
  const paths = new Set(rotated.map(({ path }) => path));
  return {
    files: stage.files.filter((file) => !rotated.includes(file)),
    certificates: stage.certificates.map((certificate) =>
      certificate.location.form === 'combined' && paths.has(certificate.location.path)
        ? withLive(node, certificate)
        : certificate,
    ),
  };
}

function isNewer(
  node: RotationNode,
  file: JournalFile,
  certificates: readonly JournalCertificate[],
): boolean {
  if (node.files.stat(file.path)?.kind !== 'file' || liveState(node.files, file) !== 'foreign') return false;
  const live = readBundle(node.files.read(node.files.realpath(file.path))).certificate;
  const before = certificates.find(
    ({ location }) => location.form === 'combined' && location.path === file.path,
  );
  return live !== undefined && before !== undefined && live.notAfter > new Date(before.oldNotAfter);
}

function withLive(node: RotationNode, certificate: JournalCertificate): JournalCertificate {
  if (certificate.location.form !== 'combined') return certificate;
  const live = readBundle(node.files.read(node.files.realpath(certificate.location.path))).certificate;
  if (live === undefined) return certificate;
  return {
    ...certificate,
    rotatedByKubelet: true,
    newSerial: live.serial,
    newNotAfter: live.notAfter.toISOString(),
    proof: 'KubeletRotated: the kubelet had renewed it by itself',
  };
}

/** A component that was started moments ago, by the boot perhaps, is given the time to be up. */
const settleMs = 15_000;

/**
 * What serves when the rotation starts, into the journal, before the first swap: later a component may be down only
 * because of what an earlier stage did (R14). Errors: Aborted.
 */
export async function lookAtStart(context: Context): Promise<void> {
  const { journal, node, cold } = context;
  const { stages } = journal;
  if (
    cold === true ||
    stages.some(({ state, notServing }) => state !== 'pending' || notServing !== undefined)
  )
    return;
  const current = stages.map((stage) => ({ ...stage, ...keepKubeletRotated(node, stage) }));
  // What ends within a day is no state to return to, whether it serves or not: nobody waits for it.
  const lasting = current.filter(({ certificates }) => endingSoon(certificates, node.now()) === undefined);
  const why = lasting.length === 0 ? [] : await whyNotServing(context, lasting);
  const whyOf = new Map(lasting.map(({ name }, index) => [name, why[index] ?? '']));
  save(context, {
    ...journal,
    stages: stages.map((stage) => {
      const notServing = whyOf.get(stage.name);
      return notServing === undefined ? stage : { ...stage, notServing };
    }),
  });
}

/** Empty when the old state serves and will for a day; else why it is no state to return to (R14). */
async function whyNoReturn(context: Context, stage: JournalStage): Promise<string> {
  const ending = endingSoon(stage.certificates, context.node.now());
  if (ending !== undefined)
    return `${ending.id ?? 'a certificate'} ends at ${ending.oldNotAfter}, within a day`;
  if (stage.notServing !== undefined) return stage.notServing;
  if (context.cold === true) return 'the API was dead';
  return (await whyNotServing(context, [stage]))[0] ?? '';
}

/** One text for each stage. */
async function whyNotServing(context: Context, stages: readonly JournalStage[]): Promise<string[]> {
  const { node, timeouts, signal } = context;
  const end = ticks(node) + settleMs;
  for (;;) {
    const texts = await Promise.all(stages.map(async (stage) => await missingOf(context, stage)));
    if (texts.every((text) => text === '') || ticks(node) >= end) return texts;
    await node.sleep(timeouts.poll, signal);
  }
}

async function missingOf({ node, journal, signal }: Context, stage: JournalStage): Promise<string> {
  const { name, certificates } = stage;
  const since = aliveAtAll;
  const expected = { stage: name, certificates, side: 'old', since, facts: journal.facts } as const;
  const looks = await look(node, expected, signal);
  return looks.find(({ proved }) => !proved)?.text ?? '';
}
