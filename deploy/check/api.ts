// The API server of KUBECONFIG, asked as whoever is to be tried.
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { statusOf } from '../../src/kube/answers.ts';
import { Connection, loadKubeConfig, type HttpRequest } from '../../src/kube/connection.ts';
import { collectionPath, objectPath, resources, type Resource } from '../../src/kube/resources.ts';

export const namespace = 'cluster-cert-rotator';
export const controller = `system:serviceaccount:${namespace}:cluster-cert-rotator`;
export const replicaSets = 'system:serviceaccount:kube-system:replicaset-controller';

/** A user, or one in this group; absent: the kubeconfig's own. */
export type Who = string | { readonly user: string; readonly group: string };

export interface Answer {
  readonly ok: boolean;
  /** What was asked for, or the message of the refusal. */
  readonly text: string;
}

/** What must be known of an object to say where it is. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}

/** What is misspelt is refused as such: dropped in silence, it would be another attempt. */
const strict = 'fieldValidation=Strict';
const dry = 'dryRun=All';

/** A kubeconfig with the headers of kubectl's --as and --as-group: KubeConfig itself knows no group. */
class Acting extends KubeConfig {
  readonly #headers: Readonly<Record<string, string>>;

  constructor(config: KubeConfig, who: Who) {
    super();
    this.loadFromOptions(config);
    this.#headers =
      typeof who === 'string'
        ? { 'Impersonate-User': who }
        : { 'Impersonate-User': who.user, 'Impersonate-Group': who.group };
  }

  override async applyToHTTPSOptions(options: RequestOptions): Promise<void> {
    await super.applyToHTTPSOptions(options);
    Object.assign((options.headers ??= {}), this.#headers);
  }
}

const connections = new Map<string, Connection>();

function connectionAs(who: Who | undefined): Connection {
  const key = JSON.stringify(who ?? null);
  const known = connections.get(key);
  if (known !== undefined) return known;
  const config = loadKubeConfig(process.env['KUBECONFIG']);
  const connection = new Connection(who === undefined ? config : new Acting(config, who));
  connections.set(key, connection);
  return connection;
}

/** No answer is an answer too, and says why: neither a refusal by a policy nor a success. */
export async function ask(request: HttpRequest, who?: Who): Promise<Answer> {
  try {
    const answer = await connectionAs(who).request({ timeout: 20_000, ...request });
    const ok = answer.status >= 200 && answer.status < 300;
    return { ok, text: ok ? answer.text : statusOf(answer).message };
  } catch (error) {
    return { ok: false, text: error instanceof Error ? error.message : String(error) };
  }
}

/** What must be there. */
export async function read<T>(path: string): Promise<T> {
  const { ok, text } = await ask({ method: 'GET', path });
  if (!ok) throw new Error(`GET ${path}: ${text}`);
  const value: T = JSON.parse(text);
  return value;
}

function resourceOf({ apiVersion, kind }: KubeObject): Resource<unknown> {
  const all: readonly Resource<unknown>[] = Object.values(resources);
  const found = all.find((one) => one.apiVersion === apiVersion && one.kind === kind);
  if (found === undefined) throw new Error(`no such kind in src/kube/resources.ts: ${apiVersion} ${kind}`);
  return found;
}

const collectionOf = (object: KubeObject): string =>
  collectionPath(resourceOf(object), object.metadata?.namespace);

export function pathOf(object: KubeObject): string {
  const { name = '', ...where } = object.metadata ?? {};
  return objectPath(resourceOf(object), { name, ...where });
}

/** In earnest. */
export async function create(object: KubeObject): Promise<Answer> {
  return ask({ method: 'POST', path: `${collectionOf(object)}?${strict}`, body: object });
}

export async function remove(object: KubeObject): Promise<Answer> {
  return ask({ method: 'DELETE', path: pathOf(object) });
}

export async function tryCreate(object: KubeObject, who?: Who): Promise<Answer> {
  return ask({ method: 'POST', path: `${collectionOf(object)}?${dry}&${strict}`, body: object }, who);
}

export async function tryReplace(object: KubeObject, who?: Who): Promise<Answer> {
  return ask({ method: 'PUT', path: `${pathOf(object)}?${dry}&${strict}`, body: object }, who);
}

/** By JSON patch: it changes what is there, and adds nothing. */
export async function tryPatch(object: KubeObject, patch: readonly object[]): Promise<Answer> {
  const contentType = 'application/json-patch+json';
  return ask({ method: 'PATCH', path: `${pathOf(object)}?${dry}&${strict}`, body: patch, contentType });
}

export async function tryRemove(object: KubeObject, who?: Who): Promise<Answer> {
  return ask({ method: 'DELETE', path: `${pathOf(object)}?${dry}` }, who);
}

/** A question to the authorizer. It stores nothing; the answer stands in the status of what comes back. */
export async function review(kind: string, spec: object, who?: Who): Promise<Answer> {
  const apiVersion = 'authorization.k8s.io/v1';
  const path = `/apis/${apiVersion}/${kind.toLowerCase()}s?${strict}`;
  return ask({ method: 'POST', path, body: { apiVersion, kind, spec } }, who);
}
