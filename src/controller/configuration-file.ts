// The configuration as a file that may change while we run. A wrong one is refused, and the last good one stays.
import { readFileSync } from 'node:fs';
import { CertError } from '../errors.ts';
import { parseConfiguration, type Configuration } from './configuration.ts';

export interface ConfigurationNews {
  readonly configuration: Configuration;
  /** Set when the file changed since the last look, once. */
  readonly changed: boolean;
  /** What is wrong with the file as it is now. */
  readonly problem: CertError | undefined;
}

export class ConfigurationFile {
  readonly #path: string;
  #text: string;
  #good: Configuration;
  #problem: CertError | undefined;

  /** Errors: NotFound, MalformedYaml, BadConfiguration. */
  constructor(path: string) {
    this.#path = path;
    this.#text = readText(path);
    this.#good = parseConfiguration(this.#text, path);
  }

  /** The last good one, without reading the file again. */
  get current(): Configuration {
    return this.#good;
  }

  /** Reads the file again. Never throws: what is wrong is told, and the last good configuration holds. */
  look(): ConfigurationNews {
    let text: string;
    try {
      text = readText(this.#path);
    } catch (error) {
      return this.#news(false, asCertError(error));
    }
    if (text === this.#text) return this.#news(false, this.#problem);
    this.#text = text;
    try {
      this.#good = parseConfiguration(text, this.#path);
      this.#problem = undefined;
    } catch (error) {
      this.#problem = asCertError(error);
    }
    return this.#news(true, this.#problem);
  }

  #news(changed: boolean, problem: CertError | undefined): ConfigurationNews {
    return { configuration: this.#good, changed, problem };
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CertError('NotFound', 'the configuration file cannot be read', { file, cause });
  }
}

function asCertError(error: unknown): CertError {
  if (error instanceof CertError) return error;
  return new CertError('BadConfiguration', 'the configuration cannot be read', { cause: error });
}
