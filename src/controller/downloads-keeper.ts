// Looks after the downloads' Service and checksums, twice a minute: what somebody changed is put right, and who has the
// Service's name before us is told of.
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { CertError } from '../errors.ts';
import { versionFile } from '../image.ts';
import type { ConfigMap, Service } from 'kubernetes-types/core/v1.js';
import type { DeleteOptions, KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import type { Logger } from '../log.ts';
import type { Configuration } from './configuration.ts';
import { checksumsName, decideDownloads, frontendName, madeAnew, web, type ToDo } from './downloads.ts';
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
  #once: NewEvent[] = [];
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
    const told = this.#kept?.event === undefined ? [] : [this.#kept.event];
    return [...told, ...this.#once.splice(0)];
  }

  async #look(enabled: boolean): Promise<{ event: NewEvent | undefined; done: boolean }> {
    const { client, publicNamespace: namespace, checksums } = this.#options;
    const [service, deployment, configMap] = await Promise.all([
      client.get(resources.services, { name: frontendName, namespace }),
      client.get(resources.deployments, { name: web.name, namespace }),
      client.get(resources.configMaps, { name: checksumsName, namespace }),
    ]);
    const toDo = decideDownloads({ enabled, namespace, checksums }, { service, deployment, configMap });
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

  async #actOnChecksums({ configMap, immutable }: ToDo): Promise<boolean> {
    if (configMap === undefined) return true;
    const { client, publicNamespace: namespace, log } = this.#options;
    if (immutable !== undefined) {
      const { ok } = await client.delete(
        resources.configMaps,
        { name: checksumsName, namespace },
        asRead(immutable),
      );
      if (!ok) return false;
      this.#once.push(madeAnew(immutable, namespace));
    }
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

/**
 * SHA256SUMS of each architecture, and the version that they are of; undefined where there is no such directory: the
 * controller runs outside of its image. Errors: Io.
 */
export function readChecksums(directory: string): Readonly<Record<string, string>> | undefined {
  if (!existsSync(directory)) return undefined;
  const read = (...path: readonly string[]) => readFileSync(join(directory, ...path), 'utf8');
  try {
    const architectures = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .toSorted();
    const sums = architectures.map((name) => [name, read(name, 'SHA256SUMS')]);
    return { ...Object.fromEntries(sums), version: read(versionFile).trim() };
  } catch (cause) {
    throw new CertError('Io', 'the checksums of the downloads cannot be read', { file: directory, cause });
  }
}
