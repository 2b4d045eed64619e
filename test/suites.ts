// The suites of `make test`, in the order in which they run: what fails soonest comes first.

export interface Suite {
  readonly name: string;
  readonly about: string;
  readonly command: string;
  /** `lint` ⊂ `fast` ⊂ `all`; `soak` and `matrix` are the long runs. */
  readonly groups: readonly ('lint' | 'fast' | 'all' | 'soak' | 'matrix')[];
  /** The suites behind it cannot run when it fails. */
  readonly required?: true;
  readonly needsRoot?: true;
  /**
   * Neighbours with the same word run at once: those that only read the sources, and those with clusters of their own, which
   * one after another would leave processors idle.
   */
  readonly atOnce?: 'sources' | 'clusters';
}

const node = 'node_modules/.bin/node';
const vitest = (words: string) => `${node} scripts/vitest.ts ${words}`;
const e2e = (bed: string) => `E2E=${bed} ${vitest('--config test/e2e/vitest.config.ts')}`;

/** The oldest and the newest that a bed can be; what lies between is built by K8S=… make bed-up. */
const otherVersions = ['v1.32.9', 'v1.37.2'];

/** A bed of another version comes up, is saved, restored, answers; then everything is due on it and is renewed. */
function matrixOf(version: string): Suite {
  const evidence = `matrix-${version.slice(0, 5)}`;
  const steps = [
    'test/bed/build.sh',
    'BED=self test/bed/selftest.sh',
    `E2E_LANES=1 ${e2e('two')} --bail=1 1-`,
  ];
  return {
    name: evidence,
    about: `a real cluster of Kubernetes ${version}: builds it anew (7 to 11 minutes on two cores) unless it is cached`,
    command: `export K8S=${version} EVIDENCE=${evidence}; ${steps.join(' && ')}`,
    groups: ['matrix'],
    needsRoot: true,
  };
}

export const suites: readonly Suite[] = [
  {
    name: 'format',
    about: 'Prettier',
    command: 'npm run -s format:check',
    groups: ['lint', 'fast', 'all'],
    atOnce: 'sources',
  },
  {
    name: 'lint',
    about: 'oxlint, type-aware; the import rules between rooms',
    command: 'npm run -s lint',
    groups: ['lint', 'fast', 'all'],
    atOnce: 'sources',
  },
  {
    name: 'types',
    about: 'TypeScript, strict',
    command: 'npm run -s typecheck',
    groups: ['lint', 'fast', 'all'],
    atOnce: 'sources',
  },
  {
    name: 'documents',
    about:
      'links lead somewhere, and a table that claims a long run names its evidence (part of the unit suite elsewhere)',
    command: vitest('test/unit/documents.test.ts'),
    groups: ['lint'],
  },
  {
    name: 'parts',
    about: 'what a bed is made of: Kubernetes and etcd from their Go modules, the nodes’ Debian; cached',
    command: 'test/bed/build.sh',
    groups: ['all'],
    required: true,
    needsRoot: true,
  },
  {
    name: 'unit',
    about: 'tables, properties, the crash layer; the API client and the controller on a bare kube-apiserver',
    command: `scripts/debian.sh install openssl curl shellcheck zsh && ${vitest('src scripts deploy test/unit')}`,
    groups: ['fast', 'all'],
  },
  {
    name: 'browser',
    about:
      'the dashboard in Chromium: axe on every page, keyboard, 5,000 nodes, actions on a kube-apiserver, bad input; what docs/what-you-see says of it',
    command: `scripts/debian.sh install chromium openssl fonts-dejavu-core fonts-liberation fonts-noto-cjk && ${node} scripts/build-dashboard.ts && ${vitest('--config test/browser/vitest.config.ts')}`,
    groups: ['fast', 'all'],
  },
  {
    name: 'build',
    about: 'the executable, the images, the chart',
    command: `${node} scripts/build.ts`,
    groups: ['all'],
    required: true,
  },
  {
    name: 'demo',
    about:
      'make demo, as a user without rights: what it proves in a minute, what it says last, what it leaves',
    command: `${node} scripts/render-chart.ts --check && ${vitest('--config test/demo/vitest.config.ts')}`,
    groups: ['all'],
  },
  {
    name: 'crash',
    about:
      'the executable killed at every mutating system call; bad input; what it starts, loads, touches; the one for arm64; kubectl’s plugin as it is built',
    command: `${node} test/crash/run.ts`,
    groups: ['all'],
    needsRoot: true,
  },
  {
    name: 'bed',
    about: 'a real kubeadm cluster of 1 + 1 comes up, is saved, restored, answers',
    command: 'BED=self test/bed/selftest.sh',
    groups: ['all'],
    required: true,
    needsRoot: true,
  },
  {
    name: 'e2e-two',
    about: 'the product on a real cluster of 1 + 1',
    command: e2e('two'),
    groups: ['all'],
    needsRoot: true,
    atOnce: 'clusters',
  },
  {
    name: 'e2e-four',
    about: 'the product on a real cluster of 3 + 1, under load; a dead one brought back',
    command: e2e('four'),
    groups: ['all'],
    needsRoot: true,
    atOnce: 'clusters',
  },
  {
    name: 'fuzz',
    about: 'a million inputs for every reader of foreign input: evidence in docs/evidence',
    command: `scripts/debian.sh install openssl && ${node} test/fuzz/run.ts`,
    groups: ['soak'],
  },
  {
    name: 'soak',
    about:
      'many generations of an hour each; the leader killed in every phase; the rest of the runbooks; random kills',
    command: e2e('soak'),
    groups: ['soak'],
    needsRoot: true,
  },
  {
    name: 'soak-four',
    about: 'random kills of cert-renew all on a dead cluster of 3 + 1',
    command: e2e('soak-four'),
    groups: ['soak'],
    needsRoot: true,
  },
  {
    name: 'year',
    about:
      'a simulated year of 5,000 nodes, the real decisions: about an hour and a half; evidence and picture in docs',
    command: `${node} bench/year.ts`,
    groups: ['soak'],
  },
  ...otherVersions.map(matrixOf),
];
