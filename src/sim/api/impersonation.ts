// Acting as another user (kubectl --as): a right of its own for every name and group.
import type { IncomingMessage } from 'node:http';
import { authorize, refusal, type Attributes } from './rbac.ts';
import type { Store } from './store.ts';
import { authenticated, type User } from './users.ts';

const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Who the request is made as. Errors: 403. */
export function impersonated(store: Store, user: User, { headersDistinct }: IncomingMessage): User {
  const [name] = headersDistinct['impersonate-user'] ?? [];
  if (name === undefined) return user;
  const groups = headersDistinct['impersonate-group'] ?? [];
  const [, namespace, account] = serviceAccount.exec(name) ?? [];
  const wanted = [
    account === undefined
      ? { resource: 'users', name, namespace: undefined }
      : { resource: 'serviceaccounts', name: account, namespace },
    ...groups.map((group) => ({ resource: 'groups', name: group, namespace: undefined })),
  ];
  for (const one of wanted) check(store, user, one);
  const own =
    namespace === undefined ? [] : ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
  return authenticated({ name, groups: groups.length > 0 ? groups : own, extra: {} });
}

function check(store: Store, user: User, what: Pick<Attributes, 'resource' | 'name' | 'namespace'>): void {
  const wanted = { isResource: true, path: '', verb: 'impersonate', group: '', subresource: '', ...what };
  const { allowed, reason } = authorize(store, user, wanted);
  if (!allowed) throw refusal(user, wanted, reason);
}
