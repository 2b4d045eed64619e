// The suites of `make test`, in the order in which they run: what fails soonest comes first.

export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly command: string;
  /** `lint` ⊂ `fast` ⊂ `all`; `soak` are the long runs. */
  readonly groups: readonly ('lint' | 'fast' | 'all' | 'soak')[];
  /** The suites behind it cannot run when it fails. */
  readonly required?: true;
  readonly needsRoot?: true;
}

const vitest = (arguments_: string) => `node_modules/.bin/node scripts/vitest.ts ${arguments_}`;

export const suites: readonly Suite[] = [
  { name: 'format', about: 'Prettier', command: 'npm run -s format:check', groups: ['lint', 'fast', 'all'] },
  {
    name: 'lint',
    about: 'oxlint, type-aware; the import rules between rooms',
    command: 'npm run -s lint',
    groups: ['lint', 'fast', 'all'],
  },
  {
    name: 'types',
    about: 'TypeScript, strict',
    command: 'npm run -s typecheck',
    groups: ['lint', 'fast', 'all'],
  },
  {
    name: 'unit',
    about: 'tables, properties, the crash layer',
    command: vitest('src scripts deploy test/unit'),
    groups: ['fast', 'all'],
  },
];
