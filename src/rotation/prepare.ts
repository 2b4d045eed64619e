// The first half of a rotation: read what is there, make keys, have certificates signed, write the new files into the
// host directory and a journal that says what shall happen. Nothing outside of the host directory is touched.
import { posix } from 'node:path';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import type { HostLayout } from '../host/layout.ts';
import { keyFits } from '../pki/keys.ts';
import { acceptSigned } from './accept.ts';
import { writeBackupIndex } from './backup-index.ts';
import { makeDirectories, removeFlatDirectory, sha256 } from './bytes.ts';
import type { Journal, JournalCertificate, JournalFile, JournalStage } from './journal.ts';
import { journalSchema, removeJournal, writeJournal } from './journal.ts';
import type { LiveFile, Material } from './material.ts';
import { describeLocation, readMaterial, withSuccessor } from './material.ts';
import { planKeys, type Plan } from './plan-keys.ts';
import { planStages } from './stages.ts';
import type { NodeFacts, RotationNode, RotationOrder, SignedCertificate, Signer } from './types.ts';
import { certificateFile } from '../catalogue/discover.ts';

/** A target of the catalogue, or a file that a person named. */
export interface Subject {
  readonly id: CertificateId | undefined;
  readonly location: Target['location'];
}

export interface Draft {
  readonly journal: Journal;
  readonly prepared: readonly { readonly path: string; readonly bytes: Uint8Array }[];
  readonly renewed: readonly Renewed[];
}

export interface Renewed {
  readonly material: Material;
  readonly signed: SignedCertificate;
  readonly keyKept: boolean;
}

/**
 * Makes keys and asks the signer; writes nothing.
 *
 * @throws CertError of the signer, and KeyMismatch when it answers with something else than was asked
 */
export async function draft(
  node: RotationNode,
  order: Omit<RotationOrder, 'targets'>,
  materials: readonly Material[],
  signer: Signer,
  signal: AbortSignal,
): Promise<Draft> {
  const notes: string[] = [];
  const planned = planKeys(node, order, materials, notes);
  const requests = planned.map(async (plan) => (await plan).request);
  // A signer that is not yet there, or has given up, hears nothing more of the others.
  for (const each of requests) each.catch(() => undefined);
  const answers = await signer(requests, signal);
  const plans = await Promise.all(planned);
  const renewed = plans.map((plan) => match(node, order.facts, plan, answers));
  const id = newJournalId(node);
  return compose(node, { ...order, notes }, { id, plans, renewed });
}

/** Reads every subject; one that is not there is left out with a note, two names of one file are one. */
export function readSubjects(
  node: RotationNode,
  subjects: readonly Subject[],
  notes: string[],
): readonly Material[] {
  const seen = new Map<string, string>();
  return subjects.flatMap((subject) => {
    const name = subject.id ?? describeLocation(subject.location);
    const material = readSubject(node, subject, name, notes);
    if (material === undefined) return [];
    const { location } = subject;
    const last = material.files.at(-1)?.path ?? '';
    const place = location.form === 'kubeconfig' ? `${last} ${location.user}` : last;
    const same = seen.get(place);
    if (same === undefined) {
      seen.set(place, name);
      return [material];
    }
    notes.push(`${name} is the same file as ${same}`);
    return [];
  });
}

function readSubject(
  node: RotationNode,
  subject: Subject,
  name: string,
  notes: string[],
): Material | undefined {
  if (posix.basename(certificateFile(subject.location)) === 'kubelet-server-current.pem') {
    notes.push(`${name} is managed by the kubelet itself (serverTLSBootstrap)`);
    return undefined;
  }
  try {
    return readMaterial(node.files, subject);
  } catch (error) {
    const code = error instanceof CertError ? error.code : undefined;
    // In the cluster one such file must not keep the others from being renewed (R17); a person who named it wants to know.
    const isLeftOut =
      code === 'NotFound' || (code === 'UnsafeDirectory' && subject.location.form === 'kubeconfig');
    if (subject.id === undefined || !isLeftOut) throw error;
    notes.push(`${name} is left as it is: ${describeError(error)}`);
    return undefined;
  }
}

function match(
  node: RotationNode,
  facts: NodeFacts,
  plan: Plan,
  answers: readonly SignedCertificate[],
): Renewed {
  const { material, request, newKey } = plan;
  const signed = answers.find(({ key }) => key === request.key);
  if (signed === undefined)
    throw new CertError('SigningRefused', `no certificate came for ${describeLocation(material.location)}`);
  const { certificate } = signed;
  if (
    !keyFits(certificate, newKey ?? material.key) ||
    certificate.isCa ||
    certificate.notAfter <= node.now()
  ) {
    throw new CertError(
      'KeyMismatch',
      `what the signer sent for ${describeLocation(material.location)} is not a valid certificate for the key that was asked for`,
    );
  }
  acceptSigned(node, facts, material, certificate);
  return { material, signed, keyKept: newKey === undefined };
}

export function newJournalId(node: RotationNode): string {
  const stamp = node.now().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  return `${stamp}-${Buffer.from(node.random(4)).toString('hex')}`;
}

