// The API as one person sees it: with the token that came with this very request, and with nothing of the web program's own.
// The token is kept nowhere: the connection that knows it ends with the request.
import { KubeConfig } from '@kubernetes/client-node';
import { configurationRef } from '../../controller/configuration.ts';
import { CertError } from '../../errors.ts';
import { statusOf } from '../../kube/answers.ts';
import { Connection, type HttpRequest } from '../../kube/connection.ts';
import { collectionPath, resources, type Resource } from '../../kube/resources.ts';

/** Why the API did not do it. `message` is the API server's own. */
export interface Refused {
  readonly ok: false;
  readonly why: 'token' | 'denied' | 'gone' | 'conflict' | 'invalid' | 'unreachable';
  readonly message: string;
}

export type Outcome<T> = { readonly ok: true; readonly value: T } | Refused;

export interface Person {
  readonly call: <T>(request: HttpRequest) => Promise<Outcome<T>>;
}

/** Runs `work` with the person's token against the cluster of `own`; nothing else of `own` is used. */
export async function asPerson<T>(
  own: KubeConfig,
  token: string,
  work: (person: Person) => Promise<T>,
): Promise<T> {
  const connection = new Connection(configOf(own, token));
  try {
    return await work({ call: async (request) => call(connection, request) });
  } finally {
    await connection.close();
  }
}

function configOf(own: KubeConfig, token: string): KubeConfig {
  const cluster = own.getCurrentCluster();
  if (cluster === null) throw new CertError('BadConfiguration', 'the kubeconfig names no current cluster');
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [cluster],
    users: [{ name: 'person', token }],
    contexts: [{ name: 'person', cluster: cluster.name, user: 'person' }],
    currentContext: 'person',
  });
  return config;
}

const refusals: Readonly<Record<number, Refused['why']>> = {
  401: 'token',
  403: 'denied',
  404: 'gone',
  409: 'conflict',
  400: 'invalid',
  422: 'invalid',
};

async function call<T>(connection: Connection, request: HttpRequest): Promise<Outcome<T>> {
  try {
    const answer = await connection.request(request);
    if (answer.status >= 200 && answer.status < 300) {
      const value: T = JSON.parse(answer.text);
      return { ok: true, value };
    }
    return { ok: false, why: refusals[answer.status] ?? 'unreachable', message: statusOf(answer).message };
  } catch (error) {
    const isSilent = error instanceof CertError || error instanceof SyntaxError;
    if (!isSilent) throw error;
    return { ok: false, why: 'unreachable', message: error.message };
  }
}

export interface Rights {
  readonly rotate: boolean;
  readonly approve: boolean;
  readonly pause: boolean;
  /** Everything at once, by the configuration. */
  readonly pauseAll: boolean;
}

const configuration = { group: '', resource: 'configmaps', ...configurationRef } as const;

const asked = {
  rotate: [{ group: 'certrotator.cpaas.io', resource: 'certificaterotations', verb: 'create' }],
  approve: [{ group: 'certrotator.cpaas.io', resource: 'certificaterotations', verb: 'patch' }],
  pause: [{ group: '', resource: 'nodes', verb: 'patch' }],
  pauseAll: [
    { ...configuration, verb: 'get' },
    { ...configuration, verb: 'patch' },
  ],
} as const satisfies Record<keyof Rights, readonly object[]>;

export interface Me extends Rights {
  readonly user: string;
}

/** Who the token belongs to, and what they may do here. */
export async function whoAmI(person: Person): Promise<Outcome<Me>> {
  const review = await create(person, resources.selfSubjectReviews, {});
  if (!review.ok) return review;
  const [rotate, approve, pause, pauseAll] = await Promise.all([
    mayAll(person, asked.rotate),
    mayAll(person, asked.approve),
    mayAll(person, asked.pause),
    mayAll(person, asked.pauseAll),
  ]);
  const user = review.value.status?.userInfo?.username ?? '';
  return { ok: true, value: { user, rotate, approve, pause, pauseAll } };
}

/** Whether the API server allows each of them. */
async function mayAll(person: Person, attributes: readonly object[]): Promise<boolean> {
  const answers = await Promise.all(
    attributes.map(async (resourceAttributes) =>
      create(person, resources.selfSubjectAccessReviews, { spec: { resourceAttributes } }),
    ),
  );
  return answers.every((answer) => answer.ok && answer.value.status?.allowed === true);
}

/** Makes an object in the person's name. */
export async function create<T>(person: Person, of: Resource<T>, object: object): Promise<Outcome<T>> {
  return person.call<T>({
    method: 'POST',
    path: collectionPath(of),
    body: { apiVersion: of.apiVersion, kind: of.kind, ...object },
  });
}
