// Where the API's objects are kept, and how a kube-apiserver asks there: it has found out who its caller is, and says so in
// the headers by which Kubernetes' own front proxy does it.
import * as fs from 'node:fs';
import type { ApiServer } from '../api/server.ts';
import { frontProxy } from '../api/users.ts';

/** The directory is made by whoever started the store. */
const accessFile = process.env['STORE_ACCESS'] ?? '/opt/store/access.json';

export interface StoreAccess {
  readonly host: string;
  readonly port: number;
  /** PEM: the store's own authority, and a client certificate that may say for whom it asks. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function readStoreAccess(): StoreAccess {
  const access: StoreAccess = JSON.parse(fs.readFileSync(accessFile, 'utf8'));
  return access;
}

/** @param store where it is, with a client certificate of `frontProxy` */
export function accessTo(store: ApiServer): StoreAccess {
  const { hostname, port } = new URL(store.url);
  return { host: hostname, port: Number(port), ca: store.caPem, ...store.clientCertificate(frontProxy, []) };
}