function compose(
  node: RotationNode,
  order: Omit<RotationOrder, 'targets'> & { readonly notes: readonly string[] },
  made: { readonly id: string; readonly plans: readonly Plan[]; readonly renewed: readonly Renewed[] },
): Draft {
  const { id, plans, renewed } = made;
  const prepared = new Map<string, { path: string; bytes: Uint8Array }>();
  const files = new Map<string, JournalFile>();
  for (const [index, { material, signed }] of renewed.entries()) {
    const newKey = plans[index]?.newKey;
    const successor = { certificate: signed.certificate, ...(newKey === undefined ? {} : { key: newKey }) };
    for (const live of material.files) {
      if (live.role === 'key' && newKey === undefined) continue;
      // Two users of one kubeconfig: the second edit goes on from the first.
      const before = prepared.get(live.path)?.bytes ?? live.bytes;
      const bytes = withSuccessor(live.role, before, material, successor);
      const file = journalFile(node, id, live, { index: files.size, bytes, now: node.now() });
      const earlier = files.get(live.path);
      files.set(live.path, { ...file, ...(earlier === undefined ? {} : pathsOf(earlier)) });
      prepared.set(live.path, { path: files.get(live.path)?.preparedPath ?? '', bytes });
    }
  }
  const journal = journalOf(node, order, { id, renewed, files });
  return { journal, prepared: [...prepared.values()], renewed };
}

const pathsOf = ({
  preparedPath,
  backupPath,
}: JournalFile): Pick<JournalFile, 'preparedPath' | 'backupPath'> => ({
  preparedPath,
  backupPath,
});

export function journalFile(
  { layout }: RotationNode,
  id: string,
  live: LiveFile,
  { index, bytes, now }: { index: number; bytes: Uint8Array; now: Date },
): JournalFile {
  const name = `${String(index).padStart(2, '0')}-${posix.basename(live.path)}`;
  return {
    kind: live.kind,
    role: live.role,
    path: live.path,
    preparedPath: `${layout.staging}/${id}/${name}`,
    backupPath: `${layout.backups}/${id}/${name}`,
    oldSha256: sha256(live.bytes),
    newSha256: sha256(bytes),
    mode: live.stat.mode,
    uid: live.stat.uid,
    gid: live.stat.gid,
    ...(live.kind === 'kubelet-link' ? { link: { old: '', new: datedPem(now), newPath: '' } } : {}),
  };
}

/** As the kubelet names them: client-go certificate_store.go, format 2006-01-02-15-04-05. */
function datedPem(now: Date): string {
  return `kubelet-client-${now.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-')}.pem`;
}

function journalOf(
  node: RotationNode,
  order: Omit<RotationOrder, 'targets'> & { readonly notes: readonly string[] },
  made: {
    readonly id: string;
    readonly renewed: readonly Renewed[];
    readonly files: ReadonlyMap<string, JournalFile>;
  },
): Journal {
  const { id, renewed, files } = made;
  const members = renewed.map((each) => ({ ...each, id: each.material.id }));
  const stages = planStages(members).map(({ name, members }): JournalStage => {
    const paths = new Set(members.flatMap(({ material }) => material.files.map(({ path }) => path)));
    return {
      name,
      state: 'pending',
      files: [...paths].flatMap((path) => files.get(path) ?? []).map((file) => withLink(node, file)),
      certificates: members.map(certificateOf),
      resumes: 0,
    };
  });
  const { nodeUID, rotationUID, supersedes } = order;
  return {
    schema: journalSchema,
    id,
    machineId: node.machineId,
    ...(nodeUID === undefined ? {} : { nodeUID }),
    ...(rotationUID === undefined ? {} : { rotationUID }),
    origin: order.origin,
    createdAt: node.now().toISOString(),
    // One that takes another's place must keep what that one knows: it is under way from its first moment.
    ...(supersedes === undefined ? { state: 'prepared' } : { state: 'applying', supersedes }),
    kubeletRestart: order.kubeletRestart,
    facts: order.facts,
    stages,
    steps: [],
    notes: order.notes,
  };
}

/** The kubelet's link keeps its way of naming: absolute or relative, in the directory where the pems are. */
export function withLink({ files }: RotationNode, file: JournalFile): JournalFile {
  if (file.link === undefined) return file;
  const old = files.readlink(file.path);
  const directory = posix.dirname(files.realpath(file.path));
  const text = posix.join(posix.dirname(old), file.link.new);
  return { ...file, link: { old, new: text, newPath: `${directory}/${file.link.new}` } };
}

function certificateOf({ material, signed }: Renewed): JournalCertificate {
  const { certificate: old, id, location } = material;
  return {
    id,
    location,
    oldSerial: old.serial,
    newSerial: signed.certificate.serial,
    oldNotAfter: old.notAfter.toISOString(),
    newNotAfter: signed.certificate.notAfter.toISOString(),
  };
}

/** Writes the new files and then the journal, which makes them count. Where that fails nothing of them stays: keys may be among them. */
export function writeDraft(node: RotationNode, draft: Draft): void {
  const { files, layout } = node;
  try {
    layDraft(node, draft);
    files.syncDirectory(`${layout.backups}/${draft.journal.id}`);
    writeJournal(files, layout, draft.journal);
  } catch (error) {
    if (error instanceof CertError) dropDraft(node, draft.journal.id);
    throw error;
  }
}

function dropDraft({ files, layout }: RotationNode, id: string): void {
  try {
    removeJournal(files, layout, id);
    removeFlatDirectory(files, `${layout.staging}/${id}`);
    removeFlatDirectory(files, `${layout.backups}/${id}`);
  } catch (error) {
    // What is told is why it could not be written; the next call sweeps.
    if (!(error instanceof CertError)) throw error;
  }
}

/** The new files alone. The index of the backups lasts once their directory is synced, which backUp does too. */
export function layDraft({ files, layout }: RotationNode, { journal, prepared }: Draft): void {
  makeLayout(files, layout, journal.id);
  for (const { path, bytes } of prepared) files.create(path, bytes, { mode: 0o600, uid: 0, gid: 0 });
  files.syncDirectory(`${layout.staging}/${journal.id}`);
  writeBackupIndex(files, layout, journal);
}

function makeLayout(files: RotationNode['files'], layout: HostLayout, id: string): void {
  for (const path of [layout.journal, `${layout.staging}/${id}`, `${layout.backups}/${id}`])
    makeDirectories(files, path);
}
