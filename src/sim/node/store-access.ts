// Where the API's objects are kept, and as whom a kube-apiserver asks there: it has found out who its caller is, and
// takes the certificate that the store knows this caller by.
import * as fs from 'node:fs';

/** The directory is made by whoever started the store. */
const accessFile = '/opt/store/access.json';

export interface StoreAccess {
  readonly host: string;
  readonly port: number;
  /** PEM of the store's own authority. */
  readonly ca: string;
  /** By `identityKey`. */
  readonly identities: Readonly<Record<string, { readonly cert: string; readonly key: string }>>;
}

export function identityKey(user: string, groups: readonly string[]): string {
  return JSON.stringify([user, ...groups.toSorted()]);
}

export function readStoreAccess(): StoreAccess {
  const access: StoreAccess = JSON.parse(fs.readFileSync(accessFile, 'utf8'));
  return access;
}
