// A client that writes only while its holder leads. Asked before every single write: a process that was stopped for a
// while, and woke up in the middle of its work, finds the door shut.
import { CertError } from '../errors.ts';
import type { KubeClient } from './client.ts';

/** Reads go through; a write while `holds` is false is Aborted. */
export function fence(client: KubeClient, holds: () => boolean): KubeClient {
  const check = (): void => {
    if (!holds()) throw new CertError('Aborted', 'no longer leading: the rest is left to the leader');
  };
  return {
    get: async (of, ref) => client.get(of, ref),
    list: async (of, options) => client.list(of, options),
    watch: (of, options) => client.watch(of, options),
    raw: async (path, timeout) => client.raw(path, timeout),
    credentials: async () => client.credentials(),
    async create(of, object, options) {
      check();
      return client.create(of, object, options);
    },
    async replace(of, object, subresource) {
      check();
      return client.replace(of, object, subresource);
    },
    async patch(of, ref, patch, subresource) {
      check();
      return client.patch(of, ref, patch, subresource);
    },
    async patchStatus(of, ref, status) {
      check();
      return client.patchStatus(of, ref, status);
    },
    async delete(of, ref, options) {
      check();
      return client.delete(of, ref, options);
    },
  };
}
