// Where the API's objects are kept, and how a kube-apiserver asks there: it has found out who its caller is, and asks as
// that user.
import * as fs from 'node:fs';

/** The directory is made by whoever started the store. */
const accessFile = '/opt/store/access.json';

export interface StoreAccess {
  readonly host: string;
  readonly port: number;
  /** PEM: the store's own authority, and a client certificate that may act as any user. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface Caller {
  readonly user: string;
  readonly groups: readonly string[];
}

/** Kubernetes' own headers for acting as another user. */
export function headersOf({ user, groups }: Caller): Record<string, string | readonly string[]> {
  return { 'impersonate-user': user, ...(groups.length === 0 ? {} : { 'impersonate-group': groups }) };
}

export function readStoreAccess(): StoreAccess {
  const access: StoreAccess = JSON.parse(fs.readFileSync(accessFile, 'utf8'));
  return access;
}
