// Which certificates of this node a request asks for. Pure but for reading.
import type { Discovery } from '../../catalogue/discover.ts';
import type { CaId, CertificateId, Location, Target } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import { CertError } from '../../errors.ts';
import { decideDue, manualLifetimes, manualTrigger } from '../../policy/due.ts';
import {
  rowContext,
  seenWhole,
  targetRow,
  type InventoryRow,
  type RowContext,
} from '../../rotation/inventory.ts';
import { describeLocation } from '../../rotation/material.ts';
import { locationsOf } from '../../rotation/named-file.ts';
import type { RotationNode } from '../../rotation/types.ts';
import { certificateFile } from '../../catalogue/discover.ts';

export interface Chosen {
  readonly targets: readonly Target[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
  /** Something that ought to be renewed cannot be asked for. */
  readonly hasProblem: boolean;
}

/** What a worker has; the rest of a control plane is renewed there by cert-renew all. */
const ownIds: readonly CertificateId[] = ['kubelet-client-current.pem', 'kubelet.crt'];

/** The kubelet's certificates that the CA signed and that are due. */
export function chooseDue(node: RotationNode, discovery: Discovery): Chosen {
  const context = rowContext(seenWhole(node.files), discovery);
  const targets: Target[] = [];
  const notes: string[] = [];
  let hasProblem = false;
  for (const target of discovery.targets.filter(({ id }) => ownIds.includes(id))) {
    const row = targetRow(seenWhole(node.files), target, context);
    const judged = row === undefined ? undefined : judgeRow(row, target.id, context, node.now());
    if (judged === undefined) continue;
    if (judged.kind === 'ask') targets.push(target);
    else notes.push(`${row?.path ?? target.id} ${judged.why}`);
    hasProblem ||= judged.kind === 'problem';
  }
  return { targets, notes, hasProblem };
}

type Judged = { readonly kind: 'ask' } | { readonly kind: 'leave' | 'problem'; readonly why: string };

function judgeRow(row: InventoryRow, id: CertificateId, context: RowContext, now: Date): Judged {
  const why = whyNot(row);
  if (why !== undefined) return why;
  const { profile, ca } = entryOf(id);
  const answer = decideDue({
    certificate: { notBefore: new Date(row.notBefore), notAfter: new Date(row.notAfter) },
    profile: manualLifetimes[profile],
    caNotAfter: lastEnd(context, ca),
    trigger: manualTrigger,
    now,
  });
  return answer.due ? { kind: 'ask' } : { kind: 'leave', why: `is left as it is: ${answer.message}` };
}

function lastEnd({ authorities }: RowContext, ca: CaId): Date | undefined {
  const ends = authorities[ca].map(({ notAfter }) => notAfter.getTime());
  return ends.length === 0 ? undefined : new Date(Math.max(...ends));
}

/** Undefined: it may be asked for. */
function whyNot({ state, reason }: InventoryRow): Exclude<Judged, { kind: 'ask' }> | undefined {
  if (state === 'Ok') return undefined;
  if (state === 'SelfSigned') return { kind: 'leave', why: selfSigned };
  if (state === 'KubeletManaged')
    return { kind: 'leave', why: 'is left as it is: the kubelet keeps it itself (serverTLSBootstrap)' };
  return { kind: 'problem', why: `${problems[state] ?? `is ${state}`}${reason === '' ? '' : `: ${reason}`}` };
}

const problems: Partial<Record<InventoryRow['state'], string>> = {
  KeyMismatch: 'has a key that does not fit it; put the right key back, then ask again',
  Unmanaged: 'was not signed by the CA that this node has',
  WritableByOthers: 'cannot be replaced safely',
  Unreadable: 'cannot be read',
};

const selfSigned =
  'is left as it is: it signed itself (kubeadm’s own), so there is no old certificate of the CA to go by; the controller replaces it once the API is back';

/** The files that a person named, due or not. @throws CertError for one that cannot be asked for */
export function chooseNamed(node: RotationNode, discovery: Discovery, paths: readonly string[]): Chosen {
  const context = rowContext(seenWhole(node.files), discovery);
  const found = paths.flatMap((path) => locationsOf(node, path).map((location) => ({ path, location })));
  const targets: Target[] = [];
  const notes: string[] = [];
  for (const { path, location } of found) {
    const target = discovery.targets.find((each) => isSame(node, each.location, location));
    if (target === undefined) throw notOfNode(path);
    if (targets.includes(target)) continue;
    const row = targetRow(seenWhole(node.files), target, context);
    const why = row === undefined ? undefined : whyNot(row);
    if (why === undefined) targets.push(target);
    else if (why.kind === 'leave') notes.push(`${path} ${why.why}`);
    else throw new CertError('Unsupported', `${path} ${why.why}`, { file: path });
  }
  const [only] = notes;
  if (targets.length === 0 && only !== undefined) throw new CertError('Unsupported', only);
  return { targets, notes, hasProblem: false };
}

function isSame({ files }: RotationNode, a: Location, b: Location): boolean {
  if (a.form === 'kubeconfig' || b.form === 'kubeconfig') return describeLocation(a) === describeLocation(b);
  return files.realpath(certificateFile(a)) === files.realpath(certificateFile(b));
}

const notOfNode = (path: string): CertError =>
  new CertError(
    'Unsupported',
    `${path} is no certificate by which a component of this node runs, and only those are asked for; renew it where the CA key is: cert-renew --ca-cert P --ca-key P ${path}`,
    { file: path },
  );
