// Tokens of ServiceAccounts: signed and bound to a Pod as the API server's TokenRequest does it.
import { createPublicKey, randomUUID, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import { fieldsOf, listOf, textOf, type ApiObject, type Fields } from './objects.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';
const algorithm = 'ES256';

export interface TokenWish {
  readonly account: ApiObject;
  readonly pod: ApiObject | undefined;
  readonly audiences: readonly string[];
  readonly seconds: number;
}

export class Tokens {
  readonly #store: Store;
  readonly #key: KeyObject;
  readonly #now: () => Date;

  constructor(store: Store, key: KeyObject, now: () => Date) {
    this.#store = store;
    this.#key = key;
    this.#now = now;
  }

  async issue({ account, pod, audiences, seconds }: TokenWish): Promise<string> {
    const { namespace = '', name = '', uid = '' } = account.metadata;
    const nodeName = textOf(pod?.spec?.['nodeName']);
    const node = nodeName === '' ? undefined : this.#store.get('/nodes', nodeName);
    const claims = {
      namespace,
      serviceaccount: { name, uid },
      ...(pod === undefined ? {} : { pod: { name: pod.metadata.name, uid: pod.metadata.uid } }),
      ...(nodeName === '' ? {} : { node: { name: nodeName, uid: node?.metadata.uid } }),
    };
    const at = Math.floor(this.#now().getTime() / 1000);
    return new SignJWT({ 'kubernetes.io': claims })
      .setProtectedHeader({ alg: algorithm })
      .setIssuer(issuer)
      .setAudience([...audiences])
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .setIssuedAt(at)
      .setNotBefore(at)
      .setExpirationTime(at + seconds)
      .setJti(randomUUID())
      .sign(this.#key);
  }

  /** Undefined for a token that does not hold, or whose account or Pod is gone. */
  async review(token: string, audience: string = issuer): Promise<User | undefined> {
    try {
      const { payload } = await jwtVerify(token, createPublicKey(this.#key), {
        issuer,
        audience,
        algorithms: [algorithm],
        currentDate: this.#now(),
      });
      return this.#userOf(payload);
    } catch {
      return undefined;
    }
  }

  #userOf(payload: JWTPayload): User | undefined {
    const claims = fieldsOf(payload['kubernetes.io']);
    const namespace = textOf(claims['namespace']);
    const account = fieldsOf(claims['serviceaccount']);
    const name = textOf(account['name']);
    if (!this.#isThere('/serviceaccounts', namespace, account)) return undefined;
    const pod = fieldsOf(claims['pod']);
    if (claims['pod'] !== undefined && !this.#isThere('/pods', namespace, pod)) return undefined;
    return {
      name: `system:serviceaccount:${namespace}:${name}`,
      uid: textOf(account['uid']),
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`],
      extra: extraOf(payload, pod, fieldsOf(claims['node'])),
    };
  }

  #isThere(resource: string, namespace: string, claimed: Fields): boolean {
    const object = this.#store.get(resource, `${namespace}/${textOf(claimed['name'])}`);
    return object !== undefined && object.metadata.uid === claimed['uid'];
  }
}

const prefix = 'authentication.kubernetes.io';

function extraOf(payload: JWTPayload, pod: Fields, node: Fields): Record<string, string[]> {
  const known: readonly [string, string][] = [
    ['credential-id', payload.jti === undefined ? '' : `JTI=${payload.jti}`],
    ['node-name', textOf(node['name'])],
    ['node-uid', textOf(node['uid'])],
    ['pod-name', textOf(pod['name'])],
    ['pod-uid', textOf(pod['uid'])],
  ];
  return Object.fromEntries(
    known.filter(([, value]) => value !== '').map(([key, value]) => [`${prefix}/${key}`, [value]]),
  );
}

export const audiencesOf = (spec: Fields): readonly string[] => {
  const asked = listOf(spec['audiences']).map(textOf);
  return asked.length === 0 ? [issuer] : asked;
};
