// Tells on the ConfigMap itself that its text is refused: whoever changed it looks there, and at its Events.
import { describeError, type CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { resources } from '../kube/resources.ts';
import { configurationRef as ref } from './configuration.ts';
import type { NewEvent } from './world.ts';

export class ConfigurationEvents {
  readonly #client: KubeClient;
  #refused: NewEvent | undefined;
  #said = '';

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** The Event to record now. Errors: those of the API. */
  async tell(problem: CertError | undefined): Promise<NewEvent | undefined> {
    if (problem === undefined) return this.#accepted();
    const message = `${describeError(problem)}; the last good configuration stays in force`;
    if (message === this.#said) return this.#refused;
    this.#refused = await this.#event('Warning', 'ConfigurationRefused', message);
    this.#said = message;
    return this.#refused;
  }

  /** Only after a refusal. */
  async #accepted(): Promise<NewEvent | undefined> {
    if (this.#said === '') return undefined;
    const event = await this.#event('Normal', 'ConfigurationAccepted', 'the configuration is good again');
    this.#said = '';
    this.#refused = undefined;
    return event;
  }

  /** Undefined: the file comes from elsewhere, and the log says it. */
  async #event(type: NewEvent['type'], reason: string, message: string): Promise<NewEvent | undefined> {
    const map = await this.#client.get(resources.configMaps, ref);
    const uid = map?.metadata?.uid;
    return uid === undefined
      ? undefined
      : { about: { kind: 'ConfigMap', ...ref, uid }, type, reason, message };
  }
}
