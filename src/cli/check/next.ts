// What to do next, as lines that can be pasted where they are commands. Pure.
import { entryOf } from '../../catalogue/table.ts';
import { shellWord } from '../../formats/text.ts';
import { byPost, requestOf, signatories, signatoryOf } from '../by-post.ts';
import { programName } from '../own-call.ts';
import { restartOf } from '../restart-advice.ts';
import type { CheckedCertificate, Todo } from './judge.ts';
import type { CaKey, NodePicture } from './picture.ts';

export interface Situation extends Pick<
  NodePicture,
  'caKeys' | 'rotation' | 'tool' | 'call' | 'withoutManifest' | 'manifests'
> {
  readonly certificates: readonly CheckedCertificate[];
}

export interface NextStep {
  /** Short, for the sentence. */
  readonly say: string;
  /** The line to paste, or the same words. */
  readonly command: string;
}

type Step = (situation: Situation) => readonly (string | NextStep)[];

/** In the order in which they are done. */
const steps: readonly Step[] = [
  putManifestsBack,
  finishRotation,
  replaceCa,
  putBack,
  renewAll,
  renewNamed,
  request,
  renewElsewhere,
  approve,
  restart,
];

export function nextSteps(situation: Situation): readonly NextStep[] {
  const all = steps.flatMap((step) => step(situation));
  const full = all.map((each) => (typeof each === 'string' ? { say: each, command: each } : each));
  return [...new Map(full.map((each) => [each.command, each])).values()];
}

const withTodo = ({ certificates }: Situation, todo: Todo): readonly CheckedCertificate[] =>
  certificates.filter((each) => each.todo === todo);

/** Those that can be renewed at all: nothing is signed with a CA that has expired. */
function toRenew(situation: Situation): readonly CheckedCertificate[] {
  const ended = withTodo(situation, 'replace-ca').map(({ row }) => row.ca);
  return withTodo(situation, 'renew').filter(({ row }) => !ended.includes(row.ca));
}

const keyOf = ({ caKeys }: Situation, { row }: CheckedCertificate): CaKey | undefined =>
  row.ca === null ? undefined : caKeys[row.ca];

/** Until then nobody knows what is due in them. */
function putManifestsBack({ withoutManifest, manifests, call }: Situation): readonly string[] {
  if (withoutManifest.length === 0) return [];
  const what = `the manifest${withoutManifest.length === 1 ? '' : 's'} of ${withoutManifest.join(', ')}`;
  const where =
    manifests === undefined ? 'and name their directory to the kubelet (staticPodPath)' : `into ${manifests}`;
  return [`put ${what} back ${where}, then run ${call} check again`];
}

/** It needs no CA for what has been signed already. */
function finishRotation({ rotation, call }: Situation): readonly string[] {
  return rotation.kind === 'unfinished' ? [`${call} all`] : [];
}

function replaceCa(situation: Situation): readonly string[] {
  const cas = new Set(withTodo(situation, 'replace-ca').map(({ row }) => row.ca));
  const paths = situation.certificates
    .filter(({ row }) => row.kind === 'ca' && cas.has(row.ca))
    .map(({ row }) => row.path);
  return [...new Set(paths)].map((path) => `replace the CA ${path}, which nothing can outlive`);
}

function putBack(situation: Situation): readonly string[] {
  // Then it is what does not fit, and finishing it makes it fit.
  if (situation.rotation.kind === 'unfinished') return [];
  return withTodo(situation, 'put-back').map(
    ({ row }) =>
      `put ${row.path} and its key back from a backup (${situation.call} restore BACKUP), or renew it`,
  );
}

function renewAll(situation: Situation): readonly string[] {
  const here = toRenew(situation).filter(
    (each) => each.id !== undefined && keyOf(situation, each)?.kind === 'here',
  );
  return here.length > 0 ? [`${situation.call} all`] : [];
}

/** Of files that are none of the node's own. */
function renewNamed(situation: Situation): readonly string[] {
  return toRenew(situation).flatMap((each) => {
    if (each.id !== undefined) return [];
    const key = keyOf(situation, each);
    if (key?.kind !== 'here') return [`renew ${each.row.path} where its CA is (${each.row.issuer})`];
    const [cert, path, file] = [key.certPath, key.keyPath, each.row.path].map(shellWord);
    return [`${situation.call} --ca-cert ${cert} --ca-key ${path} ${file}`];
  });
}

/** The key of their CA is elsewhere: whoever has it signs. */
function request(situation: Situation): readonly NextStep[] {
  const elsewhere = toRenew(situation).filter((each) => keyOf(situation, each)?.kind !== 'here');
  const ids = situation.certificates.map(({ id }) => id);
  return signatories.flatMap((signatory) => {
    const rows = elsewhere.filter(
      ({ id }) => id !== undefined && signatoryOf(entryOf(id).ca, ids) === signatory,
    );
    const paths = [...new Set(rows.map(({ row }) => row.path))];
    if (paths.length === 0) return [];
    return [{ say: byPost(situation.call, signatory, paths), command: requestOf(situation.call, paths) }];
  });
}

function renewElsewhere(situation: Situation): readonly string[] {
  return withTodo(situation, 'renew-elsewhere').map(
    ({ row }) => `renew ${row.path} where it was made (${row.issuer})`,
  );
}

function approve(situation: Situation): readonly string[] {
  return withTodo(situation, 'approve').length === 0
    ? []
    : ['kubectl get csr, then kubectl certificate approve NAME'];
}

function restart(situation: Situation): readonly (string | NextStep)[] {
  return withTodo(situation, 'restart').flatMap(({ row, component }): readonly (string | NextStep)[] => {
    if (component === 'none') return [`run ${programName} check on the machine that serves ${row.path}`];
    const command = restartOf(component, situation.tool);
    return command === undefined ? [] : [{ say: `restart ${component}`, command }];
  });
}
