import type { Talk } from '../talk.ts';

/** A conversation whose every answer must be the real server's. Its name is the name of its recording. */
export interface Case {
  readonly name: string;
  readonly run: (talk: Talk) => Promise<void>;
}

/** A namespace of its own, so that cases do not meet. */
export async function namespace(talk: Talk, name: string): Promise<string> {
  await talk.quietly('POST', '/api/v1/namespaces', {
    body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } },
  });
  return `/api/v1/namespaces/${name}`;
}

export const configMap = (name: string, more: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: { value: 'a' },
  ...more,
});
