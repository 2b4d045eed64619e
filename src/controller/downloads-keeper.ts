// Looks after the downloads' Service and checksums, once a minute: what somebody changed is put right, and who has the
// Service's name before us is told of.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
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
const every = 60_000;

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
      const { event } = await this.#look(enabled);
      this.#kept = { at: now, enabled, event };
      this.#tell(event);
    }
    return this.#kept.event === undefined ? [] : [this.#kept.event];
  }

  async #look(enabled: boolean): Promise<ToDo> {
    const { client, publicNamespace: namespace, checksums } = this.#options;
    const [service, configMap] = await Promise.all([
      client.get(resources.services, { name: frontendName, namespace }),
      client.get(resources.configMaps, { name: checksumsName, namespace }),
    ]);
    const toDo = decideDownloads({ enabled, namespace, checksums }, { service, configMap });
    await this.#act(toDo);
    return toDo;
  }

  /** What somebody else changed meanwhile is looked at again in a minute. */
  async #act({ write, remove, configMap }: ToDo): Promise<void> {
    const { client, publicNamespace: namespace, log } = this.#options;
    if (configMap !== undefined) {
      const isNew = configMap.metadata?.resourceVersion === undefined;
      await client[isNew ? 'create' : 'replace'](resources.configMaps, configMap);
      log.info({ name: checksumsName }, 'the checksums of the downloads are written');
    }
    if (write !== undefined) {
      const isNew = write.metadata?.resourceVersion === undefined;
      const written = await client[isNew ? 'create' : 'replace'](resources.services, write);
      log.info({ name: frontendName, written: written.ok }, 'the Service of the downloads is written');
    }
    if (remove !== undefined) {
      await client.delete(
        resources.services,
        { name: frontendName, namespace },
        { uid: remove.metadata?.uid ?? '' },
      );
      log.info({ name: frontendName }, 'downloads are switched off: their Service is deleted');
    }
  }

  #tell(event: NewEvent | undefined): void {
    const message = event?.message ?? '';
    if (message === this.#said) return;
    this.#said = message;
    if (event === undefined) this.#options.log.info('the Service of the downloads is ours');
    else this.#options.log.warn({ reason: event.reason }, message);
  }
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
