// What was read of a node's own configuration, as a value. `discover` says what it wants to read next; whoever has the
// files (a Pod under /host, the tool on the host, a test) reads it and asks again.

/** `problem`: there, but it cannot be read. `unreachable`: outside of what this Pod mounts. */
export type Reading =
  | { readonly kind: 'text'; readonly text: string; readonly realPath: string }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreachable' }
  | { readonly kind: 'problem'; readonly message: string };

export const problemText = (
  path: string,
  reading: Extract<Reading, { kind: 'problem' | 'unreachable' }>,
): string =>
  reading.kind === 'problem'
    ? `${path} cannot be read: ${reading.message}`
    : `${path} lies outside the directories that are mounted; add the directory where it really lies to extraHostPaths`;

export interface Snapshot {
  /** By the node's own path. A path that is no key was not read yet. */
  readonly files: ReadonlyMap<string, Reading>;
  /** Names in a directory; undefined: no such directory, or not reachable. */
  readonly directories: ReadonlyMap<string, readonly string[] | undefined>;
}

export interface Wants {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

/** Looks into a snapshot and remembers what was not in it. */
export class SnapshotReader {
  readonly #snapshot: Snapshot;
  readonly #files = new Set<string>();
  readonly #directories = new Set<string>();
  readonly notes: string[] = [];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
  }

  file(path: string): Reading {
    const reading = this.#snapshot.files.get(path);
    if (reading !== undefined) return reading;
    this.#files.add(path);
    return { kind: 'absent' };
  }

  /** The text of a file, undefined when it is absent; what is there and cannot be read becomes a note. */
  text(path: string): string | undefined {
    const reading = this.file(path);
    if (reading.kind === 'text') return reading.text;
    if (reading.kind !== 'absent') this.note(problemText(path, reading));
    return undefined;
  }

  names(directory: string): readonly string[] {
    if (this.#snapshot.directories.has(directory)) return this.#snapshot.directories.get(directory) ?? [];
    this.#directories.add(directory);
    return [];
  }

  /** False: there is no such directory, or it cannot be read, or was not yet. */
  isListed(directory: string): boolean {
    return this.#snapshot.directories.get(directory) !== undefined;
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  get wants(): Wants {
    return { files: [...this.#files], directories: [...this.#directories] };
  }

  get complete(): boolean {
    return this.#files.size === 0 && this.#directories.size === 0;
  }
}
