// What is looked at before a stage touches anything: are the files what they were, is the place safe, is etcd (R13),
// and would there be a state to return to (R14)?
import { annotate } from '../formats/manifest.ts';
import { CertError } from '../errors.ts';
import { checkTarget } from '../host/safe-target.ts';
import { readBundle } from '../formats/pem.ts';
import { sha256 } from './bytes.ts';
import { componentOf, type Context } from './context.ts';
import { askEtcd, judgeEtcd } from './etcd.ts';
import type { JournalCertificate, JournalFile, JournalStage } from './journal.ts';
import { aliveAtAll, look } from './prove.ts';
import { stageRules } from './stages.ts';
import { isIntact, liveState } from './swap.ts';
import type { RotationNode } from './types.ts';

export const restartAnnotation = 'certrotator.cpaas.io/restarted-at';
const day = 86_400_000;

/** An old certificate that ends within a day is no place to return to (R14). */
export const endingSoon = (
  certificates: readonly JournalCertificate[],
  now: Date,
): JournalCertificate | undefined =>
  certificates.find(({ oldNotAfter }) => new Date(oldNotAfter).getTime() <= now.getTime() + day);

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
  if (stageRules[stage.name].needsEtcd && journal.facts.etcdClient !== undefined) {
    const verdict = judgeEtcd(await askEtcd(node, journal.facts, context.signal));
    if (!verdict.safe) throw new CertError('NotProved', verdict.message);
  }
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

/** The annotated manifest, prepared now: its annotation says when. */
function manifestFile(context: Context, stage: JournalStage): JournalFile | undefined {
  const { node, journal } = context;
  const path = journal.facts.manifests[componentOf(stage.name)];
  if (!stageRules[stage.name].steps.includes('annotate')) return undefined;
  if (path === undefined)
    throw new CertError('NotFound', `the manifest of ${componentOf(stage.name)} is not known on this node`);
  const { realPath, stat } = checkTarget(node.files, path);
  const bytes = node.files.read(realPath);
  const text = Buffer.from(bytes).toString('utf8');
  const edited = new Uint8Array(
    Buffer.from(annotate(text, restartAnnotation, node.now().toISOString(), path), 'utf8'),
  );
  const name = `manifest-${componentOf(stage.name)}.yaml`;
  const preparedPath = `${node.layout.staging}/${journal.id}/${name}`;
  if (node.files.lstat(preparedPath) !== undefined) node.files.unlink(preparedPath);
  node.files.create(preparedPath, edited, { mode: 0o600, uid: 0, gid: 0 });
  node.files.syncDirectory(`${node.layout.staging}/${journal.id}`);
  return {
    kind: 'replace',
    role: 'manifest',
    path: realPath,
    preparedPath,
    backupPath: `${node.layout.backups}/${journal.id}/${name}`,
    oldSha256: sha256(bytes),
    newSha256: sha256(edited),
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/** A component that was started moments ago, by the boot perhaps, is given the time to be up. */
const settleMs = 15_000;

/** Empty when the old state serves and will for a day; else why it is no state to return to (R14). */
async function whyNoReturn(context: Context, stage: JournalStage): Promise<string> {
  const { node, journal, timeouts, signal } = context;
  const ending = endingSoon(stage.certificates, node.now());
  if (ending !== undefined)
    return `${ending.id ?? 'a certificate'} ends at ${ending.oldNotAfter}, within a day`;
  const { name, certificates } = stage;
  const expected = {
    stage: name,
    certificates,
    side: 'old',
    since: aliveAtAll,
    facts: journal.facts,
  } as const;
  const end = node.now().getTime() + settleMs;
  for (;;) {
    const looks = await look(node, expected, signal);
    const missing = looks.find(({ proved }) => !proved);
    if (missing === undefined) return '';
    if (node.now().getTime() >= end) return missing.text;
    await node.sleep(timeouts.poll, signal);
  }
}
