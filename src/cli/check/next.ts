// What to do next, as lines that can be pasted where they are commands. Pure.
import { restartOf } from '../restart-advice.ts';
import type { CheckedCertificate, Todo } from './judge.ts';
import type { CaKey, NodePicture } from './picture.ts';

export interface Situation extends Pick<NodePicture, 'caKeys' | 'rotation' | 'tool'> {
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

/** It needs no CA for what has been signed already. */
function finishRotation({ rotation }: Situation): readonly string[] {
  return rotation.kind === 'unfinished' ? ['cert-renew all'] : [];
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
    ({ row }) => `put ${row.path} and its key back from a backup (cert-renew restore BACKUP), or renew it`,
  );
}

function renewAll(situation: Situation): readonly string[] {
  const here = toRenew(situation).filter(
    (each) => each.id !== undefined && keyOf(situation, each)?.kind === 'here',
  );
  return here.length > 0 ? ['cert-renew all'] : [];
}

/** Of files that are none of the node's own. */
function renewNamed(situation: Situation): readonly string[] {
  return toRenew(situation).flatMap((each) => {
    if (each.id !== undefined) return [];
    const key = keyOf(situation, each);
    if (key?.kind !== 'here') return [`renew ${each.row.path} where its CA is (${each.row.issuer})`];
    return [`cert-renew --ca-cert ${key.certPath} --ca-key ${key.keyPath} ${each.row.path}`];
  });
}

/** The key of their CA is elsewhere: a control plane signs. */
function request(situation: Situation): readonly string[] {
  const paths = toRenew(situation)
    .filter((each) => each.id !== undefined && keyOf(situation, each)?.kind !== 'here')
    .map(({ row }) => row.path);
  return paths.length === 0 ? [] : [`cert-renew request ${[...new Set(paths)].join(' ')}`];
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
    if (component === 'none') return [`run cert-renew check on the machine that serves ${row.path}`];
    const command = restartOf(component, situation.tool);
    return command === undefined ? [] : [{ say: `restart ${component}`, command }];
  });
}
