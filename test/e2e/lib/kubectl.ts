// The cluster as kubectl tells it. The tests read it by nothing of the product.
import type { Bed } from './bed.ts';
import { outcome, run, type Outcome } from './command.ts';

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface Kubectl {
  /** Standard output of a kubectl that must exit 0. */
  (...words: string[]): Promise<string>;
  try(words: readonly string[], how?: { input?: string; env?: Record<string, string> }): Promise<Outcome>;
  get<T extends KubeObject = KubeObject>(
    resource: string,
    name: string,
    namespace?: string,
  ): Promise<T | undefined>;
  /** Of all namespaces when none is given. Several resources may be joined by commas. */
  list<T extends KubeObject = KubeObject>(resource: string, namespace?: string): Promise<readonly T[]>;
  apply(...objects: object[]): Promise<string>;
  /** GET of a path of the API. */
  raw(path: string): Promise<string>;
}

/** kubectl of the bed's own version. With a kubeconfig of its own: as somebody else. */
export function kubectlOf(bed: Bed, kubeconfig = bed.kubeconfig): Kubectl {
  const program = `${bed.programs}/kubectl`;
  const flags = ['--kubeconfig', kubeconfig, '--request-timeout=30s'];
  const call = async (...words: string[]) => await run(program, [...flags, ...words]);
  return Object.assign(call, {
    try: async (words: readonly string[], how: { input?: string; env?: Record<string, string> } = {}) =>
      await outcome(program, [...flags, ...words], how),
    get: async <T extends KubeObject>(resource: string, name: string, namespace?: string) => {
      const where = namespace === undefined ? [] : ['-n', namespace];
      const text = await call('get', resource, name, ...where, '--ignore-not-found', '-o', 'json');
      if (text.trim() === '') return undefined;
      const object: T = JSON.parse(text);
      return object;
    },
    list: async <T extends KubeObject>(resource: string, namespace?: string) => {
      const where = namespace === undefined ? ['-A'] : ['-n', namespace];
      const text = await call('get', resource, ...where, '-o', 'json');
      const list: { items: T[] } = JSON.parse(text);
      return list.items;
    },
    apply: async (...objects: object[]) =>
      await run(program, [...flags, 'apply', '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
      }),
    raw: async (path: string) => await call('get', '--raw', path),
  });
}
