// Looks after the downloads' Service and checksums, twice a minute: what somebody changed is put right, and who has the
// Service's name before us is told of.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CertError } from '../errors.ts';
import type { ConfigMap, Service } from 'kubernetes-types/core/v1.js';
import type { DeleteOptions, KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import type { Logger } from '../log.ts';
import type { Configuration } from './configuration.ts';
import { checksumsName, decideDownloads, frontendName, type ToDo } from './downloads.ts';
import type { NewEvent } from './world.ts';

export interface DownloadsKeeperOptions {
  /** Fenced by the term. */
  readonly client: KubeClient;
  readonly publicNamespace: string;
  readonly checksums: Readonly<Record<string, string>> | undefined;
  readonly log: Logger;
}

/** Milliseconds between two looks. */
const every = 30_000;

export class DownloadsKeeper {
  readonly #options: DownloadsKeeperOptions;
  #kept: { readonly at: number; readonly enabled: boolean; readonly event: NewEvent | undefined } | undefined;
  #said = '';

  constructor(options: DownloadsKeeperOptions) {
    this.#options = options;
  }

  /** Gives the Events to record. Errors: those of the API. */
  async keep({ download: { enabled } }: Pick<Configuration, 'download'>): Promise<readonly NewEvent[]> {
    const now = performance.now();
    if (this.#kept === undefined || this.#kept.enabled !== enabled || now - this.#kept.at >= every) {
      const { event, done } = await this.#look(enabled);
      this.#kept = done ? { at: now, enabled, event } : undefined;
      this.#tell(event);
    }
    return this.#kept?.event === undefined ? [] : [this.#kept.event];
  }

  async #look(enabled: boolean): Promise<{ event: NewEvent | undefined; done: boolean }> {
    const { client, publicNamespace: namespace, checksums } = this.#options;
    const [service, configMap] = await Promise.all([
      client.get(resources.services, { name: frontendName, namespace }),
      client.get(resources.configMaps, { name: checksumsName, namespace }),
    ]);
    const toDo = decideDownloads({ enabled, namespace, checksums }, { service, configMap });
    // The ConfigMap says what became of the Service: it comes after it.
    const done = (await this.#actOnService(toDo)) && (await this.#actOnChecksums(toDo));
    return { event: toDo.event, done };
  }

  /** False: somebody else was faster, and the next pass looks again. */
  async #actOnService({ write, remove }: ToDo): Promise<boolean> {
    const { client, publicNamespace: namespace, log } = this.#options;
    if (write !== undefined) {
      const verb = write.metadata?.resourceVersion === undefined ? 'create' : 'replace';
      const { ok } = await client[verb](resources.services, write);
      log.info({ name: frontendName, ok }, 'the Service of the downloads is written');
      return ok;
    }
    if (remove !== undefined) {
      const ref = { name: frontendName, namespace };
      const { ok } = await client.delete(resources.services, ref, asRead(remove));
      log.info({ name: frontendName, ok }, 'downloads are switched off: their Service is deleted');
      return ok;
    }
    return true;
  }

  async #actOnChecksums({ configMap }: ToDo): Promise<boolean> {
    if (configMap === undefined) return true;
    const { client, log } = this.#options;
    const verb = configMap.metadata?.resourceVersion === undefined ? 'create' : 'replace';
    const { ok } = await client[verb](resources.configMaps, configMap);
    log.info({ name: checksumsName, ok }, 'the checksums of the downloads are written');
    return ok;
  }

  #tell(event: NewEvent | undefined): void {
    const message = event?.message ?? '';
    if (message === this.#said) return;
    this.#said = message;
    if (event === undefined) this.#options.log.info('the Service of the downloads is ours');
    else this.#options.log.warn({ reason: event.reason }, message);
  }
}

/** What somebody has taken over since it was read is not deleted. */
function asRead({ metadata }: Service | ConfigMap): DeleteOptions {
  const { uid = '', resourceVersion } = metadata ?? {};
  return { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}

/** SHA256SUMS of each architecture; undefined where there is no such directory: the controller runs outside of its image. */
export function readChecksums(directory: string): Readonly<Record<string, string>> | undefined {
  try {
    const architectures = readdirSync(directory).toSorted();
    return Object.fromEntries(
      architectures.map((name) => [name, readFileSync(join(directory, name, 'SHA256SUMS'), 'utf8')]),
    );
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new CertError('Io', 'the checksums of the downloads cannot be read', { file: directory, cause });
  }
}
