// Attempts that must fail, and who stopped each: the record that a reader of the case wants to see.
import type { Outcome } from './command.ts';
import type { Identity } from './identities.ts';

export interface Refusal {
  readonly who: string;
  readonly what: string;
  /** Undefined: nobody. */
  readonly by: string | undefined;
  readonly said: string;
}

/** How each guard's no reads. The first that fits: a policy's words may quote another's. */
const guards: readonly (readonly [string, RegExp])[] = [
  ['ValidatingAdmissionPolicy', /ValidatingAdmissionPolicy '[^']+'/],
  [
    'CertificateSubjectRestriction',
    /use of kubernetes\.io\/kube-apiserver-client signer with .* group is not allowed/,
  ],
  [
    'Node authorizer',
    /cannot .*: (no relationship found between|can only|No Object name found|node '.*' cannot)/,
  ],
  [
    'NodeRestriction',
    /is forbidden: (node ".*" (can|is|requested)|is not allowed to|.*not bound to a pod|.*can only create mirror pods)/,
  ],
  ['RBAC', /User ".*" cannot /],
  [
    'schema of the CRD',
    /is invalid: .*(Unsupported value|Required value|should be at least|immutable)|unknown field/,
  ],
];

/** Undefined: it is no refusal, or one that nobody here knows. */
export function guardOf(text: string): string | undefined {
  const found = guards.find(([, words]) => words.test(text));
  if (found === undefined) return undefined;
  const policy = /ValidatingAdmissionPolicy '([^']+)'/.exec(text)?.[1];
  return policy === undefined ? found[0] : `${found[0]} ${policy}`;
}

/** The signer's check, else the guard. */
export function reasonOf({ by, said }: Refusal): string {
  return by === 'the signer' ? (said.split(':')[0] ?? '') : (by ?? 'NOBODY');
}

/** One call as somebody, by kubectl; what became of it. */
export async function attempt(
  { who, kubectl }: Identity,
  what: string,
  words: readonly string[],
  input?: object,
): Promise<Refusal> {
  const outcome = await kubectl.try(words, input === undefined ? {} : { input: JSON.stringify(input) });
  return {
    who,
    what,
    by: outcome.code === 0 ? undefined : guardOf(outcome.stderr),
    said: lastWords(outcome),
  };
}

/** What kubectl said, in one line. */
export function lastWords({ stdout, stderr }: Outcome): string {
  return (stderr.trim() || stdout.trim())
    .replaceAll(/\s+/g, ' ')
    .replace(/^Error from server( \(\w+\))?: /, '');
}

/** A table for the log. */
export function tellRefusals(all: readonly Refusal[]): string {
  const column = (of: (one: Refusal) => string) => Math.max(0, ...all.map((one) => of(one).length));
  const [who, what, by] = [column((r) => r.who), column((r) => r.what), column((r) => r.by ?? 'NOBODY')];
  return all
    .map((r) => `${r.who.padEnd(who)}  ${r.what.padEnd(what)}  ${(r.by ?? 'NOBODY').padEnd(by)}  ${r.said}`)
    .join('\n');
}
